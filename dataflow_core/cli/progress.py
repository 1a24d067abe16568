"""What a terminal, or a log, shows of a run while it is on: an observer of the run."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TextIO

from dataflow_core.plugins.hookspecs import hookimpl
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text

    from dataflow_core.engine.ledger import StepAccount
    from dataflow_core.engine.progress import Update
    from dataflow_core.serving.tally import Tally

_LOG_SECONDS = 10.0
_REFRESHES = 4
_SPEED_SECONDS = 10.0
_SPEED_PARTS = 20
_STOPPING = "stopping after this batch; Ctrl-C once more stops at once"


def display_for(stream: TextIO, *, quiet: bool) -> AbstractContextManager[Display]:
    """Return what shows a run on a stream: a table on a terminal, lines now and then in a log.

    Args:
        stream: Where to.
        quiet: Whether to show nothing.
    """
    if quiet:
        return _nothing()
    return _table(stream) if stream.isatty() else _lines(stream)


class Display:
    """Shows nothing of a run, but that it stops."""

    def say_stopping(self) -> None:
        """Say that the run stops after the batch at hand; called within a signal's handler."""
        from dataflow_core.engine.interrupts import say_stopping

        say_stopping()


@contextmanager
def _nothing() -> Iterator[Display]:
    yield Display()


@contextmanager
def _lines(stream: TextIO) -> Iterator[Display]:
    yield _Lines(stream)


@contextmanager
def _table(stream: TextIO) -> Iterator[Display]:
    from rich.console import Console
    from rich.live import Live

    shown = _Shown()
    live = Live(shown, console=Console(file=stream), refresh_per_second=_REFRESHES, transient=True)
    with live:
        yield shown


class Pace:
    """How fast a stage goes, and how long it will.

    Args:
        update: How far it was at first.
    """

    def __init__(self, update: Update) -> None:
        self._before, self._since = update.rows, time.monotonic()
        self._calls: dict[str, Speeds] = {}
        self.note(update)

    def note(self, update: Update) -> None:
        """Take notice of how far the stage is."""
        self._rows, self._total = update.rows, update.total

    def of_total(self) -> str:
        """Return of about how many rows it is; nothing where that is not known."""
        return "" if self._total is None else f" of about {max(self._total, self._rows):,}"

    def done(self) -> str:
        """Return how many rows are done, of how many."""
        return f"{self._rows:,}{self.of_total()} rows"

    def speed(self) -> str:
        """Return the rows a second; nothing as long as that cannot be told."""
        speed = self._speed()
        return f"{speed:,.0f} rows/s" if speed else ""

    def answers(self, update: Update) -> dict[str, str]:
        """Return what is to say of the calls of each step: answers/s, tokens/s, and their cost."""
        from dataflow_core.engine.call_texts import money

        told = {}
        for step, tally in update.calls().items():
            speeds = self._calls.setdefault(step, Speeds(tally)).of(tally)
            cost = [] if money(tally) == "-" else [f"{money(tally)} so far"]
            answers = counted(tally.answered + tally.reused, "answer")
            told[step] = ", ".join([answers, *speeds, *cost])
        return told

    def left(self) -> str:
        """Return how long it will take; nothing as long as that cannot be told."""
        speed = self._speed()
        if not speed or self._total is None or self._total <= self._rows:
            return ""
        return f"{_duration((self._total - self._rows) / speed)} left"

    def _speed(self) -> float:
        seconds = time.monotonic() - self._since
        return (self._rows - self._before) / seconds if seconds > 0.5 else 0.0


