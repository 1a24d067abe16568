"""Multiple choice: the letter that a text states as its answer."""

from __future__ import annotations

import re

_LETTER = r"[A-J]"
_OPEN = r"(?:[(（\[]|\\text\{\s*\(?|\\mathrm\{\s*\(?|\\textbf\{\s*\(?|\*\*\(?)?\s{0,4}"
_CLOSE = r"\s{0,4}(?:\)?\}|\)?\*\*|[)）\]])?"
_ALONE = re.compile(rf"\$?{_OPEN}({_LETTER}){_CLOSE}\$?\s?[.:,;。)）]*")
_AT_FIRST = re.compile(
    rf"(?:[(（\[]({_LETTER})[)）\]]|({_LETTER})\s?[)）:：]|({_LETTER})\.\s|({_LETTER})(?=\s?[(（]))"
)
_AT_LAST = re.compile(
    rf"(?:(?:[,，;:：–—-]\s*|\s)[(（\[]({_LETTER})[)）\]]"
    rf"|(?:[,，;:：–—-]|\b(?:think|be|is|was|likely|probably|definitely))\s+({_LETTER}))\s*[.。]*$"
)
_END = r"(?=\s{0,4}(?:\}?\$?[).:,;。，）*]|\n|$))"
_CHOSEN = re.compile(
    r"(?:\b(?i:option|choice|answer|ans)\b[ ]?(?i:is|=|:|：)?"
    r"|(?:故选|应选|選|选)(?:择|項|项)?(?:为|是)?)"
    rf"[ ]?[:：]?{_OPEN}({_LETTER}){_CLOSE}{_END}"
)
_OPTION = re.compile(rf"(?:^|\s)(?:[(（\[]({_LETTER})[)）\]]|({_LETTER})[).）])\s?(?=\S)")


def choice_in_statement(statement: str) -> str | None:
    """Return the letter that a statement of the answer gives; None where it gives none.

    The letter stands alone, before what it stands for ("B) dog", "(B) dog"), is named ("option B"),
    or comes last, set off ("a dog, B"). "A dog" and "I think so" have none.

    Example:
        >>> [choice_in_statement(text) for text in ("(A)", "a dog, B", "B) dog", "A dog", "f(A)")]
        ['A', 'B', 'B', None, None]
    """
    statement = statement.strip()
    if found := _ALONE.fullmatch(statement):
        return found[1]
    for pattern in (_AT_FIRST.match, _CHOSEN.search, _AT_LAST.search):
        if found := pattern(statement):
            return next(letter for letter in found.groups() if letter)
    return None


def choice_in_text(text: str) -> str | None:
    """Return the letter that a whole text chooses: 选A, "option B", or a text that is a choice.

    Example:
        >>> [choice_in_text(text) for text in ("因为 3 > 2，故选：B。", "(C) 12", "(A) 3 (B) 4")]
        ['B', 'C', None]
    """
    chosen = [found[1] for found in _CHOSEN.finditer(text)]
    if chosen:
        return chosen[-1]
    before, _, line = text.strip().rpartition("\n")
    if len(line) > 200 or lists_options(line):
        return None
    found = _ALONE.fullmatch(line.strip()) or (None if before else _AT_FIRST.match(line))
    return next(letter for letter in found.groups() if letter) if found else None


def lists_options(text: str) -> bool:
    """Tell whether a text has several options, from A, and so chooses none of them."""
    letters = [found[1] or found[2] for found in _OPTION.finditer(text)]
    return letters[:2] == ["A", "B"]
