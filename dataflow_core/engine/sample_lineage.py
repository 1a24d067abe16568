"""From which block of a sample the rows come that went into each step, and out, and that did not.

Told by the ids in the run directory of the sample: so a step may order and mix rows as it likes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.table.identity import child_ids, parse_id, source_ids

Homes = dict[int, int]
"""The number of its block, by row id; rows of second sources are in none."""


@dataclass(frozen=True)
class Count:
    """How many rows of each block there are somewhere.

    Attributes:
        blocks: Of each block.
        others: Rows of no block, as second sources have them: they stay as many however large the
            main source is.
    """

    blocks: Sequence[int]
    others: int = 0

    @classmethod
    def of(cls, homes: Homes, blocks: int, total: int) -> Count:
        """Count rows by their blocks; the rest of the total is of none."""
        found = Counter(homes.values())
        return cls([found[block] for block in range(blocks)], max(0, total - len(homes)))


@dataclass(frozen=True)
class StepCounts:
    """The rows that went into a step, came out, were dropped and failed."""

    came: Count
    went: Count
    dropped: Count
    failed: Count


def trace(
    plan: Plan,
    directory: RunDirectory,
    accounts: Mapping[str, StepAccount],
    sizes: Sequence[int],
) -> tuple[dict[str, StepCounts], Homes]:
    """Return what became of the rows in each step, and the blocks of the rows of the result.

    Args:
        plan: The plan.
        directory: The directory of its finished run over a sample.
        accounts: The account of each step.
        sizes: The rows of each block of the sample, which lie one after the other.
    """
    blocks = np.repeat(np.arange(len(sizes)), sizes).tolist()
    first = source_ids(SOURCE, np.arange(len(blocks), dtype=np.int64)).tolist()
    homes: dict[str, Homes] = {name: {} for name in plan.sources}
    homes[SOURCE] = dict(zip(first, blocks, strict=True))
    counts = {}
    for step in plan.steps:
        dropped = _ids(directory, "dropped", step.name)
        failed = _ids(directory, "quarantine", step.name)
        came, after = _through(step, directory, homes, dropped | failed)
        homes[step.name] = after
        told = accounts[step.name]
        counts[step.name] = StepCounts(
            Count.of(came, len(sizes), told.rows_in),
            Count.of(after, len(sizes), told.rows_out),
            Count.of(_among(came, dropped), len(sizes), told.dropped),
            Count.of(_among(came, failed), len(sizes), told.quarantined),
        )
    return counts, homes[plan.result]


def _through(
    step: Step, directory: RunDirectory, homes: Mapping[str, Homes], gone: set[int]
) -> tuple[Homes, Homes]:
    """Return the blocks of the rows that went into a step, and of those that came out."""
    came = dict(homes[step.table])
    expanded: set[int] = set()
    children: Homes = {}
    added: set[int] = set()
    for row in _rows(directory, "ledger", step.name):
        own = parse_id(row["row_id"])
        if row["fate"] == "added":
            added.add(own)
        elif row["fate"] == "expanded" and own in came:
            expanded.add(own)
            children[parse_id(row["related_row_id"])] = came[own]
    for table in step.other_tables if added else ():
        came.update(_copies(homes[table], step.operator.step_name(), added))
    left = gone | expanded
    stayed = {i: block for i, block in came.items() if i not in left}
    return came, {**stayed, **{i: block for i, block in children.items() if i not in gone}}


def _copies(origin: Homes, key: str, added: set[int]) -> Homes:
    """Return the blocks of rows that a step took from a second table, under ids of their own."""
    ids = np.array(list(origin), np.uint64)
    found: Homes = {}
    for time in range(8):  # as often as the same rows may have come in
        fresh = child_ids(ids, key, np.full(len(ids), time)).tolist()
        pairs = zip(fresh, origin.values(), strict=True)
        found.update({i: block for i, block in pairs if i in added})
        if len(found) >= len(origin):
            break
    return found


def _ids(directory: RunDirectory, kind: str, step: str) -> set[int]:
    return {parse_id(row["row_id"]) for row in _rows(directory, kind, step)}


def _rows(directory: RunDirectory, kind: str, step: str) -> Iterable[dict[str, Any]]:
    wanted = ("row_id", "fate", "related_row_id")
    for table in directory.table(kind, step).batches():
        named: pa.Table = table.select([name for name in wanted if name in table.column_names])
        yield from named.to_pylist()


def _among(homes: Homes, ids: set[int]) -> Homes:
    return {i: homes[i] for i in ids if i in homes}
