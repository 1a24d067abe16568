r"""Whether two answers are the same, decided as cheaply as can be, and never by a part of a text.

First as texts in one way of writing (`canonical`), then as plain numbers with percent signs and
units (`quantities`), then by their structure: lists and sets in any order, tuples and intervals in
theirs with the same brackets, ``±``, ``x = …`` where the other side only has the value. Simple
expressions of different values (`values`) are told apart. What is left are expressions, which
`symbolic` compares with Math-Verify, in a process of its own.

Following Math-Verify and the evaluation of Qwen2.5-Math: words are compared without case and
articles; ``(1,2)`` equals the list ``1,2`` but not ``2,1``, ``[1,2]`` or the set ``\{1,2\}``; a set
of one element is that element. A numeral with a base, ``25_8``, equals itself alone.

Sources: Math-Verify (Kydlíček 2025); Qwen2.5-Math (Yang et al. 2024, arXiv:2409.12122),
evaluation.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflow_math.answers.brackets import enclosed, split_list
from dataflow_math.answers.canonical import canonical, key
from dataflow_math.answers.quantities import Quantity, letter_quantity, quantity, same_quantity
from dataflow_math.answers.separators import only_decimals
from dataflow_math.answers.units import same_unit, without_unit
from dataflow_math.answers.values import differ, is_constant, is_simple

Symbolic = Callable[[str, str], bool]
"""Compares two canonical expressions, reference first."""

TOLERANCE = 1e-6
"""How much a decimal may differ, relative to the larger number: six digits given are enough."""

_ROUNDED = 0.005  # how much the sides of a chain may differ, as the last one is often rounded
_MOST_ELEMENTS = 64
_MOST_DEPTH = 12
_WORDS = re.compile(r"[^\W\d_]+(?:[ '/-]+[^\W\d_]+)*")
_ARTICLE = re.compile(r"^(?:an?|the) (?=\w{2})")
_AND = re.compile(r"\s*[,;]?\s+(?:and|or)\s+|\s*[,;]?\s*(?:或|和|以及)\s*")
_JOINT = re.compile(r"\b(?:and|or)\b|或|和|以及")
_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|lt|gt)(?![a-zA-Z])")
_EQUALS = re.compile(r"(?<![<>!=:\\])=(?!=)|\\in(?![a-zA-Z])")
_NAME = r"\\?[A-Za-z]+(?:_\{?[A-Za-z0-9]+\}?)?'?(?:\s*\([A-Za-z0-9, ]*\))?"
_NAMED = re.compile(
    rf"(?:{_NAME}|\|\s*[A-Za-z]+\s*\||\(\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\)"
    rf"|\\frac\{{{_NAME}\}}\{{{_NAME}\}}|(?:\\angle|\\triangle|\\overline)\s*\{{?{_NAME}\}}?)"
)
_BASED = re.compile(r"[0-9A-Fa-f]+_\d+")
# Dates, and ranges of numbers, are neither differences nor quotients.
_AS_TEXT = re.compile(
    r"\d+(?:\.\d+)?\s*-\s*\d+(?:\.\d+)?(?:\s*-\s*\d+)?(?:\s*(?:[^\W\d_]|[%°$]).*)?"
    r"|\d+\s*/\s*\d+\s*/\s*\d+|\d+\.\d+\.\d+|\d+:\d+:\d+"
)
_CHOICES = re.compile(r"[A-J]{2,10}")
_MATRIX = re.compile(r"\\begin\{[pb]?matrix\}(.*)\\end\{[pb]?matrix\}", re.DOTALL)
_SIGNS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])|\+/-|\+-")


def equal(
    reference: str, answer: str, *, tolerance: float = TOLERANCE, symbolic: Symbolic | None = None
) -> bool | None:
    r"""Tell whether an answer is the same as the reference.

    Args:
        reference: The reference answer, not a whole solution.
        answer: The answer to judge.
        tolerance: How much two numbers may differ of which one is a decimal, relative to the
            larger; integers and fractions are compared exactly.
        symbolic: Decides what text, numbers and structure do not; None to leave it open.

    Returns:
        The verdict; None where only ``symbolic`` could tell, and is not given.

    Example:
        >>> equal(r"\sqrt{2}", r"$\sqrt2$"), equal("0.5", r"\frac12"), equal("(1,2)", "(2,1)")
        (True, True, False)
        >>> equal("1,2", r"\{2, 1\}"), equal("12", "112"), equal("x+1", "1+x")
        (True, False, None)
    """
    return _same(canonical(reference), canonical(answer), _Judge(tolerance, symbolic), 0)


@dataclass(frozen=True)
class _Judge:
    tolerance: float
    symbolic: Symbolic | None


@dataclass(frozen=True)
class _Group:
    """Elements: ``kind`` is "list", "set", both brackets, or "matrix" with its rows.

    Of a list, ``joint`` is "or" where its elements are alternatives, "and" where all of them hold.
    """

    kind: str
    elements: tuple[str, ...]
    joint: str = ""


def _same(a: str, b: str, judge: _Judge, depth: int) -> bool | None:
    verdict = _same_as_it_stands(a, b, judge)
    if verdict is not None:
        return verdict
    if depth < _MOST_DEPTH:
        if _group(a) or _group(b):
            return _same_groups(a, b, judge, depth)
        ours, theirs = split_list(a, ":"), split_list(b, ":")
        if len(ours) > 1 or len(theirs) > 1:
            return _same_ratios(ours, theirs, judge, depth + 1)
        values = _values(a, b)
        if values is not None:
            return _same(*values, judge, depth + 1)
        (ours_bare, unit), (theirs_bare, other) = without_unit(a), without_unit(b)
        if unit or other:
            if unit and other and not same_unit(unit, other):
                return False
            return _same(ours_bare, theirs_bare, judge, depth + 1)
    if (_is_equation(a) and is_simple(b)) or (_is_equation(b) and is_simple(a)):
        return False
    if differ(a, b, judge.tolerance):
        return False
    return judge.symbolic(a, b) if judge.symbolic else None


def _same_as_it_stands(a: str, b: str, judge: _Judge) -> bool | None:
    """Compare texts, numbers and words; None where answers are something else."""
    if not a or not b:
        return False
    if key(a) == key(b):
        return True
    if _BASED.fullmatch(a) or _BASED.fullmatch(b):
        return False
    if _AS_TEXT.fullmatch(a) or _AS_TEXT.fullmatch(b):
        return False
    first, second = _quantities(a, b)
    if first and second:
        return same_quantity(first, second, judge.tolerance)
    if (first or _is_letter(a)) and (second or _is_letter(b)) and not {a, b} & {"e", "i"}:
        return False
    if _same_letters(a, b) or _same_letters(b, a):
        return True
    if _is_words(a) or _is_words(b):
        return _plain_words(a) == _plain_words(b)
    return None


def _quantities(a: str, b: str) -> tuple[Quantity | None, Quantity | None]:
    """Read two texts as numbers: a decimal comma, or a letter for a unit, where that can only be."""
    first, second = quantity(a), quantity(b)
    if second and first is None:
        first = quantity(only_decimals(a)) or _by_letter(a, second)
    elif first and second is None:
        second = quantity(only_decimals(b)) or _by_letter(b, first)
    elif first is None and "," in a and "," in b and "(" not in a + b:
        one, other = only_decimals(a), only_decimals(b)
        if one != a and other != b:
            return quantity(one), quantity(other)
    return first, second


def _by_letter(text: str, other: Quantity) -> Quantity | None:
    return letter_quantity(text, other.unit) if other.unit else None


def _same_letters(a: str, b: str) -> bool:
    """Tell whether a text is several choices written as one word, ``AC``, and the other their list."""
    if not _CHOICES.fullmatch(a) or len(set(a)) != len(a):
        return False
    group = _group(b)
    return group is not None and group.kind in {"list", "set"} and sorted(group.elements) == list(a)


def _same_ratios(ours: list[str], theirs: list[str], judge: _Judge, depth: int) -> bool | None:
    """Compare what stands on both sides of colons; 3:1 is 6:2."""
    if len(ours) != len(theirs):
        return False
    values = [quantity(part.strip()) for part in (*ours, *theirs)]
    plain = [one.value for one in values if one and not one.unit and not one.is_percent]
    if len(ours) == 2 and len(plain) == 4:
        return plain[0] * plain[3] == plain[1] * plain[2] and plain[1] != 0 != plain[3]
    return _same_in_order(ours, theirs, judge, depth)


def _same_groups(a: str, b: str, judge: _Judge, depth: int) -> bool | None:
    one, other = _group(a), _group(b)
    if one and other:
        kinds = {one.kind, other.kind}
        if any(map(_RELATION.search, (*one.elements, *other.elements))):
            if {one.joint, other.joint} == {"and", "or"}:
                return False  # what holds of all is another set than what holds of one
            if len(kinds) > 1 and (one.joint or other.joint):
                return judge.symbolic(a, b) if judge.symbolic else None
        if kinds == {"set"}:
            return _same_sets(one.elements, other.elements, judge, depth + 1)
        if len(one.elements) != len(other.elements):
            return False
        if "()" in kinds and any(kind in {"matrix 1", f"matrix {len(one.elements)}"} for kind in kinds):
            return _same_in_order(one.elements, other.elements, judge, depth + 1)
        if kinds <= {"list", "set"}:
            return _same_in_any_order(one.elements, other.elements, judge, depth + 1)
        if len(kinds) == 1 or kinds == {"list", "()"}:
            return _same_in_order(one.elements, other.elements, judge, depth + 1)
        return False
    group, single = (one, b) if one else (other, a)
    if group and group.kind == "set" and len(group.elements) == 1:
        return _same(*((*group.elements, b) if one else (a, *group.elements)), judge, depth + 1)
    if quantity(single) or _is_letter(single) or is_simple(single):
        return False
    values = _values(a, b)
    if values is not None:
        return _same(*values, judge, depth + 1)
    return judge.symbolic(a, b) if judge.symbolic else None


def _same_in_order(
    ours: Sequence[str], theirs: Sequence[str], judge: _Judge, depth: int
) -> bool | None:
    verdicts = [_same(a, b, judge, depth) for a, b in zip(ours, theirs, strict=True)]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _same_in_any_order(
    ours: Sequence[str], theirs: Sequence[str], judge: _Judge, depth: int
) -> bool | None:
    """Match elements one to one; open where only undecided pairs would complete the matching."""
    if sorted(map(key, ours)) == sorted(map(key, theirs)):
        return True
    if len(ours) > _MOST_ELEMENTS:
        return False
    verdicts = [[_same(a, b, judge, depth) for b in theirs] for a in ours]
    if _matches([[verdict is True for verdict in row] for row in verdicts]):
        return True
    open_too = [[verdict is not False for verdict in row] for row in verdicts]
    return None if _matches(open_too) else False


def _same_sets(
    ours: Sequence[str], theirs: Sequence[str], judge: _Judge, depth: int
) -> bool | None:
    """Compare sets: each element of one is in the other; how often it is named is nothing."""
    ours, theirs = _distinct(ours), _distinct(theirs)
    if set(map(key, ours)) == set(map(key, theirs)):
        return True
    if max(len(ours), len(theirs)) > _MOST_ELEMENTS:
        return False
    verdicts = [[_same(a, b, judge, depth) for b in theirs] for a in ours]
    lines = [*verdicts, *map(list, zip(*verdicts, strict=True))]
    if all(True in line for line in lines):
        return True
    return None if all(True in line or None in line for line in lines) else False


def _distinct(elements: Sequence[str]) -> list[str]:
    return list({key(one): one for one in elements}.values())


def _matches(allowed: list[list[bool]]) -> bool:
    """Tell whether each row can have a column of its own (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, free in enumerate(allowed[row]):
            if free and column not in seen:
                seen.add(column)
                if column not in taken or place(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(allowed)))


