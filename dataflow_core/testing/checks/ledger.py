"""A real run: the engine's account of every row."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflow_core.engine import run_plan
from dataflow_core.errors import ConformanceError
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.checks.accounts import alike
from dataflow_core.testing.steps import Steps
from dataflow_core.testing.subject import Subject, closing
from dataflow_core.testing.temporary_runs import written_rows


def check_ledger_sums(subject: Subject) -> None:
    """A run by the engine, in batches, accounts for every row, and gives what a notebook gives.

    What went in and was made is what came out, was dropped, quarantined or became other rows.
    """
    direct = subject.run()
    outcome = direct.outcomes[0]
    with tempfile.TemporaryDirectory(prefix="dataflow-conformance-") as folder:
        with closing(subject.make()) as operator:
            steps = Steps(MemoryStorage(subject.table), (operator, subject.bindings()))
            report = run_plan(
                steps.compile(check=False), run_dir=Path(folder, "run"), batch_size=2,
                max_failures=1.0,
            )  # fmt: skip
        written = written_rows(report)
    account = report.steps[0]
    ended = account.rows_out + account.dropped + account.quarantined + account.expanded
    if account.rows_in + account.made != ended:
        raise ConformanceError(
            f"{account.rows_in} rows went in and {account.made} were made, but {ended} are "
            f"accounted for: {account}"
        )
    told = (account.dropped, account.quarantined, account.rows_out)
    here = (len(outcome.dropped), len(outcome.failed), len(direct))
    if told != here:
        raise ConformanceError(
            f"the engine drops, quarantines and keeps {told} rows, a notebook {here}: the result "
            "depends on the batch. An operator that needs all rows declares scope = 'dataset'."
        )
    if not alike(account.findings, outcome.findings):
        raise ConformanceError(
            f"the engine finds {account.findings}, a notebook {outcome.findings}: findings must "
            "depend neither on batches nor on merges."
        )
    names = list(direct.columns())  # Parquet does not tell what is missing from what is null
    if [_values(row, names) for row in written] != [_values(row, names) for row in direct.rows()]:
        raise ConformanceError(
            "the engine's result has other values than a notebook's: it depends on the batch, on "
            "the order, or on chance."
        )


def _values(row: Mapping[str, Any], names: list[str]) -> str:
    return repr([row.get(name) for name in names])
