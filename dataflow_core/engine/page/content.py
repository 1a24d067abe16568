"""What the page of a report says, as the template takes it: texts, shares of widths, drawings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from dataflow_core.engine.call_texts import CALL_HEADS, call_cells, spent_text
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.engine.page.findings import finding_of
from dataflow_core.engine.page.graph import graph_of
from dataflow_core.engine.page.histogram import histogram
from dataflow_core.engine.page.writing import (
    differences,
    duration,
    number,
    per_second,
    percent,
    share,
    text,
    words,
)
from dataflow_core.engine.report import Report, Sample
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.table.distributions import Distribution
from dataflow_core.wording import counted

_SLOWEST = 8
_REASONS = 6
_QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
_QUANTILE_NAMES = ("1 %", "5 %", "median", "95 %", "99 %")


def content_of(report: Report, plan: Plan, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's variables; see `dataflow_core.engine.page.render`."""
    steps = _steps(report, plan, asked)
    flow = list(_flow(report, plan, steps))
    return {
        "title": text(report.pipeline),
        "state": text(asked.get("state") or "unknown"),
        "started": report.started,
        "plan": f"{counted(len(plan.steps), 'step')} in {counted(len(plan.stages), 'stage')}",
        "figures": list(_figures(report)),
        "facts": list(_facts(report, plan, asked)),
        "taken": [
            (text(name), counted(rows, "row"), text(report.reused_from.get(name, "")))
            for name, rows in report.reused.items()
        ],
        "again": [(text(name), counted(rows, "row")) for name, rows in report.retried.items()],
        "changes": [text(change, 300) for change in report.changes],
        "graph": graph_of(plan),
        "flow": flow,
        "kinds": {name for row in flow for name, _ in row["bars"]},
        "steps": steps,
        "slowest": _slowest(report),
        "calls": _calls(report),
        "measures": [card for step in report.steps for card in _measures(step)],
        "removed": list(_removed(report)),
        "edits": list(_edits(report)),
        "findings": [
            {"step": text(step.step), "found": [finding_of(n, v) for n, v in step.findings.items()]}
            for step in report.steps
            if step.findings
        ],
    }


