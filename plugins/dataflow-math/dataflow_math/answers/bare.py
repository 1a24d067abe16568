"""Texts that are nothing but an answer, and formulas at the end of a text."""

from __future__ import annotations

import re

from dataflow_math.answers.choices import lists_options
from dataflow_math.answers.numbers import stands_alone

_MOST_CHARACTERS = 400
_MOST_WORDS = 8
_JOINTS = frozenset({"and", "or"})
_COMMAND = re.compile(r"\\[a-zA-Z]+|<<[^<>]*>>")
_SAYS = re.compile(r"[^\W_]|\\\{|∅|∞")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCES = re.compile(r"[.!?。！？]\s+\S|[。！？]\S|\?|？")
_ENVIRONMENT = re.compile(
    r"\$\$.*?\$\$|\\begin\{.*?\\end\{[^{}]*\}|\\\[.*?\\\]|\\\(.*?\\\)|\$[^$]*\$", re.DOTALL
)
_FORMULA = re.compile(
    r"\$\$(?P<display>[^$]+)\$\$|(?<![\\\d])\$(?P<inline>[^$\n]+)(?<!\\)\$"
    r"|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]",
    re.DOTALL,
)
_SO = re.compile(
    r"(?:(?:thus|so|hence|therefore)\b|所以|因此|故|\\therefore(?![a-zA-Z])|\\Rightarrow(?![a-zA-Z])"
    r"|=>|⇒|∴|→)[,:，]?\s*",
    re.IGNORECASE,
)
_FEW_IDEOGRAPHS = 2
_LABEL = re.compile(r"[^\W\d_]{2,}:\s*(?:\\?[$€£¥])?(?=[-+.\d])")
_IT_IS = re.compile(
    r"(?:=|(?:it|that|this)(?:['’]s|\s+is)\s)\s*(?=[-+]?\\?[$€£¥]?\d)", re.IGNORECASE
)
_NO_ANSWER = re.compile(
    r"(?:i|we)\s+(?:am|are|do|don|can|cannot|could|couldn|have|haven)\b.*"
    r"|(?:(?:the|my)\s+)?(?:\w+\s+)?answer\s+(?:is|remains)\s+(?:not\b.*|unknown|unclear)"
    r"|unknown|unclear|undetermined|who knows",
    re.IGNORECASE | re.DOTALL,
)
_PROSE = re.compile(r"\s[a-zA-Z]{3,}\s")


def bare_answer(text: str) -> str | None:
    """Return a text that is nothing but an answer; None for one that says more.

    That is one line (but for formulas) of a few words, or of none before the first number or
    formula but its name; and no sentence about it, nor that there is no answer. Of "Total: $5",
    and of "So" before a formula, what follows is the answer.

    Example:
        >>> bare_answer("$x = 5$"), bare_answer("7 DVDs"), bare_answer("an ellipse")
        ('$x = 5$', '7 DVDs', 'an ellipse')
        >>> bare_answer("Total: $1,200"), bare_answer("Hence, $x = 5$.")
        ('1,200', '$x = 5$')
        >>> [bare_answer(text) for text in ("She has 3 left.", "The pair is $(7, 6)$", "Unknown.")]
        [None, None, None]
    """
    short = short_answer(text)
    if short is None or lists_options(short) or _NO_ANSWER.fullmatch(short.rstrip(".!")):
        return None
    short = short[label.end() :] if (label := _LABEL.match(short)) else short
    short = short[it_is.end() :] if (it_is := _IT_IS.match(short)) else short
    if so := _SO.match(short):
        rest = short[so.end() :].rstrip(".。")
        plain = _WORD.search(_COMMAND.sub(" ", rest)) is None
        return rest if _ENVIRONMENT.fullmatch(rest) or (plain and rest) else None
    lead, *numbers = re.split(r"\d", _COMMAND.sub(" ", _ENVIRONMENT.sub("0", short)), maxsplit=1)
    words = [word for word in _WORD.findall(lead) if word not in _JOINTS]
    if numbers and sum("\u3040" <= character <= "\u9fff" for character in lead) > _FEW_IDEOGRAPHS:
        return None
    return short if len(words) <= (1 if numbers else 4) else None


def short_answer(text: str) -> str | None:
    """Return a text of one line, one sentence and few words, which may be an answer."""
    text = text.strip()
    if not text or len(text) > _MOST_CHARACTERS:
        return None
    outside = _ENVIRONMENT.sub(" ", text)
    if "\n" in outside or _SENTENCES.search(outside):
        return None
    words = _WORD.findall(_COMMAND.sub(" ", outside))
    ideographs = sum("\u3040" <= character <= "\u9fff" for character in outside)
    if len(words) > _MOST_WORDS or ideographs > _MOST_WORDS:
        return None
    return text if _SAYS.search(text) else None


def formula_at_end(text: str) -> str | None:
    r"""Return the formula in the last sentence of a text, with no number after it.

    ``$`` that begins an amount of money begins no formula.

    Example:
        >>> formula_at_end(r"As $y = 1$, the pair is $(7, 6)$."), formula_at_end("$5 and $6.")
        ('(7, 6)', None)
    """
    tail = text[-2000:]
    formulas = list(_FORMULA.finditer(tail))
    if not formulas:
        return None
    found = formulas[-1]
    after, content = tail[found.end() :], next(part for part in found.groups() if part)
    if re.search(r"\d|[.!?。]\s+\S", after) or _PROSE.search(f" {_COMMAND.sub('', content)} "):
        return None
    if not stands_alone(tail[: found.start()], after):
        return None
    return content.strip() or None
