"""What an operator makes of a model's failures: rows in quarantine, never data."""

from __future__ import annotations

from dataflow_core.errors import ConformanceError
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.answering import Failing
from dataflow_core.testing.checks.accounts import account_of
from dataflow_core.testing.subject import Subject, closing


def asks(subject: Subject) -> bool:
    """Tell whether it asks a serving that the kit can replace."""
    return bool(subject.serving_fields)


def check_failure_is_quarantined(subject: Subject) -> None:
    """A row whose question the server refuses goes to quarantine: it is no null, no 0, no pass."""
    _check(subject, "refused")


def check_empty_answer_is_quarantined(subject: Subject) -> None:
    """A row whose question the model answers with nothing goes to quarantine."""
    _check(subject, "empty")


def _check(subject: Subject, how: Failing) -> None:
    """Run row by row, so that it is known which rows were asked about."""
    asked = 0
    for at in range(subject.table.num_rows):
        operator, serving = subject.failing(how)
        storage = MemoryStorage(subject.table.slice(at, 1))
        with closing(operator):
            operator.run(storage, **subject.bindings())
        found = account_of([storage])
        if not serving.requests and not serving.embedded:
            continue
        asked += 1
        if not found.failed or found.rows:
            went = "came out" if found.rows else "was dropped" if found.dropped else "vanished"
            raise ConformanceError(
                f"a row about which the model answered nothing ({how}) {went}: "
                f"{next(iter(found.rows.values()), '')}. Write a RowFailure, such as "
                "completion.cell() gives, into a column of it."
            )
    if not asked:
        raise ConformanceError("no row of the example is asked about, so that nothing is known.")
