"""Multiple choice: the letter that a text states as its answer."""

from __future__ import annotations

import re

from dataflow_math.answers.wording import alters

_LETTER = r"[A-J]"
_OPEN = r"(?:[(（\[]|\\text\{\s*\(?|\\mathrm\{\s*\(?|\\textbf\{\s*\(?|\*\*\(?)?\s{0,4}"
_CLOSE = r"\s{0,4}(?:\)?\}|\)?\*\*|[)）\]])?"
_JOINT = r"\s?(?:[,，、;；/&+]|\b(?:and|or)\b|和|与|或|及)+\s?(?:(?:and|or)\b\s?)?"
_ONE = rf"{_OPEN}{_LETTER}{_CLOSE}(?![A-Za-z0-9])"
_SEVERAL = re.compile(rf"\$?{_ONE}(?:{_JOINT}{_ONE})+\$?\s?[.:;。]*")
_MORE = rf"(?!{_JOINT}{_OPEN}{_LETTER}\b(?!['’]|\s[a-z]))"
_ALONE = re.compile(rf"\$?{_OPEN}({_LETTER}){_CLOSE}\$?\s?[.:,;。)）]*")
_AT_FIRST = re.compile(
    rf"(?:[(（\[]({_LETTER})[)）\]]{_MORE}|({_LETTER})\s?(?:[)）:：]{_MORE}|选项|項|选)|({_LETTER})\.\s|({_LETTER})(?=\s?[(（])"
    rf"|({_LETTER})[,，]{_MORE}(?=\s[A-Za-z]))"
)
_AT_LAST = re.compile(
    rf"(?:(?:[,，;:：–—-]\s*|\s)[(（\[]({_LETTER})[)）\]]"
    rf"|(?:[,，;:：–—-]|\b(?:think|be|is|was|likely|probably|definitely))\s+({_LETTER}))\s*[.。]*$"
)
_END = r"(?=\s{0,4}(?:\}?\$?[).:,;。，）*]|\n|$))"
_CHOSEN = re.compile(
    r"(?:\b(?i:option|choice|answer|ans)\b[ ]?(?i:is|=|:|：)?"
    r"|(?:故选|应选|選|选)(?:择|項|项)?(?:为|是)?)"
    rf"[ ]?[:：]?(?P<letters>{_ONE}(?:{_JOINT}{_ONE})*){_MORE}{_END}"
)
_PICKED = re.compile(
    rf"\b(?:it['’]s|it[ ]is|must[ ]be|would[ ]be|should[ ]be|pick|choose|select|go[ ]with|chose"
    rf"|est|es|ist|è|é)\s(?P<letters>[(（\[]{_LETTER}[)）\]])\s?[.!。]*$",
    re.IGNORECASE,
)
_SMALL = re.compile(r"([a-j])\)")
_LETTERS = re.compile(rf"(?<![A-Za-z\\]){_LETTER}(?![A-Za-z])")
_OPTION = re.compile(rf"(?:^|\s)(?:[(（\[]({_LETTER})[)）\]]|({_LETTER})[).）])\s?(?=\S)")


def choice_in_statement(statement: str) -> str | None:
    """Return the letter, or the letters, that a statement of the answer gives; None for none.

    The letter stands alone, before what it stands for ("B) dog", "(B) dog"), is named ("option B"),
    or comes last, set off ("a dog, B"). "A dog" and "I think so" have none.

    Example:
        >>> [choice_in_statement(text) for text in ("(A)", "a dog, B", "B) dog", "A dog", "f(A)")]
        ['A', 'B', 'B', None, None]
        >>> choice_in_statement("(A), (C)"), choice_in_statement("A, B and C")
        ('A, C', 'A, B, C')
    """
    statement = statement.strip()
    if found := _ALONE.fullmatch(statement):
        return found[1]
    if found := _SMALL.fullmatch(statement):
        return found[1].upper()
    if _SEVERAL.fullmatch(statement):
        return _listed(statement)
    if found := _AT_FIRST.match(statement):
        return next(letter for letter in found.groups() if letter)
    if found := _CHOSEN.search(statement):
        return None if _is_negated(statement, found) else _listed(found["letters"])
    if (found := _AT_LAST.search(statement)) and not _LETTERS.search(statement[: found.start()]):
        return next(letter for letter in found.groups() if letter)
    return None


def choice_in_text(text: str) -> str | None:
    """Return the letter that a whole text chooses: 选A, "option B", or a text that is a choice.

    Example:
        >>> [choice_in_text(text) for text in ("因为 3 > 2，故选：B。", "(C) 12", "(A) 3 (B) 4")]
        ['B', 'C', None]
    """
    chosen = [found for found in _CHOSEN.finditer(text) if not _is_negated(text, found)]
    if chosen:
        return _listed(chosen[-1]["letters"])
    before, _, line = text.strip().rpartition("\n")
    if len(line) > 200 or lists_options(line):
        return None
    if found := _PICKED.search(line.strip()):
        return None if _is_negated(line, found) else _listed(found["letters"])
    if _SEVERAL.fullmatch(line.strip()) or _SMALL.fullmatch(line.strip()):
        return choice_in_statement(line)
    found = _ALONE.fullmatch(line.strip()) or (None if before else _AT_FIRST.match(line))
    return next(letter for letter in found.groups() if letter) if found else None


def _listed(letters: str) -> str:
    """Return the letters of a list of choices, joined by commas."""
    return ", ".join(_LETTERS.findall(letters))


def _is_negated(text: str, choice: re.Match[str]) -> bool:
    """Tell whether a choice is ruled out, or taken back in what follows."""
    return alters(text[: choice.start("letters")], text[choice.end("letters") :])


def lists_options(text: str) -> bool:
    """Tell whether a text has several options, from A, and so chooses none of them."""
    letters = [found[1] or found[2] for found in _OPTION.finditer(text)]
    return letters[:2] == ["A", "B"]
