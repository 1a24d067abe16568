"""What a request store holds: answers, tokens and money, by endpoint and model."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataflow_core.serving.store.answers import Spent
from dataflow_core.serving.store.database import bytes_of
from dataflow_core.serving.store.reader import Reader

_OF_MODEL = """
SELECT coalesce(json_extract(settings.content, '$.endpoint'), ''),
    coalesce(json_extract(settings.content, '$.model'), ''),
    json_extract(settings.content, '$.kind'),
"""
_ANSWERS = f"""{_OF_MODEL} finish_reason, problem, count(*), sum(NOT paid), sum(prompt_tokens),
    sum(completion_tokens), sum(cost), sum(cost IS NULL), min(written), max(written)
FROM answers JOIN settings ON settings.id = answers.settings GROUP BY 1, 2, 3, 4, 5
"""
_FAILURES = f"""{_OF_MODEL} reason, count(*)
FROM failures JOIN settings ON settings.id = failures.settings GROUP BY 1, 2, 3, 4
"""


@dataclass
class Portion:
    """What a store holds of one model at one endpoint.

    Attributes:
        endpoint: Where the model is.
        model: Its name.
        kind: ``"chat"`` or ``"embed"``.
        answers: Answers kept, those included that a later one to the same question replaced.
        copied: Those of them that came out of other stores.
        prompt_tokens: Tokens read for them.
        completion_tokens: Tokens written in them.
        cost: US dollars that they cost, as far as prices are known.
        unpriced: Answers whose price is not known.
        finish_reasons: How many ended why.
        problems: How many were judged a problem, and which.
        failures: How many requests got no answer, and why.
        oldest: When the first came, in seconds since 1970; None where there is none.
        newest: When the last came.
    """

    endpoint: str
    model: str
    kind: str
    answers: int = 0
    copied: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    finish_reasons: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    oldest: float | None = None
    newest: float | None = None

    def add(self, finish: str, problem: str | None, count: int, *sums: Any) -> None:
        """Add answers that ended alike: their count, and what `_ANSWERS` sums of them."""
        copied, read, wrote, cost, unpriced, oldest, newest = sums
        self.answers += count
        self.copied += copied
        self.prompt_tokens += read
        self.completion_tokens += wrote
        self.cost += cost or 0.0
        self.unpriced += unpriced
        self.finish_reasons[finish] += count
        if problem is not None:
            self.problems[problem] += count
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
        self.newest = newest if self.newest is None else max(self.newest, newest)


@dataclass(frozen=True)
class Contents:
    """What a store holds.

    Attributes:
        path: Its file.
        size: Bytes on disk.
        sessions: How often it was opened by a run.
        spent: What was paid for all answers that models gave into it.
        portions: What it holds of each model, the most answers first.
    """

    path: Path
    size: int
    sessions: int
    spent: Spent
    portions: list[Portion]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        portions = [dict(vars(portion)) for portion in self.portions]
        return vars(self) | {
            "path": str(self.path),
            "spent": asdict(self.spent),
            "portions": portions,
        }


def contents_of(path: Path) -> Contents:
    """Return what a store holds.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    portions: dict[tuple[str, ...], Portion] = {}
    with closing(Reader(path)) as reader:
        with reader.connection() as connection:
            for row in connection.execute(_ANSWERS):
                portions.setdefault(row[:3], Portion(*row[:3])).add(*row[3:])
            for *of, reason, count in connection.execute(_FAILURES):
                portions.setdefault(tuple(of), Portion(*of)).failures[reason] += count
            sessions = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
        spent = reader.spent()
    ordered = sorted(portions.values(), key=lambda portion: -portion.answers)
    return Contents(path, bytes_of(path), sessions, spent, ordered)
