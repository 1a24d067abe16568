"""Parameters on a command line: texts that become arguments of pipelines and fields of steps."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.deprecations import former_names_of, told_at, with_new_names
from dataflow_core.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from dataflow_core.pipeline.plan import Plan

_OPTION = "--param"


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Return ``NAME=VALUE`` texts by name.

    Args:
        texts: The texts.
        option: The option that they were given to, for messages.

    Raises:
        UsageError: One is none.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE, found {text!r}.")
        found[name.strip()] = value
    return found


def arguments_of(cls: Any, name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a pipeline's constructor.

    Args:
        cls: The pipeline's class.
        name: What it is called.
        given: The arguments as texts.

    Raises:
        ConfigurationError: It has no such parameter, or it does not take the value.
    """
    with told_at(_OPTION, 0):
        given = with_new_names("parameter", name, former_names_of(cls.__init__), given)
    parameters = dict(list(inspect.signature(cls.__init__).parameters.items())[2:])
    hints = typing.get_type_hints(cls.__init__, include_extras=True)
    for parameter in given:
        if parameter not in parameters:
            raise ConfigurationError(
                f"{name} has no parameter {parameter!r}.{did_you_mean(parameter, parameters)} "
                f"It takes: {', '.join(parameters) or 'none'}."
            )
    return {n: _typed(name, n, text, hints.get(n, Any)) for n, text in given.items()}


def takes_serving(cls: Any, name: str, given: Collection[str]) -> bool:
    """Tell whether a pipeline's constructor takes a serving.

    Raises:
        ConfigurationError: It needs one, and none is given.
    """
    if "serving" not in inspect.signature(cls.__init__).parameters:
        return False
    if needs_serving(cls) and "serving" not in given:
        from dataflow_core.pipeline.settings import NEEDS_ONE

        raise ConfigurationError(f"{name} {NEEDS_ONE}")
    return True


def needs_serving(cls: Any) -> bool:
    """Tell whether a pipeline's constructor cannot do without a serving."""
    parameter = inspect.signature(cls.__init__).parameters.get("serving")
    return parameter is not None and parameter.default is inspect.Parameter.empty


def reconfigured(plan: Plan, params: Iterable[str]) -> Plan:
    """Return a plan with other values for fields of its steps.

    Args:
        plan: The plan.
        params: ``STEP.FIELD=VALUE`` texts.

    Raises:
        DataflowError: There is no such step or field, or it does not take the value.
    """
    return with_settings(plan, pairs(params, _OPTION))


def with_settings(plan: Plan, given: Mapping[str, str]) -> Plan:
    """Return a plan with other values for fields of its steps; see `reconfigured`."""
    from dataflow_core.operators.base import former_names_of as formers_of
    from dataflow_core.pipeline.settings import reconfigure, step_of_setting

    values = {}
    for setting, text in given.items():
        cls = type(step_of_setting(plan, setting).operator)
        name = setting.rpartition(".")[2]
        field = cls.model_fields.get(formers_of(cls).get(name, name))
        values[setting] = _value(text, None if field is None else field.annotation)
    with told_at(_OPTION, 0):
        return reconfigure(plan, values)


def _typed(pipeline: str, name: str, text: str, hint: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError

    if hint is str:
        return text
    try:
        return TypeAdapter(hint).validate_python(_value(text, hint))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        remedy = ""
        if first["type"] in ("tuple_type", "list_type", "set_type", "frozen_set_type"):
            remedy = f" Write a list: --param '{name}=[{text}]'."
        elif type(None) in typing.get_args(hint):
            remedy = " For none, write null."
        message = f"parameter {name}={text!r}: {first['msg']}.{remedy}"
        raise ConfigurationError(f"{pipeline}: {message}") from None


def _value(text: str, kind: Any) -> Any:
    """Return the value that a text stands for, where one of a kind is wanted."""
    from dataflow_core.operators.servings import takes_servings

    if kind is str:
        return text
    if takes_servings(kind) or _takes_prompt(kind):
        return _as_given_text(text)
    return _yaml_value(text)


def _takes_prompt(kind: Any) -> bool:
    from dataflow_core.prompts import Prompt

    return Prompt in (kind, *typing.get_args(kind))


def _as_given_text(text: str) -> Any:
    """Return what stands for a serving or prompt: a text, which would be something else as YAML.

    Lists and mappings are YAML, and so is null; ``{{`` begins the text of a prompt.
    """
    is_yaml = text.lstrip()[:1] in ("[", "{") and text.lstrip()[:2] not in ("{{", "{%", "{#")
    return _yaml_value(text) if is_yaml or text == "null" else text


def _yaml_value(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
