"""The report of a run: rows in, out and gone by step, and where everything is."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataflow_core.engine.call_texts import CALL_HEADS, call_cells, spent_text
from dataflow_core.engine.edits import Edit
from dataflow_core.engine.ledger import StepAccount
from dataflow_core.serving.tally import Tally
from dataflow_core.table.distributions import Distribution, Reported
from dataflow_core.wording import counted

_SHOWN = (0.01, 0.05, 0.5, 0.95, 0.99)
_LISTED = 12


@dataclass(frozen=True)
class Sample:
    """A dropped or failed row, for people to look at.

    Attributes:
        row: The row's id.
        step: The step that removed it.
        reason: Why.
        value: The measure that decided, if any.
        text: The beginning of the longest text that the step reads; where it reads none, of the
            row's longest text.
    """

    row: str
    step: str
    reason: str
    value: str | None
    text: str | None


@dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        pipeline: The pipeline's name.
        run_dir: The run directory.
        output: Where the result was written.
        rows_in: Rows read from the main source, unreadable ones included.
        rows_out: Rows in the result.
        unreadable: Rows of sources that could not be read and were set aside.
        seconds: Wall time of the whole run.
        steps: The account of each step, in order.
        samples: Some of the rows that were dropped or failed.
        changes: What differs from the earlier run in the same directory, in sentences.
        reused: How many rows of each stage were taken over, and not done in this call.
        started: When the run began.
        page: The report as a page for a browser; None where it could not be written.
        retried: How many rows of each step that had failed were done again.
        spent: What the run has taken of models in all, however often it was stopped or killed;
            None where it has asked none.
        reused_from: The run directory of which the rows in ``reused`` are, by stage: an earlier
            run's, or this run's own, where it went on.
    """

    pipeline: str
    run_dir: Path
    output: str
    rows_in: int
    rows_out: int
    unreadable: int
    seconds: float
    steps: tuple[StepAccount, ...]
    samples: tuple[Sample, ...] = field(default=())
    changes: tuple[str, ...] = ()
    reused: Mapping[str, int] = field(default_factory=dict)
    started: dt.datetime | None = None
    page: Path | None = None
    retried: Mapping[str, int] = field(default_factory=dict)
    spent: Tally | None = None
    reused_from: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Report:
        """Return the report of what `as_dict` returned; its measures have no values any more."""
        return cls(
            **{
                **content,
                "run_dir": Path(content["run_dir"]),
                "steps": tuple(_account(step) for step in content["steps"]),
                "samples": tuple(Sample(**sample) for sample in content["samples"]),
                "changes": tuple(content["changes"]),
                "started": _moment(content.get("started")),
                "page": Path(content["page"]) if content.get("page") else None,
                "spent": _spent(content.get("spent")),
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report for ``report.json``."""
        return {
            **vars(self),
            "run_dir": str(self.run_dir),
            "started": self.started and self.started.isoformat(timespec="seconds"),
            "page": self.page and str(self.page),
            "spent": None if self.spent is None else self.spent.as_dict(),
            "steps": [_as_dict(step) for step in self.steps],
            "samples": [asdict(sample) for sample in self.samples],
        }

    def table(self) -> str:
        """Return the table of steps as text.

        Where a step makes rows of others, it says how many went into them (``expanded``) and how
        many there are of them (``made``): of each step, what went in and was made is what came out,
        was dropped, quarantined and expanded.
        """
        sums = ["rows_in", "rows_out", "dropped", "quarantined"]
        sums += [name for name in ("expanded", "made") if any(getattr(s, name) for s in self.steps)]
        heads = (name.removeprefix("rows_") for name in sums)
        rows = [("step", *heads, "rows/s", "reasons"), *(_row(step, sums) for step in self.steps)]
        return align(rows, left=(0, len(rows[0]) - 1))

    def calls(self) -> str:
        """Return what steps asked of models, and what that took, as text; or nothing.

        Asked are all answers; some came out of a store, and cost nothing this time.
        """
        steps = [step for step in self.steps if step.calls]
        rows = [("step", *CALL_HEADS), *((step.step, *call_cells(step)) for step in steps)]
        return align(rows, left=(0,)) if steps else ""

    def measures(self) -> str:
        """Return the measures that steps bound, with where their bounds cut, as text; or nothing.

        Quantiles and mean are those of the rows that went into the step, the dropped ones included.
        """
        shares = (f"{share:.0%}" for share in _SHOWN)
        header = ("measure", "mean", *shares, "kept", "below", "above")
        rows = [
            (name, *_cells(found))
            for step in self.steps
            for name, found in step.measures.items()
            if found.low is not None or found.high is not None
        ]
        return align([header, *rows], left=(0,)) if rows else ""

    def findings(self) -> str:
        """Return what steps found out about the data set as a whole, as text; or nothing.

        A dict of single values is one line, of which the first are shown; lists, and dicts of
        lists or dicts, stand in ``report.json`` alone.
        """
        rows = [
            (step.step, name, shown)
            for step in self.steps
            for name, value in step.findings.items()
            if (shown := _finding(value)) is not None
        ]
        return align([("step", "finding", "value"), *rows], left=(0, 1, 2)) if rows else ""

    def __str__(self) -> str:
        lines = [self.table(), ""]
        lines += [
            line
            for part in (self.calls(), self.measures(), self.findings())
            if part
            for line in (part, "")
        ]
        lines += self._taken_over()
        if self.retried:
            again = ", ".join(f"{name} {rows:,}" for name, rows in self.retried.items())
            lines.append(f"failed rows done again: {again}")
        lines += [f"changed since then: {change}" for change in self.changes]
        if self.unreadable:
            rows = counted(self.unreadable, "unreadable row was", "unreadable rows were")
            lines.append(f"{rows} set aside in {self.run_dir / 'quarantine' / 'source'}.")
        speed = f" ({self.rows_in / self.seconds:,.0f} rows/s)" if self.seconds > 0 else ""
        lines.append(
            f"{counted(self.rows_in, 'row')} in, {self.rows_out:,} out, {self.seconds:.1f} s{speed}"
        )
        if self.spent:
            lines.append(f"models   {spent_text(self.spent)}, in this run in all")
            if self.spent.lost:
                lost = counted(self.spent.lost, "request")
                lines.append(
                    f"         up to {lost} on their way at a kill may have been paid, too"
                )
        lines.append(f"output   {self.output}")
        lines.append(f"run      {self.run_dir}")
        if self.page is not None:
            lines.append(f"report   {self.page}")
        return "\n".join(lines)

    def _taken_over(self) -> Iterator[str]:
        """Yield what was done already, a line for each run that did it."""
        places: dict[str | None, list[str]] = {}
        for name, rows in self.reused.items():
            kept = places.setdefault(self.reused_from.get(name), [])
            kept.append(f"{name} {counted(rows, 'row')}")
        for place, kept in places.items():
            own = place == str(self.run_dir)
            where = "done before in this run" if own else f"taken over from {place or 'a run'}"
            yield f"{where}: {', '.join(kept)}"


def align(rows: Sequence[Sequence[str]], left: Sequence[int] = ()) -> str:
    """Return rows of cells as text with aligned columns; columns in ``left`` are left-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _as_dict(step: StepAccount) -> dict[str, Any]:
    measures = {name: found.as_dict() for name, found in step.measures.items()}
    edits = [asdict(edit) for edit in step.edits]
    told = {"reasons": dict(step.reasons), "measures": measures, "edits": edits}
    return {**vars(step), **told, "calls": step.calls.as_dict()}


def _account(step: Mapping[str, Any]) -> StepAccount:
    measures = {name: Reported.from_dict(found) for name, found in step["measures"].items()}
    edits = [Edit(**edit) for edit in step.get("edits", ())]
    reasons = Counter(step["reasons"])
    calls = Tally.from_dict(step.get("calls", {}))
    made = {"reasons": reasons, "measures": measures, "edits": edits, "calls": calls}
    return StepAccount(**{**step, **made})


def _spent(told: Any) -> Tally | None:
    # Early runs without new requests wrote something else there.
    return Tally.from_dict(told) if isinstance(told, Mapping) else None


def _moment(told: str | None) -> dt.datetime | None:
    return None if told is None else dt.datetime.fromisoformat(told)


def _cells(found: Distribution) -> tuple[str, ...]:
    low, high = (None if bound is None else _number(bound) for bound in (found.low, found.high))
    kept = f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}"
    told = (found.mean(), *found.quantiles(_SHOWN))
    values = ("-" if value is None else _number(value) for value in told)
    return (*values, kept, f"{found.below:,}", f"{found.above:,}")


def _number(value: float) -> str:
    if not 1e-4 < abs(value) < 1e15:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _finding(value: Any) -> str | None:
    """Return what was found in one line; None where that takes more."""
    if isinstance(value, dict):
        if any(isinstance(one, (dict, list)) for one in value.values()):
            return None
        shown = [f"{name} {_single(one)}" for name, one in value.items()][:_LISTED]
        return ", ".join(shown) + (", …" if len(value) > _LISTED else "")
    return None if isinstance(value, list) else _single(value)


def _single(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return _number(value)
    return f"{value:,}" if type(value) is int else str(value)


def _row(step: StepAccount, sums: Sequence[str]) -> tuple[str, ...]:
    speed = "-" if step.rows_per_second is None else f"{step.rows_per_second:,.0f}"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in step.reasons.most_common(3))
    if len(step.reasons) > 3:
        reasons += ", …"
    return (step.step, *(f"{getattr(step, name):,}" for name in sums), speed, reasons)
