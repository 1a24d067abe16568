"""Punctuation: collapsed where it is repeated, or removed."""

from __future__ import annotations

import functools
import re

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from dataflow_text.refine.each_text import EachTextRefiner
from dataflow_text.texts import TextRefiner, replace_where

# Of ASCII's punctuation, what Unicode calls symbols.
_ASCII_SYMBOLS = "$+<=>^`|~"


class CollapsePunctuation(EachTextRefiner):
    r"""Collapse runs of one mark at the end of a phrase: ``What???`` becomes ``What?``.

    A run counts if it stands as punctuation does: after a letter, a digit, a closing bracket or
    quotation mark or another mark, and before white space, the end, a closing bracket or quotation
    mark, ``<``, or a character beyond ASCII. So operators such as ``a ?? b``, ``!!x`` and
    ``a!!.b`` stay. Other marks stay in any number unless named: ``https://``, ``==``, ``&&``,
    ``--``, ``...``, ``……``, rules and tables. Of full stops, four or more become three. Runs of
    different marks (``?!``) stay. Null stays null.

    Source: DataFlow text operators.

    Attributes:
        marks: The marks; those of other scripts need no place of their own.
        dots: Whether four or more full stops become three.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "What??? See https://x.org... a == b!! 好！！！"}])
        >>> CollapsePunctuation().run(table)
        >>> table.rows()
        [{'text': 'What? See https://x.org... a == b! 好！'}]
    """

    marks: str = "!?！？。，、；："
    dots: bool = True

    def clean(self, text: str) -> str:
        """Return one text with short runs."""
        return _runs(self.marks, self.dots).sub(_first, text)

    def needed_for(self, texts: pa.Array) -> pa.Array:
        """Tell which texts have a run."""
        runs = [re.escape(mark * 2) for mark in self.marks] + [r"\.{4}"] * self.dots
        return pc.match_substring_regex(texts, "|".join(runs) or r"[^\s\S]")

    @field_validator("marks")
    @classmethod
    def _are_no_letters(cls, marks: str) -> str:
        if wrong := [mark for mark in marks if mark.isalnum() or mark.isspace()]:
            raise ValueError(f"only punctuation can be collapsed, found {wrong[0]!r}")
        return marks


class RemovePunctuation(TextRefiner):
    r"""Remove punctuation of all scripts.

    That is what Unicode calls punctuation (category P: ``.,;:!?'"()-_/\@#%&*`` …, ``。，「」``,
    ``¿``, ``«``), and ASCII's ``$+<=>^`|~``; other symbols (``€``, ``©``, emoji) stay, and so do
    white space, letters and their accents. Without a replacement, ``well-known`` becomes
    ``wellknown`` and ``3.5`` becomes ``35``; keep ``-`` and ``.`` if they matter. Null stays null.
    Independent of language.

    Source: Unicode Standard (2025), section 4.5, category P.

    Attributes:
        keep: Characters that stay, such as ``'-``.
        replacement: What stands in the place of each mark, such as a space.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Well-known, isn't it? 「好」。"}])
        >>> RemovePunctuation(keep="'").run(table)
        >>> table.rows()
        [{'text': "Wellknown isn't it 好"}]
    """

    keep: str = ""
    replacement: str = ""

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts without punctuation."""
        kept = "".join(rf"\x{{{ord(mark):X}}}" for mark in self.keep)
        symbols = "".join(mark for mark in _ASCII_SYMBOLS if mark not in self.keep)
        # A class less some characters: what is neither outside it nor one of them.
        marks = rf"[^\P{{P}}{kept}]" + (f"|[{re.escape(symbols)}]" if symbols else "")
        chosen = pc.match_substring_regex(texts, marks)
        if not pc.any(chosen).as_py():
            return texts
        # Runs at once, since each match costs more than the scan for it.
        marks = marks if self.replacement else f"(?:{marks})+"
        replacement = self.replacement.replace("\\", r"\\")
        rest = pc.replace_substring_regex(texts.filter(chosen), marks, replacement)
        return replace_where(texts, chosen, rest)


@functools.cache
def _runs(marks: str, dots: bool) -> re.Pattern[str]:
    """Return an expression for runs, with a group for what remains of each."""
    ascii_marks = [re.escape(mark) for mark in marks if mark.isascii()]
    before = "".join(ascii_marks)
    forms = [
        # Looking only at the first of a run keeps the search linear.
        rf"(?<!{mark})(?<=[\w{before}.\"'”’»)\]}}*_])({mark}){mark}++"
        rf"(?=[\s{before}\"'”’»)\]}}*_<]|[^\x00-\x7F]|\Z)"
        for mark in ascii_marks
    ]
    forms += [f"({re.escape(mark)})(?:{re.escape(mark)})++" for mark in marks if not mark.isascii()]
    forms += [r"(?<!\.)(\.{3})\.++(?![/\\])"] * dots
    return re.compile("|".join(forms) or r"(?!)")


def _first(match: re.Match[str]) -> str:
    return match[match.lastindex or 0]
