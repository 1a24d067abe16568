"""Checks of a plan before it runs: every problem at once, each with its step and way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, Literal

import pyarrow as pa

from dataflow_core.errors import PlanError, did_you_mean, nearest
from dataflow_core.pipeline.plan import SOURCE, Plan, Step, TableRef
from dataflow_core.pipeline.secrets import hidden_fields
from dataflow_core.storage.repeated import RepeatedSource
from dataflow_core.wording import counted

Code = Literal[
    "missing_column",
    "type_mismatch",
    "misused",
    "shared_output",
    "overwritten_input",
    "replaced_column",
    "doubtful",
    "overwritten_before_use",
    "unused_output",
    "unused_table",
    "equal_rounds",
    "hidden_secret",
    "lacking_capability",
    "not_ready",
]
_LISTING = " The table has: "


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a plan.

    Attributes:
        level: ``"error"``: the plan must not run; ``"warning"``: it may.
        code: What kind of problem it is.
        step: The step.
        parameter: The parameter that names the column, or the field that mentions it.
        column: The column.
        message: What was found and wanted, and how to mend it.
        nearest: The existing column with the closest name, if any is close.
    """

    level: Literal["error", "warning"]
    code: Code
    step: str
    parameter: str
    column: str
    message: str
    nearest: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the problem for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        where = f"step {self.step!r}" + (f", {self.parameter}" if self.parameter else "")
        return f"{self.level}: {where}: {self.message}"


def check_plan(plan: Plan, columns: Mapping[str, pa.DataType] | None) -> list[Problem]:
    """Return everything that is wrong with a plan, in the order of its steps.

    Args:
        plan: The plan.
        columns: The columns of its main source; None where the source is not known yet, and only
            what does not depend on it is checked.
    """
    problems = [*_clashing(plan), *_overwritten(plan), *_unused_outputs(plan)]
    problems += _unused_tables(plan)
    problems += [*_doubtful(plan), *_hidden(plan), *_incapable(plan), *_equal_rounds(plan)]
    if columns is not None:
        problems += [*_columns(plan, columns), *_replaced(plan, columns)]
    order = {step.name: number for number, step in enumerate(plan.steps)}
    return sorted(problems, key=lambda problem: order[problem.step])


def check_servings(plan: Plan) -> list[Problem]:
    """Return what the servings of a plan need and this machine lacks, each lack once.

    A plan can be sound and lack a key: so this is no part of `check_plan`. Nothing is opened.

    Args:
        plan: The plan.
    """
    problems: dict[str, Problem] = {}
    for step in plan.steps:
        for path, serving in step.operator.servings().items():
            for lack in serving.lacks():
                problem = Problem("error", "not_ready", step.name, path, "", lack)
                problems.setdefault(lack, problem)
    return list(problems.values())


def require_sound(plan: Plan, problems: Sequence[Problem]) -> None:
    """Raise one error that lists every problem of level error, if there is any.

    Raises:
        PlanError: The plan must not run.
    """
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        lines = "\n".join(f"  {line}" for line in _lines(errors))
        raise PlanError(f"{plan.name} cannot run, {counted(len(errors), 'problem')}:\n{lines}")


def _hidden(plan: Plan) -> Iterator[Problem]:
    for step, name in hidden_fields(plan):
        yield Problem(
            "error", "hidden_secret", step, name, "",
            f"its secret was hidden when it was written down. Give it: --param {step}.{name}=…",
        )  # fmt: skip


def _doubtful(plan: Plan) -> Iterator[Problem]:
    """Ask operators what of their configuration is likely a mistake."""
    for step in plan.steps:
        for message in step.operator.warnings():
            yield Problem("warning", "doubtful", step.name, "", "", message)


