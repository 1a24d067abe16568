"""The options of a question: their letters, which of them a reference and an answer name."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from string import ascii_uppercase
from typing import Any, Literal

from dataflow_core.operators.prompted import is_blank
from dataflow_core.prompts import Unparsable
from dataflow_core.prompts.answers.score import number_text

ReferenceIs = Literal["letter", "text", "index", "number"]
"""What names an option: its letter, its text, its place from 0 on, its place from 1 on."""

_LETTERS = frozenset(ascii_uppercase)
_BETWEEN = re.compile(r"[\s,;/&、，；]+(?:and\s+)?")
_LETTER = re.compile(r"[(\[*]*([A-Za-z])[)\].:*]*")
_LETTER_AND_TEXT = re.compile(r"\(?([A-Za-z])\s*[).:]\s*(\S.*)", re.DOTALL)

_BOXED = re.compile(
    r"\\?[(\[$]*\s*\\boxed\s*\{(?:\s*\\text\w*\s*\{)?\s*([^{}]*?)\s*\}[\s}.$]*(?:\\[)\]][\s.]*)?"
)
_PHRASE = re.compile(
    r"(?:(?:the|my)\s+)?(?:(?:correct|right|best|final)\s+)?(?:answer|option|choice)"
    r"(?:\s*:|\s+is:?)?\s+(?:option\s+)?([(*]*[A-Z][)*]*[.:)]?(?:\s+\S.*)?)",
    re.DOTALL | re.IGNORECASE,
)


def lettered(options: Any) -> dict[str, str]:
    """Return options by letter: a list in its order, a mapping from letters in theirs.

    Numbers and booleans are texts, as JSON writes them. Listed options that bring the very letters
    along (``"A) 36"``, ``"B) 15"``) lose them. A null in a mapping is no option: tables have one
    for each letter that other rows have.

    Args:
        options: The options.

    Raises:
        Unparsable: There are more than letters, one is null, blank, a list or an object, or they
            are neither a list nor a mapping from letters.
    """
    if isinstance(options, Mapping):
        return _by_given_letters(options)
    if not isinstance(options, (list, tuple)):
        told = f"options are a list, or a mapping from letters; found {type(options).__name__}"
        raise Unparsable(f"{told} {options!r:.60}", "invalid_options")
    if len(options) > len(ascii_uppercase):
        raise Unparsable(f"{len(options)} options; letters are there for 26", "invalid_options")
    by_letter = dict(zip(ascii_uppercase, map(_option, options), strict=False))
    split = {letter: _LETTER_AND_TEXT.fullmatch(one) for letter, one in by_letter.items()}
    if all(match is not None and match[1] == letter for letter, match in split.items()):
        return {letter: match[2] for letter, match in split.items() if match is not None}
    return by_letter


def _by_given_letters(options: Mapping[str, Any]) -> dict[str, str]:
    given = {str(name).strip(): one for name, one in options.items() if one is not None}
    letters = {name: name.upper() for name in given}
    if wrong := [name for name, one in letters.items() if one not in _LETTERS]:
        told = f"an option is called {wrong[0]!r:.60}, which is no letter"
        raise Unparsable(f"{told}. Make a list of their texts", "invalid_options")
    if len(set(letters.values())) < len(letters):
        raise Unparsable("two options have the same letter", "invalid_options")
    return {letters[name]: _option(given[name]) for name in sorted(given, key=str.upper)}


def _option(value: Any) -> str:
    if is_blank(value) or not isinstance(value, (str, int, float, Decimal)):
        raise Unparsable("an option is null, blank, a list or an object", "invalid_options")
    return plain_text(value).strip()


def plain_text(value: Any) -> str:
    """Return a value as people write it: numbers without ``.0``, booleans as JSON has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return number_text(value)
    return str(value)


def named_by_reference(reference: Any, options: Mapping[str, str], what: ReferenceIs) -> set[str]:
    """Return the letters of the options that a reference names.

    Args:
        reference: What names them: one, or a list; letters also in one text, as in ``"A, C"`` or
            ``"AC"``.
        options: The options by letter.
        what: What names an option.

    Raises:
        Unparsable: It names what is no option.
    """
    several = reference if isinstance(reference, (list, tuple)) else [reference]
    if what == "letter":
        parts = [part for one in several for part in _BETWEEN.split(str(one).strip()) if part]
        several = [one for part in parts for one in _side_by_side(part.upper(), options) or [part]]
    return {_named(one, options, what) for one in several}


