"""A few of the dropped rows of each step and reason, for people to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.report import Sample
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.engine.stored_rows import ACCOUNT, TRACED
from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.storage.source import UNREADABLE

PER_REASON = 3
TEXT_LENGTH = 160

_ASIDE = (*TRACED, "path", "line")


def take_samples(
    directory: RunDirectory, plan: Plan, accounts: Mapping[str, StepAccount]
) -> Iterator[Sample]:
    """Yield the first rows removed for each step and reason, step by step.

    Args:
        directory: The run directory.
        plan: The plan.
        accounts: What each step did.
    """
    for name in plan.sources:
        yield from _of_table(directory.table("quarantine", name), {UNREADABLE})
    for step in plan.steps:
        wanted = set(accounts[step.name].reasons)
        if wanted:
            read = _columns_read(step)
            yield from _of_table(directory.table("dropped", step.name), set(wanted), read)
            yield from _of_table(directory.table("quarantine", step.name), set(wanted), read)


def _columns_read(step: Step) -> set[str]:
    """Return the columns that a step reads."""
    named = step.operator.reads(step.columns)
    return {column for columns in named.values() for column in columns}


def _of_table(table: PartTable, wanted: set[str], read: Collection[str] = ()) -> Iterator[Sample]:
    """Yield the first rows of each wanted reason; read only as far as it takes."""
    counts: Counter[str] = Counter()
    for rows in table.batches():
        chosen: list[int] = []
        reasons = np.asarray(rows["reason"])
        for reason in wanted & set(rows["reason"].unique().to_pylist()):
            found = np.flatnonzero(reasons == reason)[: PER_REASON - counts[reason]].tolist()
            counts[reason] += len(found)
            chosen += found
        if chosen:
            yield from _samples(rows.take(pa.array(sorted(chosen))), read)
        wanted -= {reason for reason, count in counts.items() if count == PER_REASON}
        if not wanted:
            return


def _samples(rows: pa.Table, read: Collection[str]) -> Iterator[Sample]:
    texts = _main_text(rows, read)
    for row, text in zip(rows.select(ACCOUNT[:5]).to_pylist(), texts, strict=True):
        value = row["value"] if row["value"] is not None else row["message"]
        shown = text
        if text is not None and len(text) > TEXT_LENGTH:
            shown = text[: TEXT_LENGTH - 1] + "…"
        yield Sample(row["row_id"], row["step"], row["reason"], value, shown)


def _main_text(rows: pa.Table, read: Collection[str]) -> list[str | None]:
    """Return the texts of the column with the longest ones: most likely the text itself.

    Where the step reads columns of texts, it is one of these.
    """
    if rows["reason"].to_pylist() == [UNREADABLE] * rows.num_rows and "raw" in rows.column_names:
        return [(raw or b"").decode("utf-8", "replace") for raw in rows["raw"].to_pylist()]
    names = [field.name for field in rows.schema if field.name not in _ASIDE and _is_text(field)]
    texts = [rows[name].to_pylist() for name in [one for one in names if one in read] or names]
    return max(texts, key=_letters, default=[None] * rows.num_rows)


def _letters(texts: list[str | None]) -> int:
    return sum(map(len, filter(None, texts)))


def _is_text(field: pa.Field) -> bool:
    return pat.is_string(field.type) or pat.is_large_string(field.type)
