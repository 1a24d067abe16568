"""The catalogue: a page for each operator and pipeline, and one in which to look for them."""

from __future__ import annotations

import html
import importlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from pages import code, fence, from_docstring, parameter_table, table

from dataflow_core.cli.catalogue.description import describe_class, describe_operator
from dataflow_core.plugins import OperatorSpec, PipelineSpec, PluginManager, PromptSpec, Registered

Pages = Iterator[tuple[PurePosixPath, str]]
"""The path of each page within the site, and its text."""

FACETS = ("function", "modality", "domain", "scope", "source")
_FACTS = FACETS[:-1]
_INTRODUCTION = """\
{count} operators are in the core and its plugins. The command line lists them too: `dataflow
operators list --function filter --search minhash`."""
_SHOWN = ("function", "modality", "scope")  # the name tells the domain


def pages(manager: PluginManager) -> Pages:
    """Yield all pages of the catalogue."""
    operators, pipelines = manager.operators(), manager.pipelines()
    yield PurePosixPath("catalogue/index.md"), _index(operators, pipelines, manager.prompts())
    for operator in operators:
        yield place_of(operator), _operator_page(manager, operator)
    for pipeline in pipelines:
        yield place_of(pipeline), _pipeline_page(manager, pipeline)
    for prompt in manager.prompts():
        yield place_of(prompt), _prompt_page(manager, prompt)


def place_of(registered: Registered[Any]) -> PurePosixPath:
    """Return the path of a registered thing's page within the site."""
    folder = {PipelineSpec: "pipelines", PromptSpec: "prompts"}.get(type(registered.spec), "")
    name = f"{registered.spec.name}.md"
    return PurePosixPath("catalogue") / folder / registered.namespace / name


def _index(
    operators: list[Registered[OperatorSpec]],
    pipelines: list[Registered[PipelineSpec]],
    prompts: list[Registered[PromptSpec]],
) -> str:
    return "\n\n".join(
        [
            "# Operators and pipelines",
            _INTRODUCTION.format(count=len(operators)),
            _finder(operators),
            "## Pipelines",
            table(("pipeline", "what it does"), map(_linked, pipelines)),
            "## Prompts",
            table(("prompt", "what it asks"), map(_linked, prompts)),
        ]
    )


def _linked(registered: Registered[Any]) -> tuple[str, str]:
    return f"[{registered.full_name}]({_from_index(registered)})", registered.spec.summary


def _finder(operators: list[Registered[OperatorSpec]]) -> str:
    """Return a table of operators, with the fields that a script narrows it by."""
    found = {facet: {_facets(one)[facet] for one in operators} for facet in FACETS}
    choices = {facet: sorted(values - {""}, key=str.lower) for facet, values in found.items()}
    selects = "".join(
        f'<label>{facet} <select data-facet="{facet}"><option value="">all</option>'
        + "".join(f"<option>{html.escape(value)}</option>" for value in values)
        + "</select></label>"
        for facet, values in choices.items()
    )
    words = '<label>words <input type="search" placeholder="name, summary or source"></label>'
    heads = "".join(f"<th>{name}</th>" for name in ("operator", "what it does", "source"))
    rows = "\n".join(map(_row, operators))
    return (
        f'<div class="finder" hidden>{words}{selects}<output></output></div>\n'
        f'<table class="found"><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>'
    )


def _row(operator: Registered[OperatorSpec]) -> str:
    facets = _facets(operator)
    data = "".join(f' data-{name}="{html.escape(value)}"' for name, value in facets.items())
    address = _from_index(operator).with_suffix(".html")
    spec, told = operator.spec, " · ".join(facets[facet] for facet in _SHOWN)
    cells = [
        f'<a href="{address}">{operator.full_name}</a><br><small>{told}</small>',
        html.escape(spec.summary),
        html.escape(spec.source),
    ]
    return f"<tr{data}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _facets(operator: Registered[OperatorSpec]) -> dict[str, str]:
    spec = operator.spec
    domain = "general" if operator.namespace == "core" else operator.namespace
    return {
        "function": spec.function,
        "modality": spec.modality,
        "domain": domain,
        "scope": spec.scope,
        "source": _work(spec.source),
    }


def _work(source: str) -> str:
    """Return the first work that a source names, without the places in it."""
    return re.match(r"[^;]*?\(.*?\)|[^,;]*", source)[0]  # type: ignore[index]  it matches anything


def _from_index(registered: Registered[Any]) -> PurePosixPath:
    return place_of(registered).relative_to("catalogue")


def _operator_page(manager: PluginManager, operator: Registered[OperatorSpec]) -> str:
    cls = manager.load(operator)
    told = describe_operator(operator, cls)
    module, _, name = operator.spec.target.partition(":")
    facts = [
        *((facet, code(_facets(operator)[facet])) for facet in _FACTS),
        *([("source", operator.spec.source)] if operator.spec.source else []),
        ("distribution", code(operator.distribution)),
        ("class", code(f"from {_shortest(cls, module)} import {name}")),
        *([("extra", code(operator.spec.extra))] if operator.spec.extra else []),
        *([("former names", ", ".join(map(code, told["aliases"])))] if told["aliases"] else []),
    ]
    return "\n\n".join(
        [
            f"# {operator.full_name}",
            table(("", ""), facts),
            from_docstring(told["doc"]),
            "## Configuration",
            _parameters(told["parameters"], "field", "It has none."),
            "## Columns",
            _parameters(told["columns"], "binding", "It names none."),
            "## In a recipe",
            fence(_recipe(told), "yaml"),
        ]
    )


def _parameters(parameters: list[dict[str, Any]], first: str, none: str) -> str:
    return parameter_table(parameters, first) if parameters else none


def _recipe(told: dict[str, Any]) -> str:
    """Return the operator as a step, with what has to be given."""
    lines = [f"- operator: {told['name']}"]
    for key, kind in (("config", "parameters"), ("columns", "columns")):
        needed = [one["name"] for one in told[kind] if one["required"]]
        lines += [f"  {key}:"] * bool(needed) + [f"    {name}: …" for name in needed]
    return "\n".join(lines)


def _shortest(cls: type, module: str) -> str:
    """Return the shortest package from which the class can be imported by name."""
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(importlib.import_module(package), cls.__name__, None) is cls:
            return package
    return module


def _pipeline_page(manager: PluginManager, pipeline: Registered[PipelineSpec]) -> str:
    cls = manager.load(pipeline)
    told = describe_class(pipeline, cls)
    settable = [one for one in told["parameters"] if one["name"] != "storage"]
    return "\n\n".join(
        [
            f"# {pipeline.full_name}",
            from_docstring(told["doc"]),
            "## Parameters",
            "`--param NAME=VALUE` sets them on the command line.",
            _parameters(settable, "parameter", "It has none."),
            "## Run it",
            fence(f"dataflow run {pipeline.full_name} --input rows.jsonl --output out.jsonl", "sh"),
        ]
    )


def _prompt_page(manager: PluginManager, prompt: Registered[PromptSpec]) -> str:
    text = manager.load(prompt).read_text(encoding="utf-8")
    return "\n\n".join([f"# {prompt.full_name}", prompt.spec.summary, fence(text, "jinja")])
