"""``--want``: so many rows for which a condition holds; and what to say where there are fewer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dataflow_core.engine.report import Report
    from dataflow_core.pipeline.plan import Plan

SHORT = 3
"""The exit code where there are fewer rows than wanted; the run can go on."""

_STEP = "want"
_FORM = re.compile(
    r"\s*(?P<rows>\d[\d_,]*)(?:\s+rows)?(?:\s+where\s+(?P<where>.+?))?\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class Target:
    """How many rows are wanted, and which.

    Attributes:
        rows: How many.
        where: The condition for them; None for any.
    """

    rows: int
    where: str | None

    def behind(self, plan: Plan) -> Plan:
        """Return a plan that ends once it has these rows."""
        from dataflow_core.operators.general.want import Want
        from dataflow_core.pipeline.plan import Step

        if any(step.name == _STEP for step in plan.steps):
            raise click.UsageError(
                f"{plan.name} has a step {_STEP!r} already; change that: -p {_STEP}.rows="
                f"{self.rows}, and -p {_STEP}.where=…"
            )
        step = Step(_STEP, Want(rows=self.rows, where=self.where), {}, plan.result)
        return replace(plan, steps=(*plan.steps, step), result=_STEP)


def target_of(_: click.Context, __: click.Parameter, text: str | None) -> Target | None:
    """Return what ``--want`` says.

    Raises:
        BadParameter: It is not of the form.
    """
    if text is None:
        return None
    match = _FORM.fullmatch(text)
    if match is None or not (rows := int(re.sub("[_,]", "", match["rows"]))):
        raise click.BadParameter(
            f"{text!r} is not of the form '5000 where score >= 4': a number from 1 on, "
            "written out, and a condition."
        )
    return Target(rows, match["where"])


def shortfalls(plan: Plan, report: Report) -> Iterator[str]:
    """Yield what to say of steps that found fewer rows than they want.

    Args:
        plan: The plan.
        report: Its report.
    """
    from dataflow_core.operators.general.want import Want

    wanting = {step.name: step.operator for step in plan.steps if isinstance(step.operator, Want)}
    for account in report.steps:
        want, found = wanting.get(account.step), account.findings
        if want is None or found.get("accepted", want.rows) >= want.rows:
            continue
        limit = want.max_candidates
        is_limited = limit is not None and found["candidates"] >= limit
        cure = "Give it more rows, or let them come again: --rounds, at a temperature above 0"
        if not found["candidates"]:
            cure = "No row came through the steps before it: see what the table says of them"
        elif is_limited:
            cure = f"Raise -p {account.step}.max_candidates"
        yield (
            f"{account.step}: {found['accepted']:,} of {want.rows:,} rows wanted were accepted, "
            f"of {found['candidates']:,} candidates. {cure}; what is done need not be done again."
        )