@functools.lru_cache(maxsize=4096)
def _group(text: str) -> _Group | None:
    """Return the elements of a list, set, tuple or interval; None for a single expression."""
    if inside := enclosed(text):
        opening, content, closing = inside
        parts = split_list(content)
        if opening in ("\\{", "{") and closing in ("\\}", "}"):
            named = opening == "\\{" or len(parts) > 1
            return _Group("set", _nonempty(parts)) if named and content.strip() else None
        if len(parts) > 1 and opening in "([" and closing in ")]":
            return _Group(opening + closing, _nonempty(parts))
    if (found := _MATRIX.fullmatch(text)) and "\\begin" not in found[1]:
        rows = [row for row in found[1].split("\\\\") if row.strip()]
        return _Group(f"matrix {len(rows)}", tuple(c.strip() for r in rows for c in r.split("&")))
    parts = [part for piece in split_list(text) for part in _AND.split(piece)]
    parts = list(_nonempty([part for one in parts for part in _both_signs(one)]))
    joints = {word.casefold() for word in _JOINT.findall(text)}
    joint = "" if len(joints) != 1 else "or" if joints & {"or", "或"} else "and"
    return _Group("list", tuple(parts), joint) if len(parts) > 1 else None


def _nonempty(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for part in parts if part.strip())


