"""Numbers, and letters in upper case."""

from __future__ import annotations

import re
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.refine.each_text import EachTextRefiner
from dataflow_text.texts import TextRefiner, replace_where

# Digits, and other numbers in one character (category No): superscripts, fractions, in circles.
_DIGIT = (
    r"\d\xB2\xB3\xB9\xBC-\xBE\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215F\u2189\u2460-\u249B"
    r"\u24EA-\u24FF\u2776-\u2793\u3220-\u3229\u3248-\u324F\u3251-\u325F\u3280-\u3289\u32B1-\u32BF"
)
# With the marks that make a digit a keycap or choose how it looks.
_NUMBER = rf"[{_DIGIT}]++(?:[.,'’٫٬][{_DIGIT}]++)*+[\uFE0E\uFE0F]?+\u20E3?+"
# Letters that make words with digits: all but those of scripts without spaces.
_LETTER = (
    rf"[^\W{_DIGIT}\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3005-\u30FF\u3400-\u9FFF\uF900-\uFAFF]"
)
_ANY_NUMBER = re.compile(_NUMBER)
_WHOLE_NUMBER = re.compile(
    rf"(?<![{_DIGIT}])(?<!{_LETTER})(?<![{_DIGIT}][.,'’٫٬]){_NUMBER}(?!{_LETTER})"
)


class RemoveNumbers(EachTextRefiner):
    r"""Remove numbers in the digits of any script, whole.

    A number is digits with single ``.``, ``,`` or ``'`` between them: ``3.14``, ``1,000.50``,
    ``١٢٫٥``; signs, units and currencies around it stay. Fractions (``½``) and other numbers in one
    character count as digits, and keycaps (``5️⃣``) go whole; Roman numerals and number words stay.
    A digit in a word (``H2O``, ``utf8``, ``3rd``, ``m²``, ``x_1``) stays unless asked for. White
    space stays. Scripts without spaces make no words with digits: ``2024年`` becomes ``年``. Null
    stays null.

    Source: Unicode Standard (2025), section 4.5, category N.

    Attributes:
        in_words: Whether digits in words go too.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "In 1999, H2O cost 1,000.50 (about ٣٫٥)."}])
        >>> RemoveNumbers().run(table)
        >>> table.rows()
        [{'text': 'In , H2O cost  (about ).'}]
    """

    sign: ClassVar[str] = r"[\p{Nd}\p{No}]"

    in_words: bool = False

    def clean(self, text: str) -> str:
        """Return one text without numbers."""
        return (_ANY_NUMBER if self.in_words else _WHOLE_NUMBER).sub("", text)


class Lowercase(TextRefiner):
    """Write letters of all scripts in lower case.

    By Unicode's full mapping, in no particular language: ``ΟΔΟΣ`` becomes ``οδος`` with the sigma
    of a word's end, ``İ`` becomes ``i`` with a dot above, and German ``ß`` stays. Scripts without
    case stay as they are. Null stays null.

    Source: Unicode Standard (2025), section 3.13, default case conversion.

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
