"""How far a run is, as it tells its observers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dataflow_core.engine.goal import Forecast
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.serving.tally import Tally


def no_calls() -> Mapping[str, Tally]:
    """Return that no step asks models."""
    return {}


@dataclass(frozen=True)
class Update:
    """How far a stage is.

    Attributes:
        stage: The stage: the table that it makes, or the step that it sketches rows for.
        rows: Rows of its table that are done, those of earlier runs included.
        total: Rows of its table, as far as they are known; of a source, an estimate.
        accounts: Returns what each of its steps did so far.
        finished: Whether it is through.
        calls: Returns what the calls of each step that asks models took so far, those included that
            are on their way.
        goal: How near it is to the rows that are wanted of it, if not all are.
    """

    stage: str
    rows: int
    total: int | None
    accounts: Callable[[], Mapping[str, StepAccount]]
    finished: bool = False
    calls: Callable[[], Mapping[str, Tally]] = no_calls
    goal: Forecast | None = None
