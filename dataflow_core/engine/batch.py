"""One batch in an operator, and what happens to rows on which the operator raises."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from dataflow_core.engine.tracebacks import trace_of
from dataflow_core.errors import DataflowError, OperatorError, ServingError
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.pipeline.plan import Step, TableRef
from dataflow_core.storage.base import Storage
from dataflow_core.storage.outcome import Outcome, Removed, as_json
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.distributions import Distribution, merge_measures
from dataflow_core.table.failures import ValueRefused
from dataflow_core.table.frames import Frame, concat_frames


def run_step(
    step: Step, frame: Frame, tables: Mapping[str, Storage], decision: pd.DataFrame | None = None
) -> Outcome:
    """Run one step over some rows and return its account.

    Args:
        step: The step.
        frame: The rows.
        tables: The second tables of the plan, by name.
        decision: For a two-phase operator, what it decided about these rows.

    Raises:
        OperatorError: The operator failed on a whole table, or broke its contract.
    """
    bindings = {
        n: tables[v.name] if isinstance(v, TableRef) else v for n, v in step.bindings.items()
    }
    if decision is not None and isinstance(operator := step.operator, TwoPhase):
        return _attempt(
            step.name, frame, lambda s: s.perform(
                operator, bindings, lambda inner: operator.apply(inner, decision, **bindings)
            )
        )  # fmt: skip

    def run(storage: TableStorage) -> None:
        step.operator.run(storage, **bindings)

    if step.is_barrier or step.only_looks:
        return _attempt(step.name, frame, run)
    return _isolating(step, frame, run)


def two_phase(step: Step) -> TwoPhase:
    """Return the operator of a step that works in two phases.

    Raises:
        OperatorError: It does not.
    """
    if not isinstance(step.operator, TwoPhase):
        raise OperatorError(f"step {step.name!r}: {type(step.operator).__name__} has no phases")
    return step.operator


def sketch_step(step: Step, frame: Frame) -> pd.DataFrame:
    """Return a two-phase operator's sketch of some rows."""
    operator = two_phase(step)
    try:
        return operator.sketch(TableStorage(frame), **step.bindings)
    except Exception as error:
        raise _located(step.name, error) from error


def decide_step(step: Step, sketches: pd.DataFrame) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """Return a two-phase operator's decision over all rows, and its findings."""
    operator = two_phase(step)
    try:
        findings = as_json(step.name, operator.findings(sketches))
        return operator.decide(sketches), findings  # last, since it may use the sketches up
    except Exception as error:
        raise _located(step.name, error) from error


def pass_on(step: Step, frame: Frame) -> tuple[Outcome, pd.DataFrame]:
    """Sketch rows that go through a step as they are; return its account and the sketch."""
    started = time.perf_counter()
    sketch = sketch_step(step, frame)
    seconds = time.perf_counter() - started
    return Outcome(step.name, frame, frame, Removed(), Removed(), seconds=seconds), sketch


def _attempt(name: str, frame: Frame, run: Callable[[TableStorage], None]) -> Outcome:
    storage = TableStorage(frame)
    storage.step_name = name
    run(storage)
    return storage.outcomes[-1]


def _isolating(step: Step, frame: Frame, run: Callable[[TableStorage], None]) -> Outcome:
    """Run over a batch; when the operator raises, find the rows that make it raise.

    A row operator's result does not depend on the batch, so halves can be tried apart.
    """
    started = time.perf_counter()
    try:
        return _attempt(step.name, frame, run)
    except OperatorError as error:
        if error.__cause__ is None:
            raise
        if len(frame) <= 1:
            return _failed_row(step.name, frame, error)
    half = len(frame) // 2
    positions = np.arange(len(frame))
    halves = (frame.take(part) for part in (positions[:half], positions[half:]))
    merged = _merged(step.name, frame, [_isolating(step, part, run) for part in halves])
    merged.seconds = time.perf_counter() - started
    return merged


def _failed_row(name: str, frame: Frame, error: OperatorError) -> Outcome:
    cause = error.__cause__
    failed = Removed()
    reason = cause.reason if isinstance(cause, ValueRefused) else type(cause).__name__
    trace = None if cause is None else trace_of(cause)
    failed.add(frame, [reason], messages=[str(cause)], traces=[trace])
    return Outcome(name, frame, frame.take(np.empty(0, np.int64)), Removed(), failed)


def _merged(name: str, before: Frame, parts: list[Outcome]) -> Outcome:
    dropped, failed = Removed(), Removed()
    measures: dict[str, Distribution] = {}
    for part in parts:
        merge_measures(measures, part.measures)
        for mine, theirs in ((dropped, part.dropped), (failed, part.failed)):
            if len(theirs):
                mine.add(
                    concat_frames(theirs.rows), theirs.reasons, theirs.values,
                    theirs.related, theirs.messages, theirs.traces,
                )  # fmt: skip
    # An empty half has no columns of the operator's, and must not mark them as absent.
    filled = [part.after for part in parts if len(part.after)] or [parts[0].after]
    return Outcome(
        name,
        before,
        concat_frames(filled),
        dropped,
        failed,
        np.concatenate([part.parents for part in parts]),
        np.concatenate([part.children for part in parts]),
        np.concatenate([part.joined for part in parts]),
        measures=measures,
        findings={name: found for part in parts for name, found in part.findings.items()},
    )


def _located(name: str, error: Exception) -> DataflowError:
    if isinstance(error, (OperatorError, ServingError)):
        return error
    return OperatorError(f"step {name!r} failed: {type(error).__name__}: {error}")