def _incapable(plan: Plan) -> Iterator[Problem]:
    """Find servings that cannot do what their operators need."""
    for step in plan.steps:
        needs = step.operator.needs
        for path, serving in step.operator.servings().items():
            wanted = needs.get(path.split(".")[0], ()) if isinstance(needs, Mapping) else needs
            for capability in sorted(set(wanted) - serving.capabilities):
                yield Problem(
                    "error", "lacking_capability", step.name, path, "",
                    f"{step.operator.step_name()} needs a serving that can do {capability!r}, and "
                    f"{serving.name} can do: {', '.join(sorted(serving.capabilities))}. Give "
                    f"another one: --param {step.name}.{path.split('.')[0]}=…",
                )  # fmt: skip


def _equal_rounds(plan: Plan) -> Iterator[Problem]:
    """Find that all rounds over a source will have the same answers."""
    source = getattr(plan.sources.get(SOURCE), "source", None)
    asking = [step for step in plan.steps if step.operator.servings()]
    if not isinstance(source, RepeatedSource) or source.rounds == 1 or not asking:
        return
    if all(_temperatures(step) == {0} for step in asking):
        yield Problem(
            "warning", "equal_rounds", asking[0].name, "", "",
            f"at temperature 0 all {source.rounds} rounds over the source have the same answers, "
            "and so the same rows come again. Give a temperature: --param "
            f"{asking[0].name}.sampling='{{temperature: 0.8}}', or --serving SPEC#temperature=0.8.",
        )  # fmt: skip


def _temperatures(step: Step) -> set[float | None]:
    own = getattr(step.operator, "sampling", None) or {}
    return {
        serving.sampling(**own).get("temperature") for serving in step.operator.servings().values()
    }


def _lines(errors: Sequence[Problem]) -> Iterator[str]:
    """Write each problem; what a table has follows once after several that it lacks columns for."""
    for problem, following in zip_longest(errors, errors[1:]):
        told, sentence, listed = str(problem).removeprefix("error: ").partition(_LISTING)
        again = following is not None and following.message.endswith(sentence + listed)
        yield told if sentence and again else told + sentence + listed


def _columns(plan: Plan, source: Mapping[str, pa.DataType]) -> Iterator[Problem]:
    tables, real = plan.source_columns(source), plan.source_columns(source)
    for step in plan.steps:
        unfit = list(_unfit(step, tables[step.table], list(real[step.table])))
        yield from unfit or _misused(step, tables)
        # As if missing columns were there: later steps would only repeat the message.
        assumed = dict.fromkeys(sorted(_read(step)), pa.null())
        before = {**assumed, **step.columns_before(tables)}
        tables[step.name] = step.operator.columns_after(before, step.columns)
        real[step.name] = _really_after(step, real)


def _really_after(
    step: Step, real: Mapping[str, Mapping[str, pa.DataType]]
) -> dict[str, pa.DataType]:
    """Return the columns after a step without those that it lacks, and would write to as well."""
    before = step.columns_before(real)
    after = step.operator.columns_after(before, step.columns)
    lacks = _read(step) - set(before)
    return {name: kind for name, kind in after.items() if name not in lacks}


def _misused(step: Step, tables: Mapping[str, Mapping[str, pa.DataType]]) -> Iterator[Problem]:
    """Ask the operator itself what is wrong: an expression that does not fit, keys that differ."""
    others = {n: tables[v.name] for n, v in step.bindings.items() if isinstance(v, TableRef)}
    for message in step.operator.problems(tables[step.table], step.columns, others):
        yield Problem("error", "misused", step.name, "", "", message)


def _unfit(step: Step, known: Mapping[str, pa.DataType], real: list[str]) -> Iterator[Problem]:
    """Find the columns that a step reads and its table lacks, or has with another type.

    Args:
        step: The step.
        known: The columns of its table, and those whose lack was told before.
        real: The columns of its table alone, to list.
    """
    kinds = {parameter.name: parameter.kind for parameter in step.operator.parameters()}
    for parameter, names in step.operator.reads(step.columns).items():
        for name in names:
            if name not in known:
                yield _missing(step, parameter, name, real)
            elif parameter in kinds and (
                told := kinds[parameter].misfit(name, known[name], step.operator.step_name())
            ):
                yield Problem("error", "type_mismatch", step.name, parameter, name, told)


