"""Repair of texts that were decoded wrongly, and one form for characters with several."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar, Literal

from dataflow_text.refine.each_text import EachTextRefiner

if TYPE_CHECKING:
    from ftfy import TextFixerConfig


class FixUnicode(EachTextRefiner):
    r"""Repair mojibake, such as ``schÃ¶n`` for ``schön``, and normalize characters.

    Text that was decoded with a wrong encoding is decoded anew where that is certain enough;
    control characters that show nothing, escapes of terminals and halves of surrogate pairs go;
    line breaks (CR LF, CR, U+2028, U+2029) become line feeds, but a lone U+0085 the ``…`` that
    Windows has there; characters with several forms take one of Unicode's
    normal forms. The library ftfy does the work, line by line. ASCII without control characters
    never changes. Null stays null. Independent of language.

    Source: ftfy (Speer 2019).

    Attributes:
        normal_form: ``NFC`` joins letters with their accents; ``NFKC`` also makes compatibility
            characters plain (``ﬁ``, ``①``, ``ｗ``), which loses distinctions such as ``x²``;
            ``none`` leaves them.
        straight_quotes: Whether ``“`` and ``’`` become ``"`` and ``'``.
        plain_ligatures: Whether Latin ligatures such as ``ﬁ`` become letters.
        plain_width: Whether full-width Latin and half-width Japanese letters become usual ones.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "schÃ¶n â€œquotedâ€\x9d"}])
        >>> FixUnicode().run(table)
        >>> table.rows()
        [{'text': 'schön “quoted”'}]
    """

    sign: ClassVar[str] = r"[^\t\n -~]"

    normal_form: Literal["NFC", "NFKC", "none"] = "NFC"
    straight_quotes: bool = False
    plain_ligatures: bool = True
    plain_width: bool = False

    def clean(self, text: str) -> str:
        """Return one text repaired."""
        from ftfy import fix_text

        return fix_text(text, _configured(self))


@functools.cache
def _configured(operator: FixUnicode) -> TextFixerConfig:
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,  # DecodeHtmlEntities is for it.
        normalization=None if operator.normal_form == "none" else operator.normal_form,
        uncurl_quotes=operator.straight_quotes,
        fix_latin_ligatures=operator.plain_ligatures,
        fix_character_width=operator.plain_width,
        explain=False,
    )
