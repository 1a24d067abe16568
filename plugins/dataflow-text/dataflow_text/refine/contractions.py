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
_QUESTIONS = r"what|who|where|when|why|how"
_SUBJECTS = rf"he|she|it|that|there|here|{_QUESTIONS}"
# What may stand between 's and what tells `has` from `is`.
_ADVERBS = (
    r"(?:\s++(?:\w+ly|already|always|never|ever|just|also|still|now|not|often|sometimes|since|all|once"
    r"|twice|yet|seldom|almost|even|long)\b)*+\s++"
)
# Participles of verbs without a passive: after 's only `has` makes sense.
_ALONE = (
    r"been|had|got|gotten|gone|become|come|happened|occurred|arrived|appeared|disappeared|vanished"
    r"|emerged|existed|remained|seemed|died|slept|fallen|risen|arisen|begun|fled|wept|undergone"
)
# Of verbs that take one object at most: with an object it is `has`, without one a passive, perhaps.
_BEFORE_OBJECT = (
    r"taken|seen|written|eaten|drunk|broken|stolen|done|known|spoken|driven|chosen|forgotten|lost|won"
    r"|met|built|bought|brought|held|kept|led|read|spent|heard|felt|understood|worn|beaten"
)
_OBJECT = r"(?:an?|the|his|her|my|your|our|their|its|some|it|them|us|me|him|this|that)"
_HAS = rf"(?={_ADVERBS}(?:(?:{_ALONE})\b|(?:{_BEFORE_OBJECT})\s++{_OBJECT}\b))"
# `He's eaten`, `it's called`: has or is. `Red` and `indeed` are no participles.
_EITHER = (
    rf"(?:{_BEFORE_OBJECT}|made|given|shown|told|said|found|left|put|set|cut|let|hit|hurt|shut|cost|sent"
    r"|caught|taught|thought|paid|sold|thrown|drawn|ridden|hidden|forgiven|frozen|torn|sworn|bitten"
    r"|bent|bound|dug|fought|hung|laid|overcome|proven|quit|run|sought|shaken|shot|sung|sunk|spread"
    r"|spun|stuck|struck|swept|swollen|swung|wound|withdrawn|undertaken|grown|flown|stood|sat|lit"
    r"|meant|burnt|learnt|upset|agreed|freed|guaranteed"
    r"|(?!red\b|bed\b|naked\b|sacred\b|wicked\b|hundred\b)\w*[^\We]ed)\b"
)
_UNCLEAR = rf"(?!{_ADVERBS}{_EITHER})"
# `What's he want`: is, has or does.
_PRONOUN = r"(?!\s++(?:he|she|it|they|we|you|i|everyone|everybody)\b)"
_WOULD = r"be|have|like|love|rather|prefer|say|want|need|suggest|recommend|hope|expect|go|do"
_CONTRACTION = re.compile(
    rf"(?<![\w'’])(?i:(?P<not>{_NEGATED})['’]t"
    r"|(?P<let>let)['’]s"
    rf"|(?P<has>{_SUBJECTS})['’]s{_HAS}"
    rf"|(?P<is>he|she|it|that|there|here|(?:{_QUESTIONS})(?=['’]s{_PRONOUN}))['’]s{_UNCLEAR}"
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
    becomes ``it has`` before ``been``, ``gone``, ``taken the`` and the like, adverbs between or
    not; it stays before participles that may be of either (``he's eaten``, ``it's called``), and so
    does a question word before a pronoun (``what's he want``); else ``it is``. Word order is not
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