class Speeds:
    """How fast answers come, over the last seconds.

    Args:
        tally: What had come at first.
    """

    def __init__(self, tally: Tally) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()
        self._note(tally)

    def of(self, tally: Tally) -> list[str]:
        """Return answers/s and tokens/s, now that so much has come."""
        self._note(tally)
        (began, answers, tokens), (now, *_) = self._seen[0], self._seen[-1]
        seconds = now - began
        if seconds < _SPEED_SECONDS / _SPEED_PARTS:
            return []
        came = tally.answered + tally.reused - answers
        written = tally.completion_tokens - tokens
        return [f"{_rate(came / seconds)} answers/s", f"{_rate(written / seconds)} tokens/s"]

    def _note(self, tally: Tally) -> None:
        now = time.monotonic()
        if self._seen and now - self._seen[-1][0] < _SPEED_SECONDS / _SPEED_PARTS:
            return
        self._seen.append((now, tally.answered + tally.reused, tally.completion_tokens))
        while now - self._seen[0][0] > _SPEED_SECONDS and len(self._seen) > 2:
            self._seen.popleft()


class Stages:
    """The stages that are on: several, where a pipeline has branches."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[Pace, Update]] = {}

    def note(self, update: Update) -> None:
        """Take notice of how far a stage is; forget a finished one."""
        pace, _ = self._stages.get(update.stage) or (Pace(update), update)
        pace.note(update)
        self._stages[update.stage] = pace, update
        if update.finished:
            del self._stages[update.stage]

    def on(self) -> list[tuple[Pace, Update]]:
        """Return the pace of each stage that is on, and how far it is."""
        return list(self._stages.values())


class _Lines(Display):
    """Writes a line for each step of the stages that are on, every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stages = Stages()
        self._last = time.monotonic()

    @hookimpl
    def dataflow_on_progress(self, update: Update) -> None:
        """Take notice of how far a stage is."""
        self._stages.note(update)
        if update.finished or time.monotonic() - self._last < _LOG_SECONDS:
            return
        self._last = time.monotonic()
        for pace, told in self._stages.on():
            self._stream.writelines(f"{line}\n" for line in _step_lines(pace, told))
        self._stream.flush()


def _step_lines(pace: Pace, update: Update) -> Iterator[str]:
    """Yield a line for each step of a stage, or one where rows are only read."""
    pace_told = [told for told in (pace.speed(), pace.left()) if told]
    accounts, calls = list(update.accounts().values()), pace.answers(update)
    if update.goal is not None:
        yield str(update.goal)
    if not accounts:
        yield ", ".join([f"{update.stage}: {pace.done()}", *pace_told])
    for number, account in enumerate(accounts):
        of_total = pace.of_total() if number == 0 else ""
        told = [f"{account.step}: {account.rows_in:,}{of_total} in"]
        told += [f"{account.dropped:,} dropped"] if account.dropped else []
        told += [f"{account.quarantined:,} failed"] if account.quarantined else []
        told += [calls[account.step]] if account.step in calls else []
        yield ", ".join([*told, *pace_told])


class _Shown(Display):
    """The tables of steps of the stages that are on, as rich draws them again and again."""

    def __init__(self) -> None:
        self._stages = Stages()
        self._stopping = False

    def say_stopping(self) -> None:
        """Show from the next refresh on that the run stops: a line would be drawn over by it."""
        self._stopping = True

    @hookimpl
    def dataflow_on_progress(self, update: Update) -> None:
        """Take notice of how far a stage is."""
        self._stages.note(update)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what is shown: the head of each stage in a line of its own, however long it is."""
        if self._stopping:
            yield _line(_STOPPING, style="bold yellow")
        for pace, update in self._stages.on():
            head = (update.stage, pace.done(), pace.speed(), pace.left())
            yield _line(" · ".join(filter(None, head)))
            if update.goal is not None:
                yield _line(str(update.goal), style="none")
            if accounts := list(update.accounts().values()):
                yield _step_table(accounts)
            for step, told in pace.answers(update).items():
                yield _line(f"{step}: {told}", style="none")


def _line(text: str, style: str = "italic") -> Text:
    """Return text that stays in one line, and ends in dots where the terminal is narrower."""
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _step_table(accounts: list[StepAccount]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("step", "in", "out", "dropped", "failed", "rows/s"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for account in accounts:
        sums = (account.rows_in, account.rows_out, account.dropped, account.quarantined)
        speed = account.rows_per_second
        cells = [*(f"{number:,}" for number in sums), "" if speed is None else f"{speed:,.0f}"]
        table.add_row(account.step, *cells)
    return table


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