def _figures(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield the key figures: name, value, and what it is of."""
    dropped = sum(step.dropped for step in report.steps)
    failed = sum(step.quarantined for step in report.steps) + report.unreadable
    yield "Rows in", f"{report.rows_in:,}", ""
    yield "Rows out", f"{report.rows_out:,}", f"{share(report.rows_out, report.rows_in)} of rows in"
    yield "Dropped", f"{dropped:,}", f"in {counted(_having(report, 'dropped'), 'step')}"
    unreadable = f"{report.unreadable:,} unreadable" if report.unreadable else "none unreadable"
    yield "Quarantined", f"{failed:,}", unreadable
    speed = f"{per_second(report.rows_in, report.seconds)} rows/s"
    yield "Time", duration(report.seconds), speed


def _having(report: Report, name: str) -> int:
    return sum(getattr(step, name) > 0 for step in report.steps)


def _facts(report: Report, plan: Plan, asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was asked, as names and values."""
    sources = asked.get("sources") or dict.fromkeys(plan.sources)
    for name, described in sources.items():
        if described is not None:
            label = "Source" if name == SOURCE else f"Source {text(name, 60)}"
            yield label, text(described)
    yield "Output", text(report.output)
    yield "Run directory", text(report.run_dir)
    options = asked.get("options") or {}
    if options.get("limit"):
        yield "Limit", counted(options["limit"], "row")
    if options.get("max_failures") is not None:
        yield "Failures allowed", f"{text(options['max_failures'], 60)} of a step’s rows"
    versions = (asked.get("versions") or {}).items()
    if versions:
        yield "Versions", ", ".join(f"{text(name, 60)} {text(one, 60)}" for name, one in versions)


def _steps(report: Report, plan: Plan, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of the table of steps."""
    known = {step.name: step for step in plan.steps}
    told = {step.get("name"): step for step in (asked.get("plan") or {}).get("steps", ())}
    total = sum(step.seconds for step in report.steps)
    return [
        _step(step, known.get(step.step), told.get(step.step, {}), total) for step in report.steps
    ]


def _step(
    step: StepAccount, planned: Step | None, told: Mapping[str, Any], total: float
) -> dict[str, Any]:
    config = ", ".join(f"{name} = {value}" for name, value in (told.get("config") or {}).items())
    reasons = [(words(reason), f"{rows:,}") for reason, rows in step.reasons.most_common(_REASONS)]
    others = len(step.reasons) - len(reasons)
    return {
        "name": text(step.step),
        "operator": type(planned.operator).__name__ if planned else "",
        "function": planned.operator.function if planned else "",
        "config": text(config, 200),
        "also": [text(other) for other in planned.other_tables] if planned else [],
        "rows_in": f"{step.rows_in:,}",
        "rows_out": f"{step.rows_out:,}",
        "dropped": f"{step.dropped:,}",
        "quarantined": f"{step.quarantined:,}",
        "speed": per_second(step.rows_in, step.seconds),
        "seconds": duration(step.seconds),
        "share": share(step.seconds, total),
        "width": percent(step.seconds, total),
        "reasons": reasons,
        "others": f"and {counted(others, 'other')}" if others else "",
    }


def _calls(report: Report) -> dict[str, Any] | None:
    """Return the table of what steps asked of models; None where none did."""
    asking = [step for step in report.steps if step.calls]
    if not asking:
        return None
    spent = "" if report.spent is None else spent_text(report.spent)
    return {
        "head": CALL_HEADS,
        "rows": [(text(step.step), call_cells(step)) for step in asking],
        "spent": spent,
    }


def _flow(report: Report, plan: Plan, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the drawing, sources first: bars of what became of the rows of each."""
    widest = max([report.rows_in, *map(_ended, report.steps)])
    for name in plan.sources:
        main = name == SOURCE
        parts = [("out", report.rows_in - report.unreadable), ("quarantined", report.unreadable)]
        yield {
            "name": text(name), "operator": "", "function": "source", "also": [],
            "result": name == plan.result,
            "bars": _bars(parts, widest) if main else [],
            "rows": f"{report.rows_in - report.unreadable:,}" if main else "",
            "gone": [f"{report.unreadable:,} unreadable"] if main and report.unreadable else [],
        }  # fmt: skip
    for account, step in zip(report.steps, steps, strict=True):
        parts = [("out", account.rows_out), ("dropped", account.dropped)]
        parts += [("quarantined", account.quarantined), ("expanded", account.expanded)]
        notes = [f"{rows:,} {name}" for name, rows in parts[1:] if rows]
        yield {
            **step,
            "result": account.step == plan.result,
            "bars": _bars(parts, widest),
            "rows": step["rows_out"],
            "gone": notes + ([f"{account.made:,} made"] if account.made else []),
        }


def _ended(step: StepAccount) -> int:
    return step.rows_out + step.dropped + step.quarantined + step.expanded


def _bars(parts: list[tuple[str, int]], widest: int) -> list[tuple[str, str]]:
    return [(name, percent(rows, widest)) for name, rows in parts if rows]


def _slowest(report: Report) -> list[dict[str, str]]:
    slowest = sorted(report.steps, key=lambda step: -step.seconds)[:_SLOWEST]
    total = sum(step.seconds for step in report.steps)
    return [
        {
            "name": text(step.step),
            "seconds": duration(step.seconds),
            "share": share(step.seconds, total),
            "width": percent(step.seconds, slowest[0].seconds),
        }
        for step in slowest
        if step.seconds > 0
    ]


def _measures(step: StepAccount) -> Iterator[dict[str, Any]]:
    for name, found in step.measures.items():
        quantiles = zip(_QUANTILE_NAMES, found.quantiles(_QUANTILES), strict=True)
        ends = (("minimum", found.minimum), ("maximum", found.maximum))
        rows = [("mean", found.mean()), ends[0], *quantiles, ends[1]]
        known = found.rows > found.absent
        yield {
            "name": words(name),
            "step": text(step.step),
            "drawing": histogram(found),
            "kept": _kept(found),
            "cut": _cut(found),
            "rows": counted(found.rows - found.absent, "value"),
            "absent": f"{found.absent:,} without one" if found.absent else "",
            "quantiles": [(label, number(value)) for label, value in rows] if known else [],
        }


def _kept(found: Distribution) -> str:
    """Return which values are kept, in words; nothing without bounds."""
    low, high = (None if bound is None else number(bound) for bound in (found.low, found.high))
    if low and high:
        return f"keeps {low} to {high}"
    return f"keeps {low} and more" if low else f"keeps up to {high}" if high else ""


def _cut(found: Distribution) -> list[str]:
    """Return how many values lie beyond each bound, in words."""
    known = found.rows - found.absent
    sides = ((found.low, found.below, "below"), (found.high, found.above, "above"))
    return [
        f"{rows:,} {side} ({share(rows, known)})" if rows else f"0 {side}"
        for bound, rows, side in sides
        if bound is not None
    ]


def _removed(report: Report) -> Iterator[dict[str, Any]]:
    """Yield what was removed, step by step and reason by reason, with samples."""
    accounts = {step.step: step for step in report.steps}
    for name, samples in groupby(report.samples, key=lambda sample: sample.step):
        account = accounts.get(name)
        by_reason: dict[str, list[Sample]] = {}
        for sample in samples:
            by_reason.setdefault(sample.reason, []).append(sample)
        gone = account.dropped + account.quarantined if account else report.unreadable
        yield {
            "step": text(name),
            "rows": counted(gone, "row"),
            "kinds": ", ".join(map(words, by_reason)),
            "reasons": [_reason(account, reason, some) for reason, some in by_reason.items()],
        }


def _reason(account: StepAccount | None, reason: str, samples: list[Sample]) -> dict[str, Any]:
    failed = account is None or reason in account.failures
    many = account.reasons[reason] if account else 0
    return {
        "name": words(reason),
        "rows": counted(many, "row") if many else "",
        "fate": "quarantined" if failed else "dropped",
        "samples": [
            {
                "row": text(sample.row),
                "value": "" if sample.value is None else text(_measured(sample.value), 200),
                "text": None if sample.text is None else text(sample.text),
            }
            for sample in samples
        ],
    }


def _measured(value: str) -> str:
    """Return a measured value as people write it; other texts as they are."""
    try:
        return number(float(value)) if len(value) < 40 else value
    except (ValueError, OverflowError):
        return value


def _edits(report: Report) -> Iterator[dict[str, Any]]:
    for step in report.steps:
        pairs = []
        for edit in step.edits:
            before, after = differences(edit.before, edit.after)
            pairs.append(
                {"row": text(edit.row), "column": text(edit.column, 80),
                 "before": before, "after": after}
            )  # fmt: skip
        if pairs:
            yield {"step": text(step.step), "pairs": pairs, "shown": counted(len(pairs), "text")}