def named_by_answer(answer: Any, options: Mapping[str, str]) -> set[str]:
    r"""Return the letters that a model's answer proper names.

    It has letters and nothing else (``A, C``, or in their order ``AC``), one letter with the text
    of its option, one in a fixed phrase (``The answer is B``, ``Option B``, ``\boxed{B}``), or an
    option's very text: a letter somewhere in a sentence is none. ``none`` names no option.

    Args:
        answer: What stood between the tags, or in the field: a text, or a list of letters.
        options: The options by letter.

    Raises:
        Unparsable: It says something else, or names a letter that no option has.
    """
    if isinstance(answer, list):
        return _letters([str(one) for one in answer], options)
    told = unicodedata.normalize("NFKC", str(answer)).strip()
    if told.casefold() == "none":
        return set()
    if (letter := _with_text(told, options)) is not None:
        return {letter}
    try:
        return _letters([part for part in _BETWEEN.split(told) if part], options)
    except Unparsable:
        named = {letter for letter, text in options.items() if _same(told, text)}
        together = None if named else _side_by_side(told, options)
        if together is not None and together == sorted(together):
            return set(together)
        named |= _in_phrase(told, options)
        if len(named) != 1:
            raise
        return named


def _side_by_side(told: str, options: Mapping[str, str]) -> list[str] | None:
    """Return the letters of options that stand side by side (``AC``), each once; None for none."""
    letters = list(told)
    several = len(letters) > 1 and len(set(letters)) == len(letters)
    return letters if several and options.keys() >= set(letters) else None


def _with_text(told: str, options: Mapping[str, str]) -> str | None:
    """Return the letter that stands with the text of its option; None for none."""
    match = _LETTER_AND_TEXT.fullmatch(told)
    letter = "" if match is None else match[1].upper()
    return letter if match is not None and _same(match[2], options.get(letter)) else None


def _in_phrase(told: str, options: Mapping[str, str]) -> set[str]:
    """Return the one letter that a fixed phrase, or a box, names; nothing where there is none."""
    match = _BOXED.fullmatch(told) or _PHRASE.fullmatch(told)
    if match is None:
        return set()
    named = match[1].strip()
    alone = _LETTER.fullmatch(named)
    # A small letter may be a word: "the answer is a".
    letter = alone[1] if alone is not None and alone[1] in options else _with_text(named, options)
    return set() if letter is None else {letter}


def _letters(told: Sequence[str], options: Mapping[str, str]) -> set[str]:
    matches = [_LETTER.fullmatch(one.strip()) for one in told]
    found = {match[1].upper() for match in matches if match is not None}
    if None in matches:
        what = told[matches.index(None)]
        raise Unparsable(f"{what[:80]!r} is no letter of an option")
    if unknown := sorted(found - options.keys()):
        known = f"the options are {', '.join(options)}"
        raise Unparsable(f"no option has the letter {unknown[0]}: {known}", "no_such_option")
    return found


def _named(one: Any, options: Mapping[str, str], what: ReferenceIs) -> str:
    letters = list(options)
    if what == "letter":
        found = [letter for letter in letters if _LETTER.fullmatch(one) and letter in one.upper()]
    elif what == "text":
        found = [letter for letter, text in options.items() if _same(plain_text(one), text)]
    else:
        place = _whole(one) - (what == "number")
        found = letters[place : place + 1] if place >= 0 else []
    if len(found) != 1:
        raise Unparsable(
            f"the reference, as {what}, is {one!r}, which names {len(found)} of the "
            f"{len(letters)} options",
            "invalid_reference",
        )
    return found[0]


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Unparsable(f"the reference is {value!r}; a whole number is wanted", "invalid_reference")


def _same(left: str, right: str | None) -> bool:
    return right is not None and _plain(left) == _plain(right)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".")
