"""Votes of several answers to one question, counted by mathematical equality.

Equality is not transitive: ``50%`` is ``50`` and ``0.5``, which differ, and ``5`` is both ``5 cm``
and ``5 inches``. Groups would therefore depend on which answer came first. Here each answer has the
votes of all samples that equal it, whatever their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dataflow_math.answers.canonical import canonical, key
from dataflow_math.answers.equality import equal
from dataflow_math.answers.pool import Pair, pool_of


@dataclass
class Ballot:
    """The answers to one question, and how many samples equal each.

    Attributes:
        answers: The answers; None where a sample has none.
    """

    answers: Sequence[str | None]
    _places: dict[str, list[int]] = field(default_factory=dict)  # by text, but for spaces
    _told: dict[Pair, bool | None] = field(default_factory=dict)  # None where it is open

    def __post_init__(self) -> None:
        for place, answer in enumerate(self.answers):
            if answer is not None:
                self._places.setdefault(key(canonical(answer)), []).append(place)

    @property
    def winner(self) -> str | None:
        """The answer that most samples equal; None where there is none.

        Of several, the one that is written so most often, then the shortest, then the first in the
        order of their characters.
        """
        best = self._best()
        return None if best is None else self._text(best)

    @property
    def voters(self) -> list[int]:
        """The places of the samples whose answer equals the winner, in order."""
        best = self._best()
        return [] if best is None else sorted(self._equal(best))

    @property
    def first(self) -> int:
        """The place of the first sample that has the winner, as it is written."""
        winner = self.winner
        return next(place for place, one in enumerate(self.answers) if one == winner)

    def open_pairs(self, verdicts: dict[Pair, bool], tolerance: float) -> set[Pair]:
        """Return pairs that must be compared to know the winner; none once it is known.

        Pairs are left open that can change nothing: of answers that, with all the votes that they
        might still get, have fewer than another one has.

        Args:
            verdicts: What is known of pairs.
            tolerance: How much decimals may differ.
        """
        wanted = {}
        for pair in self._pairs():
            texts = self._texts(pair)
            if self._told.get(pair) is None:
                self._told[pair] = verdicts.get(texts)
                if pair not in verdicts and self._told[pair] is None:
                    self._told[pair] = equal(*texts, tolerance=tolerance)
            if self._told[pair] is None:
                wanted[pair] = texts
        if not wanted:
            return set()
        sure = max(len(self._equal(one)) for one in self._places)
        most = {one: len(self._equal(one, or_open=True)) for one in self._places}
        if all(most[one] < sure or most[one] == len(self._equal(one)) for one in self._places):
            return set()
        highest = max(most[one] for pair in wanted for one in pair)
        return {
            texts for pair, texts in wanted.items() if any(most[one] == highest for one in pair)
        }

    def _best(self) -> str | None:
        def rank(one: str) -> tuple[int, int, int, str]:
            text = self._text(one)
            return (-len(self._equal(one)), -len(self._places[one]), len(text), text)

        return min(self._places, key=rank, default=None)

    def _text(self, one: str) -> str:
        """Return the way to write an answer: of those that differ in spaces, the shortest."""
        ways = {self.answers[place] or "" for place in self._places[one]}
        return min(ways, key=lambda way: (len(way), way))

    def _pairs(self) -> list[Pair]:
        names = sorted(self._places)
        return [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]

    def _texts(self, pair: Pair) -> Pair:
        return self._text(pair[0]), self._text(pair[1])

    def _equal(self, one: str, *, or_open: bool = False) -> list[int]:
        """Return the places of the answers that equal one, and of those that may."""
        found = list(self._places[one])
        for other, places in self._places.items():
            if other != one:
                told = self._told.get((min(one, other), max(one, other)))
                if told or (or_open and told is None):
                    found += places
        return found


def count_votes(
    questions: Sequence[Sequence[str | None]], *, tolerance: float, limit: float, workers: int
) -> list[Ballot]:
    """Return the ballot of each question, with all that decides it compared.

    Answers that cannot be compared within the limit count as different.

    Args:
        questions: The answers of each.
        tolerance: How much decimals may differ, relative to the larger.
        limit: The most seconds of processor time for one comparison.
        workers: The most processes that compare expressions at once.
    """
    ballots = [Ballot(answers) for answers in questions]
    verdicts: dict[Pair, bool] = {}
    while asked := sorted({
        pair for one in ballots for pair in one.open_pairs(verdicts, tolerance)
    }):  # fmt: skip
        told = pool_of(workers).compare(asked, tolerance=tolerance, limit=limit)
        verdicts |= {pair: one is True for pair, one in zip(asked, told, strict=True)}
    return ballots