def _both_signs(text: str) -> list[str]:
    r"""Return both values of an expression with ``\pm`` outside of brackets and equations."""
    if len(_SIGNS.findall(text)) != 1:
        return [text]
    found = _SIGNS.search(text)
    assert found is not None  # noqa: S101
    before, after = text[: found.start()].rstrip(), text[found.end() :].lstrip()
    return [
        f"{before}+{after}" if before.strip() and before[-1] != "=" else before + after,
        f"{before}-{after}",
    ]


def _values(a: str, b: str) -> tuple[str, str] | None:
    """Return what is left to compare of ``x = 5`` and ``5``, or of ``x = 5`` and ``x = 5.0``.

    Also of ``(5)`` and ``5``, and of a set with one element and that element.
    """
    bare = _inside(a), _inside(b)
    if bare != (a, b):
        return bare
    chained = _end_of_chain(a), _end_of_chain(b)
    if chained != (a, b):
        return chained
    ours, theirs = _assigned(a), _assigned(b)
    if ours and not theirs and not _EQUALS.search(b):
        return ours[1], b
    if theirs and not ours and not _EQUALS.search(a):
        return a, theirs[1]
    if ours and theirs and key(ours[0]) == key(theirs[0]):
        return ours[1], theirs[1]
    return None


def _end_of_chain(text: str) -> str:
    """Return the last side of ``12 - 5 = 7``, where all sides are numbers of one value."""
    parts = [part.strip() for part in _EQUALS.split(text)]
    if len(parts) < 2 or "\\in" in text:
        return text
    *others, last = (part.replace("\\$", "").replace("$", "") for part in parts)
    value = quantity(parts[-1])
    bare = last if value is None or value.unit is None else str(float(value.value))
    if not all(map(is_constant, others)) or any(differ(one, bare, _ROUNDED) for one in others):
        return text
    return parts[-1] if value or is_constant(last) else text


def _inside(text: str) -> str:
    inside = enclosed(text)
    if inside and inside[0] != "[" and inside[2] != "]" and inside[1].strip():
        return inside[1].strip() if len(split_list(inside[1])) == 1 else text
    return text


def _assigned(text: str) -> tuple[str, str] | None:
    """Return name and last value of ``x = …``, ``f(x) = … = …``, ``x in …``."""
    parts = _EQUALS.split(text)
    if len(parts) < 2 or not _NAMED.fullmatch(parts[0].strip()) or not parts[-1].strip():
        return None
    return parts[0].strip(), parts[-1].strip()


def _is_equation(text: str) -> bool:
    """Tell whether a text is an equation that gives no value, as ``x = 5`` does."""
    return _EQUALS.search(text) is not None and _assigned(text) is None


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isalpha()


def _is_words(text: str) -> bool:
    """Tell whether a text is a word or several; up to three letters may be a product."""
    return _WORDS.fullmatch(text) is not None and (len(text) > 3 or not text.isascii())


def _plain_words(text: str) -> str:
    return _ARTICLE.sub("", " ".join(text.casefold().replace("-", " ").split()))
