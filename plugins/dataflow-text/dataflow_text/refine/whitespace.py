"""White space of texts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

# What has the Unicode property White_Space, in RE2: spaces, and line breaks (Unicode 16, section
# 5.8).
_SPACE = r"[\t\p{Zs}]"
_ANY = r"[\t-\r\x{85}\p{Z}]"
_ODD_SPACE = r"\t|[^ \P{Zs}]"
_ODD_BREAK = r"[\v\f\r\x{85}\p{Zl}\p{Zp}]"

# The expressions match only what must change: each match costs far more than the scan for it.
_UNTIDY = rf"{_ODD_SPACE}|{_ODD_BREAK}|  | \n|\n |\n\n\n|\A[ \n]|[ \n]\z"
_SPACES = rf"(?:{_ODD_SPACE}| {_SPACE}){_SPACE}*"
_BREAKS = rf" ?(?:\r\n|{_ODD_BREAK}) ?| \n ?|\n "
_NOT_ONE_LINE = rf"{_ODD_SPACE}|{_ODD_BREAK}|\n|  |\A | \z"
_GAPS = rf"(?:{_ODD_SPACE}|{_ODD_BREAK}|\n| {_ANY}){_ANY}*"


class NormalizeWhitespace(TextRefiner):
    r"""Make white space regular: single spaces, line breaks, and single blank lines remain.

    Tabs, no-break, ideographic and other spaces become a space, runs of them one; spaces around
    line breaks and at both ends go; line breaks of all kinds (CR LF, CR, vertical tab, form feed,
    NEL, U+2028, U+2029) become a line feed, and more than two in a row become two. Letters, control
    characters such as NUL, and zero-width characters are left alone. Applied twice, it changes
    nothing more. Independent of language.

    Source: Unicode Standard (2025), section 5.8, newline guidelines.

    Attributes:
        keep_newlines: Whether line breaks survive; otherwise they become spaces too.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": " One\ttwo \r\n\n\n\n three "}])
        >>> NormalizeWhitespace().run(table)
        >>> table.rows()
        [{'text': 'One two\n\nthree'}]
    """

    keep_newlines: bool = True

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts with regular white space."""
        if not self.keep_newlines:
            return one_line(texts)
        untidy = pc.match_substring_regex(texts, _UNTIDY)
        if not pc.any(untidy).as_py():
            return texts
        tidied = pc.replace_substring_regex(texts.filter(untidy), _SPACES, " ")
        tidied = pc.replace_substring_regex(tidied, _BREAKS, "\n")
        tidied = pc.replace_substring_regex(tidied, r"\n{3,}", "\n\n")
        return replace_where(texts, untidy, pc.utf8_trim(tidied, " \n"))


def one_line(texts: pa.Array) -> pa.Array:
    """Return texts with each run of white space as one space, and none at the ends.

    Args:
        texts: Some texts.
    """
    untidy = pc.match_substring_regex(texts, _NOT_ONE_LINE)
    if not pc.any(untidy).as_py():
        return texts
    tidied = pc.replace_substring_regex(texts.filter(untidy), _GAPS, " ")
    return replace_where(texts, untidy, pc.utf8_trim(tidied, " "))
