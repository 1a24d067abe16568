"""How well answers agree with references: exact match, F1 of tokens, F1 of sets."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Characters of scripts that set no spaces between words: Chinese, Japanese, Thai, Lao, Burmese,
Khmer."""


def normalised(text: str) -> str:
    """Return a text as SQuAD's evaluation compares it: without case, punctuation, articles.

    Punctuation is that of ASCII, as in the original, and that of all other scripts; the articles
    are the English ones.

    Source: Rajpurkar et al. 2016, SQuAD (https://arxiv.org/abs/1606.05250), and its official
    evaluation script.

    Example:
        >>> normalised("The  Beatles, «live»!")
        'beatles live'
    """
    plain = "".join(one for one in text.lower() if not _is_punctuation(one))
    return " ".join(_ARTICLES.sub(" ", plain).split())


def tokens_of(text: str) -> list[str]:
    """Return the words of a text after `normalised`; of scripts without spaces, the characters.

    Example:
        >>> tokens_of("The year 1990 年に。")
        ['year', '1990', '年', 'に']
    """
    return _ALONE.sub(r" \g<0> ", normalised(text)).split()


def exact_match(answer: str, accepted: Iterable[str]) -> bool:
    """Tell whether an answer is one of those accepted, after `normalised`."""
    return normalised(answer) in {normalised(one) for one in accepted}


def token_f1(answer: str, accepted: Iterable[str]) -> float:
    """Return the F1 of an answer's tokens and those of the accepted answer that it is closest to.

    Example:
        >>> token_f1("the Super Bowl 50", ["Super Bowl", "the game"])
        0.8
    """
    own = tokens_of(answer)
    return max((_f1(own, tokens_of(one)) for one in accepted), default=0.0)


def set_f1(chosen: Collection[str], right: Collection[str]) -> float:
    """Return the F1 of what was chosen and what is right; 1 where both are empty.

    Example:
        >>> set_f1({"A", "B"}, {"A"})
        0.6666666666666666
    """
    return _f1(list(chosen), list(right))


def _f1(found: list[str], wanted: list[str]) -> float:
    if not found or not wanted:
        return float(found == wanted)
    same = (Counter(found) & Counter(wanted)).total()
    # As the official script reckons it, to the last bit.
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall) if same else 0.0


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character in string.punctuation
    return unicodedata.category(character).startswith("P")