def _missing(step: Step, parameter: str, name: str, there: list[str]) -> Problem:
    listed = ", ".join(there[:15]) + (", …" if len(there) > 15 else "")
    return Problem(
        "error", "missing_column", step.name, parameter, name,
        f"no column {name!r}.{did_you_mean(name, there)}{_LISTING}{listed or 'no columns'}.",
        nearest(name, there),
    )  # fmt: skip


def _overwritten(plan: Plan) -> Iterator[Problem]:
    """Find columns that a step makes and a later one overwrites before anything has read them."""
    for step, column, later in _fates(plan):
        if later is not None and column in _written(later) and not _reads(later, column):
            yield Problem(
                "error", "overwritten_before_use", later.name, "", column,
                f"overwrites column {column!r}, which step {step.name!r} makes and nothing has "
                "read. Give one of them another output column.",
            )  # fmt: skip


def _clashing(plan: Plan) -> Iterator[Problem]:
    """Find columns that the bindings of a step name twice."""
    for step in plan.steps:
        for clash in step.operator.clashes(step.columns):
            yield Problem("error", clash.kind, step.name, clash.parameter, clash.column, str(clash))


def _replaced(plan: Plan, source: Mapping[str, pa.DataType]) -> Iterator[Problem]:
    """Find columns of a source that a step replaces without reading them, refiners apart."""
    given = {name: set(columns) for name, columns in plan.source_columns(source).items()}
    for step in plan.steps:
        written = _written(step)
        given[step.name] = given[step.table] - written
        if step.operator.function == "refine":
            continue
        for column in sorted((written & given[step.table]) - _read(step)):
            yield Problem(
                "warning", "replaced_column", step.name, "", column,
                f"replaces column {column!r} of the source, whose values are gone then. Give it "
                "another output column to keep both.",
            )  # fmt: skip


def _unused_outputs(plan: Plan) -> Iterator[Problem]:
    for step, column, later in _fates(plan):
        if later is None or _reads(later, column) or column in _written(later):
            continue
        yield Problem(
            "warning", "unused_output", step.name, "", column,
            f"makes column {column!r}, which nothing reads before step {later.name!r} removes it.",
        )  # fmt: skip


def _fates(plan: Plan) -> Iterator[tuple[Step, str, Step | None]]:
    """Yield each made column with the first later step that reads, overwrites or removes it."""
    for step in plan.steps:
        for column in sorted(_written(step) - _read(step)):
            yield step, column, _first_touch(plan, step, column)


def _first_touch(plan: Plan, step: Step, column: str) -> Step | None:
    # A filter has used its own measure; what happens to it later is no loss.
    if step.operator.function == "filter" or len(plan.consumers(step.name)) != 1:
        return None
    later = plan.consumers(step.name)[0]
    if later.table != step.name:
        return None
    touched = _reads(later, column) or column in _written(later)
    return later if touched or not _keeps(later, column) else _first_touch(plan, later, column)


def _keeps(step: Step, column: str) -> bool:
    return column in step.operator.columns_after({column: pa.null()}, step.columns)


def _unused_tables(plan: Plan) -> Iterator[Problem]:
    for step in plan.steps:
        if step.name != plan.result and not plan.consumers(step.name):
            yield Problem(
                "warning", "unused_table", step.name, "", "",
                "the branch that ends here is never joined or concatenated; its rows go nowhere.",
            )  # fmt: skip


def _reads(step: Step, column: str) -> bool:
    """Whether a step reads a column; where it takes several columns, none given means all."""
    takes_all = any(
        parameter.is_input
        and parameter.takes == "columns"
        and step.bindings[parameter.name] is None
        for parameter in step.operator.parameters()
    )
    return takes_all or column in _read(step)


def _read(step: Step) -> set[str]:
    return {name for names in step.operator.reads(step.columns).values() for name in names}


def _written(step: Step) -> set[str]:
    return {name for names in step.operator.writes(step.columns).values() for name in names}
