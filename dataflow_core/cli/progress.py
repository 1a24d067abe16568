"""What a terminal, or a log, shows of a run while it is on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from dataflow_core.engine.ledger import StepAccount
    from dataflow_core.engine.progress import Update, Watch

_LOG_SECONDS = 10.0
_REFRESHES = 4


def display_for(stream: TextIO, *, quiet: bool) -> AbstractContextManager[Watch]:
    """Return what shows a run on a stream: a table on a terminal, lines now and then in a log.

    Args:
        stream: Where to.
        quiet: Whether to show nothing.
    """
    if quiet:
        return _nothing()
    return _table(stream) if stream.isatty() else _lines(stream)


@contextmanager
def _nothing() -> Iterator[Watch]:
    from dataflow_core.engine.progress import unwatched

    yield unwatched


@contextmanager
def _lines(stream: TextIO) -> Iterator[Watch]:
    paces = Paces()
    last = time.monotonic()

    def watch(update: Update) -> None:
        nonlocal last
        pace = paces.of(update)
        if update.finished:
            return
        if time.monotonic() - last >= _LOG_SECONDS:
            last = time.monotonic()
            failed = sum(account.quarantined for account in update.accounts().values())
            told = [f"{update.stage}: {pace.done()}", pace.speed(), pace.left()]
            told += [f"{failed:,} failed"] if failed else []
            stream.write(", ".join(filter(None, told)) + "\n")
            stream.flush()

    yield watch


@contextmanager
def _table(stream: TextIO) -> Iterator[Watch]:
    from rich.console import Console
    from rich.live import Live

    shown = _Shown()
    live = Live(shown, console=Console(file=stream), refresh_per_second=_REFRESHES, transient=True)
    with live:
        yield shown.watch


class Pace:
    """How fast a stage goes, and how long it will.

    Args:
        update: How far it was at first.
    """

    def __init__(self, update: Update) -> None:
        self._before, self._since = update.rows, time.monotonic()
        self.note(update)

    def note(self, update: Update) -> None:
        """Take notice of how far the stage is."""
        self._rows, self._total = update.rows, update.total

    def done(self) -> str:
        """Return how many rows are done, of how many."""
        of = "" if self._total is None else f" of about {max(self._total, self._rows):,}"
        return f"{self._rows:,}{of} rows"

    def speed(self) -> str:
        """Return the rows a second; nothing as long as that cannot be told."""
        speed = self._speed()
        return f"{speed:,.0f} rows/s" if speed else ""

    def left(self) -> str:
        """Return how long it will take; nothing as long as that cannot be told."""
        speed = self._speed()
        if not speed or self._total is None or self._total <= self._rows:
            return ""
        return f"{_duration((self._total - self._rows) / speed)} left"

    def _speed(self) -> float:
        seconds = time.monotonic() - self._since
        return (self._rows - self._before) / seconds if seconds > 0.5 else 0.0


class Paces:
    """The paces of the stages that are on: several, where a pipeline has branches."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}

    def of(self, update: Update) -> Pace:
        """Take notice of how far a stage is, and return its pace; forget that of a finished one."""
        pace = self._paces.setdefault(update.stage, Pace(update))
        pace.note(update)
        if update.finished:
            del self._paces[update.stage]
        return pace


class _Shown:
    """The tables of steps of the stages that are on, as rich draws them again and again."""

    def __init__(self) -> None:
        self._paces = Paces()
        self._stages: dict[str, tuple[Pace, Update]] = {}

    def watch(self, update: Update) -> None:
        self._stages[update.stage] = self._paces.of(update), update
        if update.finished:
            del self._stages[update.stage]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for pace, update in list(self._stages.values()):
            yield self._table(pace, update)

    def _table(self, pace: Pace, update: Update) -> Table:
        from rich.table import Table

        head = " · ".join(filter(None, (update.stage, pace.done(), pace.speed(), pace.left())))
        table = Table(title=head, title_justify="left", box=None, pad_edge=False)
        for name in ("step", "in", "out", "dropped", "failed"):
            table.add_column(name, justify="left" if name == "step" else "right")
        for name, account in _accounts(update).items():
            sums = (account.rows_in, account.rows_out, account.dropped, account.quarantined)
            table.add_row(name, *(f"{number:,}" for number in sums))
        return table


def _accounts(update: Update) -> Mapping[str, StepAccount]:
    return dict(update.accounts())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
