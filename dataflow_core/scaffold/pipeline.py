"""Add a pipeline to a plugin: module, test and specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataflow_core.scaffold.adding import Added, add
from dataflow_core.scaffold.answers import LONGEST_LINE
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.names import check_class, class_name
from dataflow_core.scaffold.registration import Registration, check_class_is_free
from dataflow_core.scaffold.steps import Step, find_steps
from dataflow_core.scaffold.wording import WIDTH, toml_text

_TAKEN = {"compile", "forward", "run", "serving", "storage", "text_column", "unique"}
"""What a generated pipeline has already, so that no step can be called so."""


def new_pipeline(
    home: PluginHome, name: str, *, operators: Sequence[str] = (), description: str | None = None
) -> Added:
    """Add a pipeline of operators of the plugin, behind one that drops repeated texts.

    Args:
        home: The plugin.
        name: The pipeline's name.
        operators: The operators' names in order, with or without the namespace; none for the
            plugin's first.
        description: What it is for, in one line; None for what it does as it is generated.

    Raises:
        ConfigurationError: There is no such operator, or the name would hide its class or that of
            another.
    """
    steps = find_steps(home, operators)
    check_class("the pipeline", name, {step.cls for step in steps})
    check_class_is_free(home.hook_text(), "pipeline", name, class_name(name))
    summary = description or _summary(steps)
    answers = {
        "name": name,
        "cls": class_name(name),
        "summary": summary,
        "asking": str(sum(step.llm for step in steps)),
        "answer": _answer(steps),
        "_imports": _imports(steps),
        "_steps": {_attribute(step): _variables(step) for step in steps},
        "_columns": _columns(steps),
    }
    fields = (
        ("name", f'"{name}"'),
        ("target", f'"{home.package}.pipelines.{name}:{class_name(name)}"'),
        ("summary", toml_text(summary)),
    )
    spec = Registration("pipeline", "PipelineSpec", fields, "Return the pipelines.")
    return add(home, "pipeline", answers, [spec])


def _summary(steps: Sequence[Step]) -> str:
    *first, last = [step.name for step in steps]
    listed = f"{', '.join(first)} and {last}" if first else last
    told = f"Drop repeated texts, and apply {listed}"
    short = f"Drop repeated texts, and apply {len(steps)} operators"
    return short if first and len(told) > LONGEST_LINE else told


def _attribute(step: Step) -> str:
    return f"{step.name}_step" if step.name in _TAKEN else step.name


def _variables(step: Step) -> dict[str, Any]:
    given = [f"{name}=self.text_column" for name in step.bound]
    return {
        "cls": step.cls,
        "llm": step.llm,
        "bound": list(step.bound),
        "call": _call(f"        self.{_attribute(step)}.run", ["self.storage", *given]),
    }


def _call(function: str, arguments: Sequence[str]) -> str:
    """Return a call, with a line for each argument where it is too long for one."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return line
    indent = " " * (len(function) - len(function.lstrip()))
    return "\n".join([f"{function}(", *(f"{indent}    {one}," for one in arguments), f"{indent})"])


def _imports(steps: Sequence[Step]) -> dict[str, str]:
    """Return the classes to import from each module, in the order of a formatter."""
    modules: dict[str, list[str]] = {}
    for step in sorted(steps, key=lambda one: (one.module, one.cls)):
        modules.setdefault(step.module, []).append(step.cls)
    return {module: ", ".join(classes) for module, classes in modules.items()}


def _columns(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the columns that a table needs besides the texts, with a cell of each for tests."""
    needed: dict[str, Any] = {}
    written: set[str] = set()
    for step in steps:
        needed |= {name: cell for name, cell in step.reads.items() if name not in written}
        written |= step.writes
    return needed


def _answer(steps: Sequence[Step]) -> str:
    """Return what one scripted serving can answer to all that ask; empty for nothing."""
    answers = {step.answer for step in steps if step.llm}
    return answers.pop() if len(answers) == 1 else ""
