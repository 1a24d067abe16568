"""What ``dataflow cache`` says of stores, as text."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.serving.store.contents import Contents, Portion
    from dataflow_core.serving.store.misses import Cause, Misses, Session
    from dataflow_core.serving.store.pruning import Pruned

_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SHOWN = 20


def contents_lines(contents: Contents) -> Iterator[str]:
    """Yield what a store holds."""
    sessions = counted(contents.sessions, "session")
    yield f"{contents.path}  {size_text(contents.size)}, {sessions}"
    for portion in contents.portions:
        yield from _portion_lines(portion)
    if not contents.portions:
        yield "  no answers"
    spent = contents.spent
    paid = f"{counted(spent.answers, 'answer')} of {counted(spent.requests, 'request')}"
    yield f"  paid in all: {paid}, {_cost_text(spent.cost, spent.unpriced, spent.answers)}"
    if spent.wasted_tokens:
        cost = f", ${spent.wasted_cost:,.4f}" if spent.wasted_cost else ""
        yield f"  spent in vain: {counted(spent.wasted_tokens, 'token')} of it{cost}"


def misses_lines(misses: Misses) -> Iterator[str]:
    """Yield why answers were paid for."""
    yield f"{misses.path}, {_sessions_text(misses.sessions)}"
    if not misses.answers:
        yield "No answer was paid for: all that was asked for was there, or nothing was."
        return
    yield f"{counted(misses.answers, 'answer')} paid for:"
    for cause, count in misses.causes.most_common(_SHOWN):
        yield from _cause_lines(cause, count, misses.cut_short[cause])
    rest = misses.causes.most_common()[_SHOWN:]
    if rest:
        others = sum(count for _, count in rest)
        yield f"  {others:,} × for {counted(len(rest), 'other reason')}: --json has them"
    if misses.first:
        yield "Nothing was there before."
    elif set(misses.causes) == {_new_prompt()}:
        yield (
            "If these are rows of before, their prompts read otherwise now: look at the prompt's "
            "template, and at the columns in it."
        )


def selected_line(pruned: Pruned) -> str:
    """Return what would be removed from a store."""
    return f"{pruned.path}: {_removed(pruned)} to remove"


def pruned_line(pruned: Pruned) -> str:
    """Return what was removed from a store."""
    return f"{pruned.path}: {_removed(pruned)} removed, {size_text(pruned.freed or 0)} freed"


def size_text(size: float) -> str:
    """Return a number of bytes for people."""
    for bytes_of_unit, unit in _UNITS:
        if abs(size) >= bytes_of_unit:
            return f"{size / bytes_of_unit:,.1f} {unit}"
    return f"{size:,.0f} bytes"


def _portion_lines(portion: Portion) -> Iterator[str]:
    kind = "" if portion.kind == "chat" else f" ({portion.kind})"
    yield f"  {portion.model}{kind} at {portion.endpoint}"
    copied = f", {portion.copied:,} of them copied" if portion.copied else ""
    tokens = f"{counted(portion.prompt_tokens, 'token')} in, {portion.completion_tokens:,} out"
    cost = _cost_text(portion.cost, portion.unpriced, portion.answers)
    yield f"    {counted(portion.answers, 'answer')}{copied}, {tokens}, {cost}"
    for name, counts in (
        ("ended", portion.finish_reasons),
        ("problems", portion.problems),
        ("failures", portion.failures),
    ):
        if counts:
            yield f"    {name}: {_counts_text(counts)}"
    if portion.oldest is not None and portion.newest is not None:
        yield f"    from {_time_text(portion.oldest)} to {_time_text(portion.newest)}"


def _cause_lines(cause: Cause, count: int, cut_short: int) -> Iterator[str]:
    before = f" (of their earlier answers, {cut_short:,} were cut short)" if cut_short else ""
    told = _CAUSES[cause.kind].format(_from_here(cause.detail))
    changes = [str(change) for change in cause.changes]
    if len(changes) == 1:
        yield f"  {count:,} × {told}: {changes[0]}{before}"
        return
    yield f"  {count:,} × {told}{':' if changes else ''}{before}"
    for change in changes:
        yield f"      {change}"


_CAUSES = {
    "new_prompt": "new prompt: nothing asked before",
    "settings": "same prompt, other settings",
    "sample": "another answer to a question asked before",
    "not_reused": "answered before but not reused: {}",
    "failed_before": "asked before without an answer: {}",
    "asked_twice": "asked again in the same session, or by two runs at the same time",
    "not_read": "answered before in {}, which was not looked into",
}


def _from_here(detail: str) -> str:
    """Return a path as seen from the working directory, if it is below; other details as is."""
    return detail.removeprefix(f"{Path.cwd()}/")


def _new_prompt() -> Cause:
    from dataflow_core.serving.store.misses import Cause

    return Cause("new_prompt")


def _sessions_text(sessions: list[Session]) -> str:
    if len(sessions) != 1:
        return counted(len(sessions), "session")
    session = sessions[0]
    names = "".join(f", {name}" for name in (session.run, session.command) if name)
    return f"session {session.id} of {_time_text(session.started)}{names}"


def _removed(pruned: Pruned) -> str:
    cost = f" that cost ${pruned.cost:,.2f}" if pruned.cost else ""
    return f"{counted(pruned.answers, 'answer')}{cost}"


def _cost_text(cost: float, unpriced: int, answers: int) -> str:
    if answers and unpriced == answers:
        return "price unknown"
    rest = f" and {unpriced:,} of unknown price" if unpriced else ""
    return f"${cost:,.4f}{rest}"


def _counts_text(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _time_text(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"
