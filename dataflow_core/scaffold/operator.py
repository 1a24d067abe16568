"""Add an operator to a plugin: module, test, prompt and specifications."""

from __future__ import annotations

from typing import cast

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.specs import Function, Scope
from dataflow_core.scaffold.adding import Added, add
from dataflow_core.scaffold.forms import form_of
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.names import class_name
from dataflow_core.scaffold.registration import Registration, registered_fields
from dataflow_core.scaffold.source import Unplaced
from dataflow_core.scaffold.wording import toml_text


def new_operator(
    home: PluginHome,
    name: str,
    function: Function | None,
    scope: Scope | None,
    *,
    llm: bool = False,
    description: str | None = None,
) -> Added:
    """Add an operator to a plugin.

    Args:
        home: The plugin.
        name: The operator's name, checked already.
        function: What it does to rows; None for what is registered, or else ``"evaluate"``.
        scope: Whether it looks at each row alone, or at all of them; None for what is registered,
            or else ``"row"``.
        llm: Whether it asks a model.
        description: What it is to do, in one line; None for what it does as it is generated.

    Raises:
        ConfigurationError: A model is asked, and all rows are looked at; or an operator of the name
            is registered with another function or scope.
    """
    function, scope = _agreed(home, name, function, scope)
    form = form_of(function, scope, llm=llm)
    summary = description or form.summary
    answers = {
        "name": name,
        "cls": class_name(name),
        "form": form.name,
        "summary": summary,
        "does": "" if summary == form.summary else f"{form.summary[0].lower()}{form.summary[1:]}",
        "asks": form.prompt,
        "llm": llm,
    }
    registrations = [_operator(home, name, function, scope, summary)]
    if llm:
        registrations.append(_prompt(home, name, form.prompt))
    return add(home, "operator", answers, registrations)


def _agreed(
    home: PluginHome, name: str, function: Function | None, scope: Scope | None
) -> tuple[Function, Scope]:
    """Return function and scope, which are those of an operator that is registered already."""
    try:
        specs = list(registered_fields(home.hooks.read_text(encoding="utf-8"), "OperatorSpec"))
    except Unplaced:  # which is told when the operator cannot be registered
        specs = []
    there = next((spec for spec in specs if spec["name"] == name), None)
    usual = {"function": "evaluate", "scope": "row", **(there or {})}
    for what, asked in (("function", function), ("scope", scope)):
        if there is not None and asked not in {None, usual[what]}:
            raise ConfigurationError(
                f"{home.hooks} registers the operator {name!r} with the {what} {usual[what]!r}, "
                f"and {asked!r} is asked for. Choose another name, or change the operator by hand: "
                "its module, its test and its OperatorSpec."
            )
    return (
        function or cast("Function", usual["function"]),
        scope or cast("Scope", usual["scope"]),
    )


def _operator(
    home: PluginHome, name: str, function: Function, scope: Scope, summary: str
) -> Registration:
    fields = [
        ("name", f'"{name}"'),
        ("target", f'"{home.package}.operators.{name}:{class_name(name)}"'),
        ("summary", toml_text(summary)),
        ("function", f'"{function}"'),
    ]
    if scope != "row":
        fields.append(("scope", f'"{scope}"'))
    return Registration("operator", "OperatorSpec", tuple(fields), "Return the operators.")


def _prompt(home: PluginHome, name: str, asks: str) -> Registration:
    fields = (
        ("name", f'"{name}"'),
        ("target", f'"{home.package}:prompts/{name}.jinja"'),
        ("summary", toml_text(f"{asks}.")),
    )
    return Registration(
        "prompt", "PromptSpec", fields, "Return the prompts of the operators that ask a model."
    )
