"""Numbers, and letters in upper case."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.texts import TextRefiner, replace_where

_DIGIT = r"\p{Nd}\p{No}"
_NUMBER = rf"[{_DIGIT}]+(?:[.,'’٫٬][{_DIGIT}]+)*"
# Letters that make words with digits: all but those of scripts without spaces.
_LETTER = (
    r"(?:[_\p{Lu}\p{Lt}\p{Ll}\p{Lm}\p{M}]|[^\P{Lo}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}"
    r"\p{Khmer}\p{Myanmar}])"
)
# A word with digits in it stays: it is the group that is put back.
_WORD_OR_NUMBER = rf"((?:{_NUMBER})?{_LETTER}+(?:[{_DIGIT}]|{_LETTER})*)|{_NUMBER}"


class RemoveNumbers(TextRefiner):
    r"""Remove numbers in the digits of any script, whole.

    A number is digits with single ``.``, ``,`` or ``'`` between them: ``3.14``, ``1,000.50``,
    ``١٢٫٥``; signs, units and currencies around it stay. Fractions (``½``) and other numbers in one
    character count as digits; Roman numerals and number words do not. A digit in a word (``H2O``,
    ``utf8``, ``3rd``, ``m²``, ``x_1``) stays unless asked for. White space stays. Scripts without
    spaces make no words with digits: ``2024年`` becomes ``年``. Null stays null.

    Attributes:
        in_words: Whether digits in words go too.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "In 1999, H2O cost 1,000.50 (about ٣٫٥)."}])
        >>> RemoveNumbers().run(table)
        >>> table.rows()
        [{'text': 'In , H2O cost  (about ).'}]
    """

    in_words: bool = False

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts without numbers."""
        chosen = pc.match_substring_regex(texts, f"[{_DIGIT}]")
        if not pc.any(chosen).as_py():
            return texts
        numbered = texts.filter(chosen)
        if self.in_words:
            rest = pc.replace_substring_regex(numbered, _NUMBER, "")
        else:
            rest = pc.replace_substring_regex(numbered, _WORD_OR_NUMBER, r"\1")
        return replace_where(texts, chosen, rest)


class Lowercase(TextRefiner):
    """Write letters of all scripts in lower case.

    By Unicode's full mapping, in no particular language: ``ΟΔΟΣ`` becomes ``οδος`` with the sigma
    of a word's end, ``İ`` becomes ``i`` with a dot above, and German ``ß`` stays. Scripts without
    case stay as they are. Null stays null.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "ÀB ΟΔΟΣ"}])
        >>> Lowercase().run(table)
        >>> table.rows()
        [{'text': 'àb οδος'}]
    """

    def refine(self, texts: pa.Array) -> pa.Array:
        """Return the texts in lower case."""
        lower = pc.ascii_lower(texts)
        beyond_ascii = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), False)
        if pc.any(beyond_ascii).as_py():
            # Arrow's own mapping goes letter by letter, which knows no final sigma.
            others = [text.lower() for text in texts.filter(beyond_ascii).to_pylist()]
            lower = replace_where(lower, beyond_ascii, pa.array(others, pa.string()))
        return texts if lower.equals(texts) else lower
