"""Votes of several answers to one question, counted by mathematical equality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dataflow_math.answers.equality import equal
from dataflow_math.answers.pool import Pair, pool_of

_Groups = list[list[int]]


@dataclass
class Ballot:
    """The answers to one question on their way into groups of equal ones.

    Attributes:
        answers: The answers; None where a sample has none.
        groups: The places of equal answers, the first of each group standing for it.
    """

    answers: Sequence[str | None]
    groups: _Groups = field(default_factory=list)
    _left: list[int] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self._left = [place for place, one in enumerate(self.answers) if one is not None]

    @property
    def winner(self) -> list[int]:
        """The places of the answer with most votes, of several the one that came first."""
        return max(self.groups, key=len, default=[])

    def advance(self, verdicts: dict[Pair, bool], tolerance: float) -> Pair | None:
        """Put answers into groups until one cannot be told without asking whether a pair is equal.

        Args:
            verdicts: What is known of pairs.
            tolerance: How much decimals may differ.

        Returns:
            The pair to be compared; None once all are in groups.
        """
        while self._left:
            answer = self.answers[self._left[0]]
            assert answer is not None  # noqa: S101  those without answers are left out
            while self._next < len(self.groups):
                other = self.answers[self.groups[self._next][0]]
                assert other is not None  # noqa: S101
                told = _verdict((other, answer), verdicts, tolerance)
                if told is None:
                    return other, answer
                if told:
                    break
                self._next += 1
            self._place()
        return None

    def _place(self) -> None:
        if self._next == len(self.groups):
            self.groups.append([])
        self.groups[self._next].append(self._left.pop(0))
        self._next = 0


def count_votes(
    questions: Sequence[Sequence[str | None]], *, tolerance: float, limit: float, workers: int
) -> list[Ballot]:
    """Return the ballot of each question, its answers in groups of equal ones.

    Answers that cannot be compared within the limit count as different.

    Args:
        questions: The answers of each.
        tolerance: How much decimals may differ, relative to the larger.
        limit: The most seconds of processor time for one comparison.
        workers: The most processes that compare expressions at once.
    """
    ballots = [Ballot(answers) for answers in questions]
    verdicts: dict[Pair, bool] = {}
    while open_pairs := {
        pair for one in ballots if (pair := one.advance(verdicts, tolerance)) is not None
    }:
        asked = sorted(open_pairs)
        told = pool_of(workers).compare(asked, tolerance=tolerance, limit=limit)
        verdicts |= {pair: one is True for pair, one in zip(asked, told, strict=True)}
    return ballots


def _verdict(pair: Pair, verdicts: dict[Pair, bool], tolerance: float) -> bool | None:
    return verdicts[pair] if pair in verdicts else equal(*pair, tolerance=tolerance)
