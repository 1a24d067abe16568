"""What every engine does: the result of a notebook, and an account of every row."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from dataflow_core.engine import Report
from dataflow_core.errors import DataflowError
from dataflow_core.operators.base import Generator, Refiner
from dataflow_core.operators.columns import IntegerColumn, TextColumn
from dataflow_core.operators.general import (
    DeduplicateExact,
    DeriveColumn,
    Explode,
    FilterRows,
    Join,
    Sort,
)
from dataflow_core.pipeline.plan import Plan
from dataflow_core.storage.base import Storage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.table.failures import RowFailure
from dataflow_core.testing.checks.suite import make_checks, require, without_nulls
from dataflow_core.testing.steps import Step, Steps
from dataflow_core.testing.temporary_runs import written_rows

Run = Callable[[Plan, Path], Report]

_ROWS = [
    {"id": at, "text": f"text {at % 7}", "tags": list("abc")[: at % 4], "n": at * 2**50}
    for at in range(23)
]
_CITIES = [{"text": "text 1", "city": "Bern"}, {"text": "text 2", "city": "Lima"}]


def check_engine(run: Run) -> None:
    """Check an engine on small plans.

    Args:
        run: Runs a plan in a run directory, which may hold an earlier run of the same plan, and
            returns the report. Up to a quarter of the rows may fail.

    Raises:
        ConformanceError: It does not give what the plans ask for; the message has all that was
            found.

    Example:
        >>> from dataflow_core.engine import run_plan
        >>> check_engine(lambda plan, folder: run_plan(plan, run_dir=folder, max_failures=0.25))
    """
    make_checks("the engine", ENGINE_CHECKS, run)


class Fails(Refiner):
    """Fail on some rows; the others stay."""

    def run(self, storage: Storage, input_id: IntegerColumn = "id") -> None:
        """Write failures."""
        table = storage.read([input_id])
        table[input_id] = [
            RowFailure("refused", "its id is 3 more than a multiple of 5", str(one))
            if one % 5 == 3
            else one
            for one in table[input_id].tolist()
        ]
        storage.write(table)


class Letters(Generator):
    """Make a row of each letter of a text."""

    makes_rows: ClassVar[bool] = True

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Make them."""
        table = storage.read([input_text])
        made = table.loc[table.index.repeat(table[input_text].str.len())]
        storage.write(made)


def check_engine_rows(run: Run) -> None:
    """Operators on rows: the rows of a notebook, in their order, with exact values."""
    _compare(
        run,
        FilterRows(where="id < 20"),
        (DeriveColumn(expression="id * 2"), {"output_column": "twice"}),
        FilterRows(where="twice > 4"),
    )


def check_engine_made_rows(run: Run) -> None:
    """Rows that are made of others, and of these again."""
    _compare(
        run,
        (Explode(), {"input_list": "tags", "output_item": "tag"}),
        Letters(),
    )


def check_engine_dataset_operators(run: Run) -> None:
    """Operators that need all rows, in two phases and at once, between others."""
    _compare(
        run,
        FilterRows(where="id > 1"),
        (DeduplicateExact(), {"input_columns": ("text",)}),
        (Sort(order="descending"), {"input_columns": ("id",)}),
        FilterRows(where="id > 2"),
    )


def check_engine_second_table(run: Run) -> None:
    """A second table, joined by key."""
    cities = MemoryStorage(_CITIES)
    _compare(run, (Join(), {"input_table": cities, "input_on": ("text",)}))


def check_engine_failures(run: Run) -> None:
    """Rows that fail go to quarantine, are accounted for, and the others go on."""
    _compare(run, Fails(), FilterRows(where="id > 1"))


def check_engine_resumes(run: Run) -> None:
    """The same plan in the same directory again gives the same rows."""
    with tempfile.TemporaryDirectory(prefix="dataflow-conformance-") as folder:
        plan = Steps(MemoryStorage(_ROWS), FilterRows(where="id > 3")).compile()
        first = _output(run(plan, Path(folder, "run")))
        second = _output(run(plan, Path(folder, "run")))
    require(first == second, "the second run in one directory gives other rows.")


def check_engine_errors(run: Run) -> None:
    """An operator that fails on all rows stops the run with an error, not with an empty result."""
    steps = Steps(MemoryStorage(_ROWS), (Fails(), {"input_id": "text"}))
    with tempfile.TemporaryDirectory(prefix="dataflow-conformance-") as folder:
        try:
            report = run(steps.compile(check=False), Path(folder, "run"))
        except DataflowError:
            return
    require(False, f"it goes on, and tells {report.rows_out} rows.")


ENGINE_CHECKS: tuple[Callable[[Run], None], ...] = (
    check_engine_rows,
    check_engine_made_rows,
    check_engine_dataset_operators,
    check_engine_second_table,
    check_engine_failures,
    check_engine_resumes,
    check_engine_errors,
)


def _compare(run: Run, *steps: Step) -> None:
    """Compare a run with a notebook, and check the account of each step."""
    notebook = MemoryStorage(_ROWS)
    Steps(notebook, *steps).forward()
    plan = Steps(MemoryStorage(_ROWS), *steps).compile()
    with tempfile.TemporaryDirectory(prefix="dataflow-conformance-") as folder:
        report = run(plan, Path(folder, "run"))
        found = _output(report)
    expected = [repr(sorted(row.items())) for row in without_nulls(notebook.rows())]
    require(len(found) == len(expected), f"{len(found)} rows come out, not {len(expected)}.")
    require(found == expected, "the rows are others than a notebook's, or in another order.")
    require(report.rows_in == len(_ROWS), f"the report tells {report.rows_in} rows in.")
    for account, outcome in zip(report.steps, notebook.outcomes, strict=True):
        here = {
            "rows_in": outcome.rows_in,
            "made": len(outcome.children),
            "dropped": len(outcome.dropped),
            "quarantined": len(outcome.failed),
            "expanded": outcome.expanded,
            "rows_out": len(outcome.after),
        }
        told = {name: getattr(account, name) for name in here}
        require(told == here, f"{account.step}: the report tells {told}; there are {here}.")


def _output(report: Report) -> list[str]:
    return [repr(sorted(row.items())) for row in without_nulls(written_rows(report))]
