"""What differs between two runs: rows and columns, and what most likely made them differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dataflow_core.engine.fate_changes import FateChange, fate_changes
from dataflow_core.engine.parts import PartTable
from dataflow_core.engine.run_changes import Difference, differences
from dataflow_core.engine.stored_plans import plan_of
from dataflow_core.engine.stored_runs import StoredRun
from dataflow_core.engine.value_changes import ColumnChange, value_changes
from dataflow_core.errors import DataflowError, RunError
from dataflow_core.storage.bindings import flat


@dataclass(frozen=True)
class Cause:
    """What most likely made something differ.

    Attributes:
        table: The step or source whose fingerprint differs.
        sentences: How.
    """

    table: str
    sentences: list[str]


@dataclass
class RunDiff:
    """Two runs, compared.

    Attributes:
        before: The directory of one.
        after: That of the other.
        changes: What differs in sources, operators, configuration, columns and code.
        versions: The versions that differ, each with both.
        notes: What limits the comparison.
        fates: Rows that became something else.
        common: How many rows both results have.
        columns: Columns that differ in those.
        causes: The causes of `fates` and of `columns`, in their order; None where nothing that is
            written down explains it.
    """

    before: str
    after: str
    changes: list[Difference]
    versions: dict[str, tuple[Any, Any]]
    notes: list[str]
    fates: list[FateChange] = field(default_factory=list)
    common: int = 0
    columns: list[ColumnChange] = field(default_factory=list)
    causes: dict[str, list[Cause | None]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON."""
        content = asdict(self)
        causes = content.pop("causes")
        names = ("fate", "step", "reason")
        for change, cause in zip(content["fates"], causes["fates"], strict=True):
            for side in ("before", "after"):
                ends = [dict(zip(names, told, strict=True)) for told in change[side]]
                change[side] = [{n: value or None for n, value in end.items()} for end in ends]
            change["cause"] = cause
        for change, cause in zip(content["columns"], causes["columns"], strict=True):
            change["cause"] = cause
        return content


def diff_runs(before: StoredRun, after: StoredRun) -> RunDiff:
    """Compare two runs.

    Args:
        before: One.
        after: The other.

    Raises:
        RunError: One of them is not done.
    """
    for run in (before, after):
        if run.state != "done":
            raise RunError(
                f"{run.path} is not done ({run.state}); go on with it first: the same command, "
                f"with --run-dir {run.path}."
            )
    changes = list(differences(before.asked["fingerprints"], after.asked["fingerprints"]))
    versions = _versions(before.asked["versions"], after.asked["versions"])
    diff = RunDiff(str(before.path), str(after.path), changes, versions, [])
    diff.notes = list(_notes(before, after, changes))
    diff.fates = fate_changes(before.path / "ledger.parquet", after.path / "ledger.parquet")
    diff.common, diff.columns = value_changes(_result(before), _result(after))
    causes = _Causes(before, after, changes)
    diff.causes = {
        "fates": [causes.of(change.steps) for change in diff.fates],
        "columns": [causes.of(causes.writers(change.column)) for change in diff.columns],
    }
    return diff


class _Causes:
    """Finds the step or source to blame, by what differs and how tables hang together."""

    def __init__(
        self,
        before: StoredRun,
        after: StoredRun,
        changes: Iterable[Difference],
    ) -> None:
        self._runs = (after, before)
        self._found: dict[str, list[Difference]] = {}
        for change in changes:
            self._found.setdefault(change.table, []).append(change)
        self._tables = _in_order(before, after)
        self._written = {}
        for run in (before, after):
            self._written.update(self._writes(run))

    def of(self, steps: Iterable[str]) -> Cause | None:
        """Return the cause of what steps did otherwise: themselves, or what stands before them.

        Of these, the first that differs in more than its code.
        """
        named = sorted(steps, key=self._tables.index)
        above = {table for step in named for table in self._before(step)} or set(self._tables)
        for tables in (named, [table for table in self._tables if table in above]):
            differing = [table for table in tables if table in self._found]
            told = [t for t in differing if any(d.part != "code" for d in self._found[t])]
            for table in (*told, *differing):
                found = sorted(self._found[table], key=lambda d: d.part == "code")
                return Cause(table, [change.sentence for change in found])
        return None

    def writers(self, column: str) -> list[str]:
        """Return the steps that write a column, as far as the plans can be made again."""
        return [step for step, columns in self._written.items() if column in columns]

    def _before(self, table: str, seen: frozenset[str] = frozenset()) -> set[str]:
        """Return all tables of which one is made."""
        made_of = {
            one
            for run in self._runs
            for step in run.steps
            if step["name"] == table
            for one in (run.table_before(table), *_second_tables(step))
        }
        seen = seen | {table}
        return made_of.union(*(self._before(one, seen) for one in made_of - seen))

    def _writes(self, run: StoredRun) -> dict[str, set[str]]:
        try:
            plan = plan_of(run)
        except DataflowError:  # then by the columns that they are given for their output
            return {s["name"]: _outputs(s.get("columns", {})) for s in run.steps}
        return {
            step.name: {c for cs in step.operator.writes(step.columns).values() for c in cs}
            for step in plan.steps
        }


def _result(run: StoredRun) -> PartTable:
    from dataflow_core.engine.rundir import RunDirectory

    return RunDirectory(run.path).table("tables", run.result)


def _versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted({*before, *after})
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def _notes(before: StoredRun, after: StoredRun, changes: Iterable[Difference]) -> Iterable[str]:
    if before.pipeline != after.pipeline:
        yield f"they are of different pipelines: {before.pipeline} and {after.pipeline}"
    for change in changes:
        if change.part == "content":
            yield (
                f"rows are compared by their positions in {change.table!r}, whose content differs: "
                "where rows were inserted or removed, all behind them are others"
            )


def _in_order(before: StoredRun, after: StoredRun) -> list[str]:
    """Return the tables of both plans, each in the order of its own."""
    tables = list(after.hashes)
    place = 0
    for name in before.hashes:
        if name in tables:
            place = tables.index(name) + 1
        else:
            tables.insert(place, name)
            place += 1
    return tables


def _second_tables(step: Mapping[str, Any]) -> list[str]:
    columns = step.get("columns", {}).values()
    return [value["table"] for value in columns if isinstance(value, dict)]


def _outputs(columns: Mapping[str, Any]) -> set[str]:
    return {c for name, value in columns.items() if name.startswith("output_") for c in flat(value)}
