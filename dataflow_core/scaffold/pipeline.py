"""Add a pipeline to a plugin: module, test and specification."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from dataflow_core.errors import ConfigurationError, PromptError, did_you_mean
from dataflow_core.scaffold.adding import Added, add
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.names import check_class, class_name
from dataflow_core.scaffold.registration import Registration, registered_targets
from dataflow_core.scaffold.source import Source, Unplaced
from dataflow_core.scaffold.wording import toml_text

_SCRIPTED = {"text": "An answer.", "score": "Score: 4"}
"""What a scripted serving answers, by the form of the answer."""

_TAKEN = {"compile", "forward", "run", "serving", "storage", "text_column", "unique"}
"""What a generated pipeline has already, so that no step can be called so."""


@dataclass(frozen=True)
class Step:
    """An operator of the plugin as a pipeline uses it.

    Attributes:
        name: Its name.
        module: Its module.
        cls: Its class.
        column: The parameter of its first column, such as ``"input_text"``.
        llm: Whether it asks a model.
        answer: What a scripted serving answers it; empty where that is not known.
    """

    name: str
    module: str
    cls: str
    column: str
    llm: bool
    answer: str = ""


def new_pipeline(
    home: PluginHome, name: str, *, operator: str | None = None, description: str | None = None
) -> Added:
    """Add a pipeline of an operator of the plugin, behind one that drops repeated texts.

    Args:
        home: The plugin.
        name: The pipeline's name.
        operator: The operator's name, without the namespace; None for the plugin's first.
        description: What it is for, in one line; None for what it does as it is generated.

    Raises:
        ConfigurationError: There is no such operator, or the name would hide its class.
    """
    step = find_step(home, operator)
    check_class("the pipeline", name, {step.cls})
    summary = description or f"Drop repeated texts, and apply {step.name}"
    answers = {
        "name": name,
        "cls": class_name(name),
        "summary": summary,
        "step": f"{step.name}_step" if step.name in _TAKEN else step.name,
        "step_module": step.module,
        "step_cls": step.cls,
        "column": step.column,
        "llm": step.llm,
        "answer": step.answer,
    }
    fields = (
        ("name", f'"{name}"'),
        ("target", f'"{home.package}.pipelines.{name}:{class_name(name)}"'),
        ("summary", toml_text(summary)),
    )
    spec = Registration("pipeline", "PipelineSpec", fields, "Return the pipelines.")
    return add(home, "pipeline", answers, [spec])


def find_step(home: PluginHome, operator: str | None) -> Step:
    """Return an operator of a plugin, as its module says without being imported.

    Args:
        home: The plugin.
        operator: Its name; None for the first that is registered.

    Raises:
        ConfigurationError: There is none, or its module does not define it.
    """
    try:
        targets = dict(registered_targets(home.hooks.read_text(encoding="utf-8"), "OperatorSpec"))
    except Unplaced as error:
        raise ConfigurationError(f"{home.hooks}: {error}") from error
    if not targets:
        raise ConfigurationError(
            f"{home.hooks} registers no operator that a pipeline could apply. Make one first: "
            "dataflow new-operator NAME"
        )
    name = next(iter(targets)) if operator is None else operator.removeprefix(f"{home.namespace}/")
    if name not in targets:
        raise ConfigurationError(
            f"{home.hooks} registers no operator {name!r}.{did_you_mean(name, targets)} "
            f"It has: {', '.join(targets)}."
        )
    module, _, cls = targets[name].partition(":")
    return _described(home, name, module, cls)


def _described(home: PluginHome, name: str, module: str, cls: str) -> Step:
    path = home.file_of(module)
    try:
        tree = Source(path.read_text(encoding="utf-8")).tree
    except (OSError, Unplaced) as error:
        raise ConfigurationError(f"{path}, the module of {name!r}: {error}") from error
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    column = _first_column(classes.get(cls))
    if column is None:
        raise ConfigurationError(
            f"{path} defines no {cls}.run with a parameter input_…, to which a pipeline could give "
            "a column. Name another operator with --operator."
        )
    if not _is_prompted(cls, classes):
        return Step(name, module, cls, column, llm=False)
    prompt = home.root / home.package_folder / "prompts" / f"{name}.jinja"
    return Step(name, module, cls, column, llm=True, answer=_scripted_answer(prompt))


def _first_column(node: ast.ClassDef | None) -> str | None:
    for item in () if node is None else node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "run":
            names = [one.arg for one in (*item.args.args, *item.args.kwonlyargs)]
            return next((one for one in names if one.startswith("input_")), None)
    return None


def _is_prompted(cls: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Tell whether a class derives from one that asks, as far as its module says."""
    bases = {base.id for base in classes[cls].bases if isinstance(base, ast.Name)}
    return bool(bases & {"Prompted", "PromptedForJson"}) or any(
        _is_prompted(base, classes) for base in bases & classes.keys() - {cls}
    )


def _scripted_answer(prompt: Path) -> str:
    """Return an answer of the form that a prompt wants; empty where that is not known."""
    import json

    from dataflow_core.prompts import JsonAnswer, PromptTemplate
    from dataflow_core.testing.server.instances import instance_of
    from dataflow_core.testing.server.question import Refusal

    try:
        answer = PromptTemplate.from_text(prompt.read_text(encoding="utf-8"), prompt.name).answer
        if isinstance(answer, JsonAnswer) and answer.json_schema:
            return json.dumps(instance_of(answer.json_schema, "An answer."))
    except (PromptError, OSError, Refusal):
        return ""
    return _SCRIPTED.get(answer.kind, "")
