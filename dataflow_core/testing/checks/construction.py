"""Making an operator: it stores its configuration, and does nothing else."""

from __future__ import annotations

import copy
import functools
from typing import Any

from dataflow_core.errors import ConformanceError, OperatorError
from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.checks.accounts import account_of
from dataflow_core.testing.steps import Steps
from dataflow_core.testing.subject import STAND_IN, Subject, stand_in
from dataflow_core.testing.watching import watched


def check_example(subject: Subject) -> None:
    """The operator can be made, and does something with the rows of its example.

    A field without default, other than a serving, needs an `Example`, and so do rows that the kit
    cannot make up. Of the rows at least one must not fail, and of an operator that has servings,
    at least one must be asked about: else the other checks would see nothing.
    """
    if subject.fault:
        raise ConformanceError(subject.fault)
    if subject.lack:
        raise ConformanceError(f"the kit needs an Example for {subject.lack}")
    if problems := _problems(subject):
        raise ConformanceError(
            f"a plan with the example has problems: {problems} Give an Example that suits it."
        )
    if subject.table.num_rows < 2:
        raise ConformanceError("the example has less than two rows; batches need two or more.")
    operator = subject.make()
    try:
        storage = subject.run(operator=operator)
    except OperatorError as error:
        if error.__cause__ is not None:
            raise
        # The storage refuses what it does, which another check tells.
        subject.example_fails, subject.told_by = True, "check_row_identity"
        return
    found = account_of([storage])
    if found.failed and not found.rows:
        first = next(iter(found.failed.values()))
        raise ConformanceError(
            f"all rows of the example fail, the first with {first}. Give an Example with rows that "
            "it can handle, or a serving that answers well."
        )
    asked = [getattr(one, "requests", ()) or getattr(one, "embedded", ())
             for one in operator.servings().values()]  # fmt: skip
    if asked and not any(asked):
        raise ConformanceError(
            "no row of the example is asked about. Give an Example with rows that are."
        )


def check_construction_does_no_io(subject: Subject) -> None:
    """Making an operator opens no file, no connection and no process, nor looks into a folder.

    The first time counts too, since a cache may hide it later. Modules that are imported meanwhile
    do not count; what libraries in C read by themselves, as Arrow does, Python does not tell of.
    """
    given = {**subject.configuration, **dict.fromkeys(subject.serving_fields, stand_in())}
    subject.standing_in()
    cls = subject.cls
    with watched() as seen:
        cls(**given)
    if did := [*(subject.made_first or ()), *seen]:
        told = "; ".join(dict.fromkeys(did))
        raise ConformanceError(
            f"making it does I/O: {told}. Do that in run, when it is first needed: a plan is made "
            "and checked where there may be neither files nor a network."
        )


def check_construction_only_stores(subject: Subject) -> None:
    """The fields hold what was given, nothing is set besides, and what was given is not changed."""
    given = {**subject.configuration, **dict.fromkeys(subject.serving_fields, STAND_IN)}
    before = _copied(given)
    operator = subject.cls(**given)
    for name, value in before.items():
        if not _holds(operator, name, value):
            raise ConformanceError(
                f"the field {name!r} was given {value!r} and holds {getattr(operator, name)!r}. "
                "Keep what is given, and work it out in run."
            )
        if not _same(given[name], value):
            raise ConformanceError(f"making it changes what is given as {name!r}: work on a copy.")
    known = {*type(operator).model_fields, *_worked_out(type(operator))}
    if beside := sorted(vars(operator).keys() - known):
        raise ConformanceError(
            f"making it sets {', '.join(beside)} besides its fields. Work them out when they are "
            "first needed, as with functools.cached_property."
        )
    if unasked := sorted(operator.model_fields_set - given.keys()):
        raise ConformanceError(
            f"making it sets the fields {', '.join(unasked)}, which were not given. Let them have "
            "defaults."
        )


def _worked_out(cls: type[Operator]) -> list[str]:
    """Return the properties that are worked out of the fields, and kept."""
    return [
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if isinstance(value, functools.cached_property)
    ]


def _problems(subject: Subject) -> str:
    storage = MemoryStorage(subject.table)
    plan = Steps(storage, (subject.make(), subject.bindings())).compile(check=False)
    found = check_plan(plan, storage.columns())
    return " ".join(problem.message for problem in found if problem.level == "error")


def _copied(given: dict[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in given.items()}


def _same(one: Any, other: Any) -> bool:
    return bool(type(one) is type(other) and repr(one) == repr(other)) or one == other


def _holds(operator: Operator, name: str, value: Any) -> bool:
    """Tell whether a field holds what was given, if perhaps in the form that its type asks for."""
    stored = getattr(operator, name)
    if _same(stored, value):
        return True
    kept = {field: getattr(operator, field) for field in operator.model_fields_set}
    again = type(operator)(**{**kept, name: stored})
    anew = type(operator)(**{**kept, name: value})
    return _alike(stored, value) and again == operator == anew


def _alike(stored: Any, value: Any) -> bool:
    """Tell whether two values are the same but for their type: a list and a tuple, 1 and 1.0."""
    if isinstance(value, (int, float)) and isinstance(stored, (int, float)):
        return value == stored
    if isinstance(value, (list, tuple, set, frozenset)):
        return isinstance(stored, (list, tuple, set, frozenset)) and len(stored) == len(value)
    if isinstance(value, str) and isinstance(stored, str):
        return value == stored
    return True  # a text for an object, a mapping for a model: their types say what they make of it
