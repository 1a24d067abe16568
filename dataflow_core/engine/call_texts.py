"""How reports, displays and messages tell what calls of models took."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dataflow_core.engine.ledger import StepAccount
from dataflow_core.serving.tally import Tally
from dataflow_core.wording import counted


def dollars(amount: float) -> str:
    """Return an amount of money: in cents from a dollar on, below in two digits that count."""
    if amount >= 1 or amount <= 0:
        return f"{amount:,.2f}"
    return f"{amount:.{max(2, 1 - math.floor(math.log10(amount)))}f}"


def money(tally: Tally) -> str:
    """Return what calls cost; with ``+`` where that of some is not known, ``-`` where of all."""
    if not tally.cost and tally.unpriced + tally.saved_unpriced:
        return "-"
    return f"${dollars(tally.cost)}{'+' if tally.unpriced else ''}"


CALL_CELLS: Sequence[tuple[str, Callable[[Tally], str]]] = (
    ("asked", lambda tally: f"{tally.asked:,}"),
    ("reused", lambda tally: f"{tally.reused:,}"),
    ("failed", lambda tally: f"{tally.failed:,}"),
    ("requests", lambda tally: f"{tally.requests:,}"),
    ("tokens in", lambda tally: f"{tally.prompt_tokens:,}"),
    ("tokens out", lambda tally: f"{tally.completion_tokens:,}"),
    ("discarded", lambda tally: f"{tally.discarded_tokens:,}"),
    ("cost", money),
)
"""What of a tally is in a table of calls, by the names of the columns."""

CALL_HEADS = (*(name for name, _ in CALL_CELLS), "tokens/s")
"""The columns of a table of calls; the last are the tokens written a second."""


def call_cells(step: StepAccount) -> tuple[str, ...]:
    """Return the cells of a step in a table of calls, as `CALL_HEADS` names them."""
    cells = (write(step.calls) for _, write in CALL_CELLS)
    tokens = step.calls.completion_tokens
    speed = f"{tokens / step.seconds:,.0f}" if tokens and step.seconds > 0 else "-"
    return (*cells, speed)


def answers_text(tally: Tally) -> str:
    """Return what was asked, and what it took, in a few words."""
    reused = f", {tally.reused:,} of which were there" if tally.reused else ""
    failed = f", {tally.failed:,} failed" if tally.failed else ""
    return f"{counted(tally.asked, 'answer')} asked for{reused}{failed}: {spent_text(tally)}"


def spent_text(tally: Tally) -> str:
    """Return what was spent, in a few words."""
    cost = "" if money(tally) == "-" else f"{money(tally)}, "
    tokens = f"{counted(tally.prompt_tokens, 'token')} in, {tally.completion_tokens:,} out"
    return f"{cost}{counted(tally.requests, 'request')}, {tokens}"
