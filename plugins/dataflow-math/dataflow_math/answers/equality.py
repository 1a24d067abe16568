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

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflow_math.answers.assigned import (
    EQUALS,
    assigned,
    end_of_chain,
    inside,
    is_equation,
)
from dataflow_math.answers.brackets import split_list
from dataflow_math.answers.canonical import canonical, key
from dataflow_math.answers.groups import Group, distinct, group_of, matches
from dataflow_math.answers.quantities import Quantity, letter_quantity, quantity, same_quantity
from dataflow_math.answers.separators import only_decimals
from dataflow_math.answers.units import same_unit, without_unit
from dataflow_math.answers.values import differ, is_simple

Symbolic = Callable[[str, str], bool]
"""Compares two canonical expressions, reference first."""

TOLERANCE = 1e-6
"""How much a decimal may differ, relative to the larger number: six digits given are enough."""

_MOST_ELEMENTS = 64
_MOST_DEPTH = 12
_WORDS = re.compile(r"[^\W\d_]+(?:[ '/-]+[^\W\d_]+)*")
_ARTICLE = re.compile(r"^(?:an?|the) (?=\w{2})")
_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|lt|gt)(?![a-zA-Z])")
_BASED = re.compile(r"[0-9A-Fa-f]+_\d+")
# Dates, and ranges of numbers, are neither differences nor quotients.
_AS_TEXT = re.compile(
    r"\d+(?:\.\d+)?\s*-\s*\d+(?:\.\d+)?(?:\s*-\s*\d+)?"
    r"(?:\s+(?!sin|cos|tan|cot|log)(?:[^\W\d_]{3,}|[ckm]m|kg|m[lg]).*|\s*[%°])?"
    r"|\d+\s*/\s*\d+\s*/\s*\d+|\d+\.\d+\.\d+|\d+:\d+:\d+"
)
_CHOICES = re.compile(r"[A-J]{2,10}")


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


def _same(a: str, b: str, judge: _Judge, depth: int) -> bool | None:
    verdict = _same_as_it_stands(a, b, judge)
    if verdict is not None:
        return verdict
    if depth < _MOST_DEPTH:
        if group_of(a) or group_of(b):
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
    if (is_equation(a) and is_simple(b)) or (is_equation(b) and is_simple(a)):
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
    if (first or _is_letter(a)) and (second or _is_letter(b)) and not _is_constant_and_number(a, b):
        return False
    if _same_letters(a, b) or _same_letters(b, a):
        return True
    if _is_words(a) or _is_words(b):
        return _plain_words(a) == _plain_words(b)
    return None


def _quantities(a: str, b: str) -> tuple[Quantity | None, Quantity | None]:
    """Read two texts as numbers, with a decimal comma or a letter for a unit where it is one."""
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


def _is_constant_and_number(a: str, b: str) -> bool:
    """Tell whether one is e or i, and the other no letter: 2.718281828 is a value of e."""
    return (a in {"e", "i"}) != (b in {"e", "i"}) and not (_is_letter(a) and _is_letter(b))


def _same_letters(a: str, b: str) -> bool:
    """Tell whether one text is several choices in one word, ``AC``, and the other their list."""
    if not _CHOICES.fullmatch(a) or len(set(a)) != len(a):
        return False
    group = group_of(b)
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
    one, other = group_of(a), group_of(b)
    if one and other:
        if {one.joint, other.joint} != {""} and _has_relation(one, other):
            return _same_conditions(a, b, one, other, judge, depth)
        return _same_elements(one, other, judge, depth + 1)
    group, single = (one, b) if one else (other, a)
    if group and group.kind == "set" and len(group.elements) == 1:
        return _same(*((*group.elements, b) if one else (a, *group.elements)), judge, depth + 1)
    if quantity(single) or _is_letter(single) or is_simple(single):
        return False
    values = _values(a, b)
    if values is not None:
        return _same(*values, judge, depth + 1)
    return judge.symbolic(a, b) if judge.symbolic else None


def _same_elements(one: Group, other: Group, judge: _Judge, depth: int) -> bool | None:
    kinds, ours, theirs = {one.kind, other.kind}, one.elements, other.elements
    if kinds == {"set"}:
        return _same_sets(ours, theirs, judge, depth)
    if len(ours) != len(theirs):
        return False
    if kinds <= {"list", "set"}:
        return _same_in_any_order(ours, theirs, judge, depth)
    vectors = {"()", "matrix 1"}, {"()", f"matrix {len(ours)}"}
    if len(kinds) == 1 or kinds in ({"list", "()"}, *vectors):
        return _same_in_order(ours, theirs, judge, depth)
    return False


def _has_relation(*groups: Group) -> bool:
    return any(_RELATION.search(one) for group in groups for one in group.elements)


def _same_conditions(
    a: str, b: str, one: Group, other: Group, judge: _Judge, depth: int
) -> bool | None:
    """Compare inequalities that "and" or "or" joins: all of them hold, or one."""
    if {one.joint, other.joint} == {"and", "or"}:
        return False
    if one.joint == other.joint and len(one.elements) == len(other.elements):
        verdict = _same_in_any_order(one.elements, other.elements, judge, depth + 1)
        if verdict is not False:
            return verdict
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
    if matches([[verdict is True for verdict in row] for row in verdicts]):
        return True
    open_too = [[verdict is not False for verdict in row] for row in verdicts]
    return None if matches(open_too) else False


def _same_sets(
    ours: Sequence[str], theirs: Sequence[str], judge: _Judge, depth: int
) -> bool | None:
    """Compare sets: each element of one is in the other; how often it is named is nothing."""
    ours, theirs = distinct(ours), distinct(theirs)
    if set(map(key, ours)) == set(map(key, theirs)):
        return True
    if max(len(ours), len(theirs)) > _MOST_ELEMENTS:
        return False
    verdicts = [[_same(a, b, judge, depth) for b in theirs] for a in ours]
    lines = [*verdicts, *map(list, zip(*verdicts, strict=True))]
    if all(True in line for line in lines):
        return True
    return None if all(True in line or None in line for line in lines) else False


def _values(a: str, b: str) -> tuple[str, str] | None:
    """Return what is left to compare of ``x = 5`` and ``5``, or of ``x = 5`` and ``x = 5.0``.

    Also of ``(5)`` and ``5``, and of a set with one element and that element.
    """
    bare = inside(a), inside(b)
    if bare != (a, b):
        return bare
    chained = end_of_chain(a), end_of_chain(b)
    if chained != (a, b):
        return chained
    ours, theirs = assigned(a), assigned(b)
    if ours and not theirs and not EQUALS.search(b):
        return ours[1], b
    if theirs and not ours and not EQUALS.search(a):
        return a, theirs[1]
    if ours and theirs and key(ours[0]) == key(theirs[0]):
        return ours[1], theirs[1]
    return None


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isalpha()


def _is_words(text: str) -> bool:
    """Tell whether a text is a word or several; up to three letters may be a product."""
    return _WORDS.fullmatch(text) is not None and (len(text) > 3 or not text.isascii())


def _plain_words(text: str) -> str:
    return _ARTICLE.sub("", " ".join(text.casefold().replace("-", " ").split()))
