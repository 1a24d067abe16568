"""Add an operator to a plugin: module, test, prompt and specifications."""

from __future__ import annotations

from dataflow_core.plugins.specs import Function, Scope
from dataflow_core.scaffold.adding import Added, add
from dataflow_core.scaffold.forms import form_of
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.names import class_name
from dataflow_core.scaffold.registration import Registration
from dataflow_core.scaffold.wording import toml_text


def new_operator(
    home: PluginHome,
    name: str,
    function: Function,
    scope: Scope,
    *,
    llm: bool = False,
    description: str | None = None,
) -> Added:
    """Add an operator to a plugin.

    Args:
        home: The plugin.
        name: The operator's name, checked already.
        function: What it does to rows.
        scope: Whether it looks at each row alone, or at all of them.
        llm: Whether it asks a model.
        description: What it is to do, in one line; None for what it does as it is generated.

    Raises:
        ConfigurationError: A model is asked, and all rows are looked at.
    """
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
