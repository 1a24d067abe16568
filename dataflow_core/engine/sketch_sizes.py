"""What steps that need all rows keep in memory, measured on a sample."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from dataflow_core.engine.batch import decide_step, sketch_step
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.operators.dataset import DatasetEvaluator
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.table.frames import Frame
from dataflow_core.table.identity import source_ids
from dataflow_core.table.types import concat

_COPIES = 2.5
"""How often a step without phases holds its table, about: what came, what it works on and makes."""


@dataclass(frozen=True)
class SketchSize:
    """The memory of a step that needs all rows, for those of a sample.

    Attributes:
        kept: The bytes that it keeps of all rows until it has decided: their sketches, or their
            whole table.
        working: The most bytes that deciding takes beside them.
        rows: The rows.
    """

    kept: int
    working: int
    rows: int


def sketch_sizes(
    plan: Plan, directory: RunDirectory, blocks: Sequence[pa.Table]
) -> dict[str, SketchSize]:
    """Return what each step keeps that needs all rows, or sketches them.

    Args:
        plan: The plan.
        directory: The directory of its finished run over a sample.
        blocks: The sample.
    """
    sizes: dict[str, SketchSize] = {}
    for step in plan.steps:
        if step.is_two_phase or step.only_looks:
            tables = _tables(plan, step.table, directory, blocks)
            if tables:
                sizes[step.name] = _of_sketches(step, tables)
        elif step.is_barrier:
            sizes[step.name] = _of_table(plan, step, directory, blocks)
    return sizes


def _of_sketches(step: Step, tables: Sequence[pa.Table]) -> SketchSize:
    """Sketch the rows that went in once more, and decide."""
    rows = concat(tables)
    ids = source_ids(SOURCE, np.arange(rows.num_rows, dtype=np.int64))
    sketches = sketch_step(step, Frame.from_arrow(rows, ids))
    kept = _bytes_of(sketches)
    if isinstance(step.operator, DatasetEvaluator):
        return SketchSize(kept, 0, rows.num_rows)
    tracemalloc.start()
    try:
        decide_step(step, sketches)
        working = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return SketchSize(kept, working, rows.num_rows)


def _of_table(
    plan: Plan, step: Step, directory: RunDirectory, blocks: Sequence[pa.Table]
) -> SketchSize:
    size = rows = 0
    for name in (step.table, *step.other_tables):
        tables = _tables(plan, name, directory, blocks)
        size += sum(table.nbytes for table in tables)
        rows += sum(table.num_rows for table in tables) if name == step.table else 0
    return SketchSize(size, int(size * (_COPIES - 1)), rows)


def _tables(
    plan: Plan, name: str, directory: RunDirectory, blocks: Sequence[pa.Table]
) -> list[pa.Table]:
    """Return the rows of a table, as the run wrote them down; none where it did not."""
    if directory.folder("tables", name).is_dir():
        return list(directory.table("tables", name).batches())
    if name == SOURCE:
        return list(blocks)
    made = next((step for step in plan.steps if step.name == name and step.only_looks), None)
    return [] if made is None else _tables(plan, made.table, directory, blocks)


def _bytes_of(sketches: pd.DataFrame) -> int:
    return int(sketches.memory_usage(index=True, deep=True).sum())
