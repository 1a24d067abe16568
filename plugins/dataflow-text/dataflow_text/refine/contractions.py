"""English contractions, written out."""

from __future__ import annotations

import re
from typing import ClassVar

from dataflow_text.refine.each_text import EachTextRefiner

_NEGATED = (
    r"(?:ai|are|ca|could|did|do|does|had|has|have|is|may|might|must|need|ought|sha|should|was|were"
    r"|wo|would)n"
)
_OF_NEGATED = {"ca": "cannot", "wo": "will not", "sha": "shall not"}
# After these, 's is a verb; after other words it may as well be a possessive.
_SUBJECTS = r"he|she|it|that|there|here|what|who|where|when|why|how"
_HAS = r"(?=\s+(?:been|got|had|gone|become|taken|made|done)\b)"
_WOULD = r"be|have|like|love|rather|prefer|say|want|need|suggest|recommend|hope|expect|go|do"
_CONTRACTION = re.compile(
    rf"(?<![\w'’])(?i:(?P<not>{_NEGATED})['’]t"
    r"|(?P<let>let)['’]s"
    rf"|(?P<has>{_SUBJECTS})['’]s{_HAS}"
    rf"|(?P<is>{_SUBJECTS})['’]s"
    r"|(?P<am>i)['’]m"
    r"|(?P<are>you|we|they|who|what|there|these|those)['’]re"
    r"|(?P<have>i|you|we|they|who|what|there|these|those|could|should|would|might|must)['’]ve"
    r"|(?P<will>i|you|we|they|he|she|it|that|there|this|these|those|who|what|where|how)['’]ll"
    r"|(?P<had>i|you|we|they|he|she|it|that|there|who)['’]d(?=\s+(?:better|been|had)\b)"
    rf"|(?P<would>i|you|we|they|he|she|it|that|there|who)['’]d(?=\s+(?:{_WOULD}|not|never|also|really)\b))"
    r"(?![\w'’])"
)


class ExpandContractions(EachTextRefiner):
    r"""Write English contractions out: ``don't`` becomes ``do not``, ``I'll`` ``I will``.

    With either apostrophe (``'``, ``’``); capitals stay (``Won't`` becomes ``Will not``, ``I'M``
    ``I AM``). What cannot be told from the words alone stays: possessives (``the dog's``,
    ``John's``: ``'s`` counts after pronouns and question words), ``ain't``, and ``'d`` unless the
    next word tells ``had`` (``better``, ``been``) from ``would`` (``like``, ``be`` …). ``it's``
    becomes ``it has`` before ``been``, ``got`` and the like, else ``it is``. Word order is not
    changed, so ``don't you`` becomes ``do not you``. Slang without apostrophe (``gonna``) stays.
    Null stays null. Texts in other languages hardly change.

    Source: DataFlow text operators, for the contractions.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Won't it rain? I can't say; it's been John's job."}])
        >>> ExpandContractions().run(table)
        >>> table.rows()
        [{'text': "Will not it rain? I cannot say; it has been John's job."}]
    """

    sign: ClassVar[str] = r"(?i)[a-z]['’](?:t|s|m|re|ve|ll|d)(?:[^a-z]|$)"

    def clean(self, text: str) -> str:
        """Return one text with its contractions written out."""
        return _CONTRACTION.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    kind, word = match.lastgroup or "", match[match.lastindex or 0]
    if kind == "not":
        stem = word[:-1]
        if stem.lower() == "ai":
            return match[0]
        plain = _OF_NEGATED.get(stem.lower(), f"{stem} not")
    else:
        plain = f"{word} {'us' if kind == 'let' else kind}"
    if _is_shouted(match):
        return plain.upper()
    return word[0] + plain[1:]


def _is_shouted(match: re.Match[str]) -> bool:
    """Tell whether a contraction is in capitals; ``I'm`` is not."""
    return match[0][-1].isupper()
