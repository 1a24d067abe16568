"""How much of a source a run reads that wants just so many rows, told by a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dataflow_core.engine.goal import wanted_of_source
from dataflow_core.engine.intervals import Blocks, wilson
from dataflow_core.engine.report import Report
from dataflow_core.operators.general.want import Want
from dataflow_core.pipeline.plan import Plan


def as_wanted(whole: Blocks, plan: Plan, report: Report) -> tuple[Blocks, Sequence[str]]:
    """Return the part of a source that a run will read, and what to say of it.

    Args:
        whole: All of the source.
        plan: The plan.
        report: What became of the sample.
    """
    step = wanted_of_source(plan)
    if step is None or not isinstance(want := step.operator, Want):
        return whole, ()
    account = next(one for one in report.steps if one.step == step.name)
    accepted, tried = account.findings["accepted"], account.findings["candidates"]
    # Where the sample had enough of them early, nobody knows how many of its rows that took.
    rows = report.rows_in if account.rows_in == tried else tried
    if not accepted:
        return whole, (f"{step.name}: no row of the sample is accepted; all rows may be read",)
    low, high = wilson(min(accepted, rows), rows)
    needed = want.rows * rows / accepted
    few, many = want.rows / high, want.rows / low
    told = (
        f"{step.name}: {accepted / rows:.1%} of the sample's rows are accepted ({low:.1%} to "
        f"{high:.1%}): about {math.ceil(needed):,} rows are read for {want.rows:,} "
        f"({math.ceil(few):,} to {math.ceil(many):,})"
    )
    most = min(whole.total, want.max_candidates or whole.total)
    if needed >= most:
        note = f"{told}, and there are {most:,}" if whole.is_exact else told
        return replace(whole, total=most), (note,)
    guess = (many - few) / 2 / needed
    total = max(math.ceil(needed), whole.rows)
    return replace(whole, total=total, is_exact=False, guess=guess), (told,)
