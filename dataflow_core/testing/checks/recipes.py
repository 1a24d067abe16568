"""Operators as files and in other processes: recipes and pickles."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow.parquet as pq

from dataflow_core.errors import ConformanceError
from dataflow_core.pipeline.plan import Plan
from dataflow_core.pipeline.recipe import from_yaml, to_yaml
from dataflow_core.storage.file import FileStorage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.steps import Steps
from dataflow_core.testing.subject import Subject


def check_configuration_round_trips(subject: Subject) -> None:
    """An operator that is written to a recipe and read again is the same, and so are its columns.

    Its servings are written as their specifications, and second tables as the files that they are.
    """
    operator = subject.standing_in()
    plan = Steps(None, (operator, _on_files(subject))).compile(check=False)
    text = to_yaml(plan, _named(subject))
    again = from_yaml(text, lambda _: subject.cls)
    _compare(plan, again, text)


def check_pickles(subject: Subject) -> None:
    """An operator goes to another process and back as it is: pickle gives an equal one."""
    operator = subject.standing_in()
    try:
        again = pickle.loads(pickle.dumps(operator))  # noqa: S301  our own bytes
    except Exception as error:
        raise ConformanceError(
            f"it cannot be pickled: {type(error).__name__}: {error}. Workers get operators so: "
            "hold no functions made on the way, locks, connections or models in fields."
        ) from error
    if not _same(again, operator):
        raise ConformanceError(f"pickle makes {again!r} of {operator!r}.")


def _same(one: Any, other: Any) -> bool:
    """Tell whether two operators are the same; a NaN in their fields is no difference."""
    return bool(one == other or repr(one) == repr(other))


def _compare(plan: Plan, again: Plan, text: str) -> None:
    one, other = plan.steps[0], again.steps[0]
    if not _same(one.operator, other.operator):
        raise ConformanceError(
            f"the recipe makes {other.operator!r} of {one.operator!r}. It says:\n{text}"
        )
    if dict(one.bindings) != dict(other.bindings):
        raise ConformanceError(
            f"the recipe makes the columns {dict(other.bindings)!r} of {dict(one.bindings)!r}."
        )


def _named(subject: Subject) -> Any:
    """Name the operator as recipes do; one that is not registered under a name of the kit's."""
    name = subject.registered.full_name if subject.registered else f"kit/{subject.cls.step_name()}"
    return lambda _: name


def _on_files(subject: Subject) -> dict[str, Any]:
    """Return the columns, with second tables that are files, which recipes can name."""
    bindings = subject.bindings()
    for name, value in bindings.items():
        if isinstance(value, MemoryStorage):
            path = subject.folder / f"{name}.parquet"
            pq.write_table(value.source.table, path)
            bindings[name] = FileStorage(str(path))
    return bindings
