"""A plugin's operators as a pipeline uses them, as their modules say without being imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow_core.errors import ConfigurationError, PromptError, did_you_mean
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.registration import registered_fields
from dataflow_core.scaffold.source import Source, Unplaced

TEXT = "text"
"""The default of a column of texts, to which a generated pipeline gives its own."""

_SCRIPTED = {"text": "An answer.", "score": "Score: 4"}
"""What a scripted serving answers, by the form of the answer."""

_CELL = "A text."
_CELLS: Mapping[str, Any] = {
    "NumberColumn": 0.5, "IntegerColumn": 1, "BooleanColumn": True, "ListColumn": [_CELL],
}  # fmt: skip
"""What a column of tests holds, by its kind; `_CELL` in those of other kinds."""


@dataclass(frozen=True)
class Step:
    """An operator of the plugin as a pipeline uses it.

    Attributes:
        name: Its name.
        module: Its module.
        cls: Its class.
        bound: The parameters that get the pipeline's column of texts, such as ``"input_text"``.
        reads: The columns that it reads besides, as it calls them, with a cell for tests.
        writes: The columns that it writes besides.
        llm: Whether it asks a model.
        answer: What a scripted serving answers it; empty where that is not known.
    """

    name: str
    module: str
    cls: str
    bound: tuple[str, ...]
    reads: Mapping[str, Any]
    writes: frozenset[str]
    llm: bool
    answer: str = ""


def find_steps(home: PluginHome, operators: Sequence[str]) -> list[Step]:
    """Return operators of a plugin in the order in which they are named.

    Args:
        home: The plugin.
        operators: Their names; none for the first that is registered.

    Raises:
        ConfigurationError: There is none of a name, its module does not define it, or two cannot
            stand in one pipeline.
    """
    try:
        specs = list(registered_fields(home.hook_text(), "OperatorSpec"))
    except Unplaced as error:
        raise ConfigurationError(f"{home.hooks}: {error}") from error
    targets = {spec["name"]: spec.get("target", "") for spec in specs}
    if not targets:
        raise ConfigurationError(
            f"{home.hooks} registers no operator that a pipeline could apply. Make one first: "
            "dataflow new-operator NAME"
        )
    names = [one.removeprefix(f"{home.namespace}/") for one in operators] or [next(iter(targets))]
    found: dict[str, Step] = {}
    for name in names:
        step = _find_step(home, name, targets)
        if step.cls in found:
            raise ConfigurationError(
                f"the operators {found[step.cls].name!r} and {name!r} are both of a class "
                f"{step.cls}; a generated pipeline applies each class once. Name each operator "
                "once, and write further steps by hand."
            )
        found[step.cls] = step
    return list(found.values())


def _find_step(home: PluginHome, name: str, targets: Mapping[str, str]) -> Step:
    if name not in targets:
        raise ConfigurationError(
            f"{home.hooks} registers no operator {name!r}.{did_you_mean(name, targets)} "
            f"It has: {', '.join(targets)}."
        )
    module, _, cls = targets[name].partition(":")
    path = home.file_of(module)
    try:
        tree = Source(path.read_text(encoding="utf-8-sig")).tree
    except (OSError, UnicodeDecodeError, Unplaced) as error:
        raise ConfigurationError(f"{path}, the module of {name!r}: {error}") from error
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    parameters = list(_columns(classes.get(cls)))
    if not any(one.arg.startswith("input_") for one, _ in parameters):
        raise ConfigurationError(
            f"{path} defines no {cls}.run with a parameter input_…, to which a pipeline could give "
            "a column. Name another operator with --operator."
        )
    bound = tuple(one.arg for one, default in parameters if _is_bound(path, one, default))
    own = [(one, default) for one, default in parameters if one.arg not in bound]
    reads = {
        column: _CELLS.get(_kind(one), _CELL)
        for one, default in own
        if one.arg.startswith("input_")
        for column in _names(default)
    }
    writes = frozenset(
        column
        for one, default in own
        if one.arg.startswith("output_")
        for column in _names(default)
    )
    llm = _is_prompted(cls, classes)
    prompt = home.root / home.package_folder / "prompts" / f"{name}.jinja"
    answer = _scripted_answer(prompt) if llm else ""
    return Step(name, module, cls, bound, reads, writes, llm, answer)


def _columns(node: ast.ClassDef | None) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Yield the parameters of `run` that name columns, with their defaults; None without."""
    for item in () if node is None else node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "run":
            usual, defaults = item.args.args, item.args.defaults
            without: list[ast.expr | None] = [None] * (len(usual) - len(defaults))
            pairs = [
                *zip(usual, [*without, *defaults], strict=True),
                *zip(item.args.kwonlyargs, item.args.kw_defaults, strict=True),
            ]
            for one, default in pairs:
                if one.arg.startswith(("input_", "output_")):
                    yield one, default


def _is_bound(path: Path, parameter: ast.arg, default: ast.expr | None) -> bool:
    """Tell whether a parameter is for a text; it has to be for one if it has no default.

    Raises:
        ConfigurationError: It has no default, and is for something else.
    """
    if default is not None:
        return isinstance(default, ast.Constant) and default.value == TEXT
    if _kind(parameter) in {"", "str", "TextColumn", "TextOrNumberColumn", "AnyColumn"}:
        return parameter.arg.startswith("input_")
    raise ConfigurationError(
        f"{path}:{parameter.lineno}: {parameter.arg} is no column of texts and has no default, so "
        "that a generated pipeline has nothing to give it. Give it a default, or write the "
        "pipeline by hand."
    )


def _kind(parameter: ast.arg) -> str:
    """Return the name of a parameter's type; empty where it is none."""
    kind = parameter.annotation
    return kind.id if isinstance(kind, ast.Name) else ""


def _names(default: ast.expr | None) -> list[str]:
    """Return the columns that a default names: one, or several in a tuple."""
    found = default.elts if isinstance(default, ast.Tuple) else [default]
    return [
        one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


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
