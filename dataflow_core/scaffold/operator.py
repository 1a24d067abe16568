"""Add an operator to a plugin: module, test, prompt and specifications."""

from __future__ import annotations

from typing import cast

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.specs import Function, Scope
from dataflow_core.scaffold.adding import Added, add
from dataflow_core.scaffold.forms import form_of
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.names import class_name
from dataflow_core.scaffold.registration import Registration, check_class_is_free, known_fields
from dataflow_core.scaffold.wording import toml_text

_OTHERWISE = (
    "Choose another name, or change the operator by hand: its module, its test and its "
    "OperatorSpec."
)


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
        llm: Whether it asks a model; so does one whose prompt is registered under its name.
        description: What it is to do, in one line; None for what it does as it is generated.

    Raises:
        ConfigurationError: A model is asked, and all rows are looked at; an operator of the name
            is registered with another function or scope, or without a prompt; or another has the
            class.
    """
    source = home.hook_text()
    check_class_is_free(source, "operator", name, class_name(name))
    function, scope, llm = _agreed(home, source, name, function, scope, llm=llm)
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
    home: PluginHome,
    source: str,
    name: str,
    function: Function | None,
    scope: Scope | None,
    *,
    llm: bool,
) -> tuple[Function, Scope, bool]:
    """Return function, scope and asking, which are those of an operator that is registered."""
    there = known_fields(source, "OperatorSpec", name)
    prompted = known_fields(source, "PromptSpec", name) is not None
    usual = {"function": "evaluate", "scope": "row", **(there or {})}
    for what, asked in (("function", function), ("scope", scope)):
        if there is not None and asked not in {None, usual[what]}:
            raise ConfigurationError(
                f"{home.hooks} registers the operator {name!r} with the {what} {usual[what]!r}, "
                f"and {asked!r} is asked for. {_OTHERWISE}"
            )
    if there is not None and llm and not prompted:
        raise ConfigurationError(
            f"{home.hooks} registers the operator {name!r} and no prompt of that name, and one "
            f"that asks a model is wanted. {_OTHERWISE}"
        )
    return (
        function or cast("Function", usual["function"]),
        scope or cast("Scope", usual["scope"]),
        llm or (there is not None and prompted and usual["scope"] == "row"),
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
