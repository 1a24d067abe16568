"""White space of texts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

_SPACES = r"[\t\v\f\x{85}\p{Zs}]"
_UNTIDY = rf"[\t\v\f\r\x{{85}}\p{{Zl}}\p{{Zp}}]|[^ \P{{Zs}}]|  |\n | \n|\n\n\n|\A\s|\s\z"


class NormalizeWhitespace(TextRefiner):
    """Make white space regular: what remains is single spaces, line breaks, and single blank lines.

    Tabs, no-break, ideographic and other spaces become a space, runs of them one; spaces around line breaks
    and at both ends go; line breaks of all kinds become a line feed, and more than two in a row become two.
    Letters, control characters such as NUL, and zero-width joiners are left alone. Independent of language.

    Attributes:
        keep_newlines: Whether line breaks survive; otherwise they become spaces too.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": " One\\ttwo \\r\\n\\n\\n\\n three "}])
        >>> NormalizeWhitespace().run(table)
        >>> table.rows()
        [{'text': 'One two\\n\\nthree'}]
    """

    keep_newlines: bool = True

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts with regular white space."""
        untidy = pc.match_substring_regex(texts, _UNTIDY if self.keep_newlines else rf"\n|{_UNTIDY}")
        if not pc.any(untidy).as_py():
            return texts
        return replace_where(texts, untidy, self._tidied(texts.filter(untidy)))

    def _tidied(self, texts: pa.Array) -> pa.Array:
        texts = pc.replace_substring_regex(texts, rf"{_SPACES}+", " ")
        texts = pc.replace_substring_regex(texts, r" ?(?:\r\n|[\n\r\p{Zl}\p{Zp}]) ?", "\n")
        if self.keep_newlines:
            texts = pc.replace_substring_regex(texts, r"\n{3,}", "\n\n")
        else:
            texts = pc.replace_substring_regex(texts, r"\n+", " ")
        return pc.utf8_trim(texts, " \n")
