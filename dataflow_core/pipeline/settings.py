"""Other configuration for the steps of a plan: fields by name, and one serving for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.operators.base import Operator
from dataflow_core.operators.servings import FIELD, serving_fields
from dataflow_core.pipeline.plan import Plan, Step

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

NEEDS_ONE = (
    "needs a serving: give --serving openai:gpt-4o-mini, or --serving embedded: for a small model "
    f"on this machine; --param STEP.{FIELD}=… gives it to one step; or write it into a recipe, "
    f"as {FIELD}: openai:gpt-4o-mini."
)
"""What a step or pipeline without a serving says."""


def reconfigure(plan: Plan, settings: Mapping[str, Any]) -> Plan:
    """Return a plan with other configuration.

    Args:
        plan: The plan.
        settings: Values by ``step.field``.

    Raises:
        ConfigurationError: There is no such step, or the operator refuses the value.
    """
    from dataflow_core.serving.spec import shared_servings

    changes: dict[str, dict[str, Any]] = {}
    for setting, value in settings.items():
        step = step_of_setting(plan, setting)
        changes.setdefault(step.name, {})[setting.removeprefix(f"{step.name}.")] = value
    there = [one for step in plan.steps for one in step.operator.servings().values()]
    with shared_servings(there):
        steps = tuple(
            dataclasses.replace(step, operator=_with(step, changes[step.name]))
            if step.name in changes
            else step
            for step in plan.steps
        )
    return dataclasses.replace(plan, steps=steps)


def with_serving(plan: Plan, serving: Serving) -> Plan:
    """Return a plan whose steps use a serving, those whose operators have a field ``serving``.

    Raises:
        ConfigurationError: No step has, or an operator refuses it.
    """
    taking = [step.name for step in plan.steps if FIELD in serving_fields(type(step.operator))]
    if not taking:
        raise nobody_takes(plan.name, serving)
    return reconfigure(plan, {f"{name}.{FIELD}": serving for name in taking})


def nobody_takes(pipeline: str, serving: Serving) -> ConfigurationError:
    """Return the error that says that no step of a pipeline takes a serving."""
    return ConfigurationError(
        f"{serving.spec}: no step of {pipeline} takes a serving. Leave --serving out, or set the "
        f"field of a step that is called otherwise than {FIELD!r}: --param STEP.FIELD=…"
    )


def require_servings(plan: Plan) -> None:
    """Check that no step has a placeholder any more in place of a serving.

    Raises:
        ConfigurationError: Some have; the message names them.
    """
    from dataflow_core.serving.placeholder import Placeholder

    without = [
        repr(step.name)
        for step in plan.steps
        if any(isinstance(one, Placeholder) for one in step.operator.servings().values())
    ]
    if without:
        which = "step" if len(without) == 1 else "each of the steps"
        raise ConfigurationError(f"{plan.name}: {which} {', '.join(without)} {NEEDS_ONE}")


def step_of_setting(plan: Plan, setting: str) -> Step:
    """Return the step of a plan that a setting ``"step.field"`` is about.

    Raises:
        ConfigurationError: There is no such step.
    """
    name, dot, _ = setting.rpartition(".")
    names = [step.name for step in plan.steps]
    if name in names:
        return plan.step(name)
    wrong = f"there is no step {name!r}" if dot else "a step's parameter is STEP.FIELD"
    raise ConfigurationError(
        f"{setting!r}: {wrong}.{did_you_mean(name or setting, names)} "
        f"The steps of {plan.name!r}: {', '.join(names)}."
    )


def _with(step: Step, changes: Mapping[str, Any]) -> Operator:
    operator = step.operator
    kept = {name: getattr(operator, name) for name in operator.model_fields_set}
    try:
        return type(operator)(**(kept | type(operator).renamed("field", changes)))
    except ConfigurationError as error:
        raise ConfigurationError(f"step {step.name!r}: {error}") from error
