"""How a run is to go on, none of which changes its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dataflow_core.engine.failure_limit import FailureLimit
from dataflow_core.engine.work import Seen, unseen
from dataflow_core.storage.source import BATCH_ROWS

COMMIT_SECONDS = 5.0
"""How much work a crash may cost."""

AskAgain = Literal["truncated", "failed", "all"]
"""Which answers that are kept are asked for again."""

Notify = Callable[..., None]
"""Called as ``notify("before_step", step=…)``: the observers of a run."""


def ignore(*_: object, **__: object) -> None:
    """Observe nothing."""


def never() -> bool:
    """Return that nobody asked to stop."""
    return False


@dataclass(frozen=True)
class EngineOptions:
    """How to run, none of which changes the result.

    Attributes:
        batch_rows: The most rows a batch.
        limit: The most rows of the main source, or None for all (this one does change the result).
        max_failures: How many rows of a step may fail before the run stops.
        commit_seconds: How long work goes on before it is written down.
        workers: How many processes work at a time; 1 for this one alone.
        step_timeout: How many seconds a worker may be in one step of a batch; None for ever.
        may_fork: Whether workers may be copies of this process: a program that has not started
            threads or anything else by itself.
        fresh: Whether to take nothing over from runs beside this one.
        notify: Observers of the run.
        stop: Asked after every batch whether to stop, with what is done kept.
        seen: Called with each step and what it did to each batch, where this process did it.
        in_order: Whether pieces go one after the other: so `seen` hears of rows in their order.
        cache: The file in which answers of models are kept; None for the run directory's own.
        ask_again: Which kept answers are asked for again; None for none.
        budget: What may be spent on answers, in this run directory in all; None for any amount.
    """

    batch_rows: int = BATCH_ROWS
    limit: int | None = None
    max_failures: FailureLimit = field(default_factory=FailureLimit)
    commit_seconds: float = COMMIT_SECONDS
    workers: int = 1
    step_timeout: float | None = None
    may_fork: bool = False
    fresh: bool = False
    notify: Notify = ignore
    stop: Callable[[], bool] = never
    seen: Seen = unseen
    in_order: bool = False
    cache: Path | None = None
    ask_again: AskAgain | None = None
    budget: str | None = None
