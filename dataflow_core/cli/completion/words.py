"""What arguments and options may be: names of what is registered, runs, parameters, schemes.

Each is given to an argument or option as ``shell_complete``. None imports an operator, pandas, or
whatever else is heavy. Where no name fits, the shell is told to complete paths instead, if a path
may stand there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    from dataflow_core.plugins.catalogue import Kind

Item: TypeAlias = "CompletionItem[str]"
Words = Callable[[click.Context, click.Parameter, str], list[Item]]

_RECIPES = (".yaml", ".yml", ".lock")
_NO_PARAMETERS = ("self", "storage", "serving")


def names_of(kind: Kind) -> Words:
    """Return what completes the full names of one kind of registered things."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
        found = _manager(context).all_of(kind)
        return _beginning(incomplete, ((one.full_name, one.spec.summary) for one in found))

    return complete


def pipelines(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete a pipeline: a registered name, or a recipe."""
    registered = ((one.full_name, one.spec.summary) for one in _manager(context).pipelines())
    recipes = ((path, "") for path in _recipes())
    return _beginning(incomplete, [*recipes, *registered], instead="file")


def runs(_: click.Context, __: click.Parameter, incomplete: str) -> list[Item]:
    """Complete a run: a name in the folder of runs, ``last``, or a path."""
    from dataflow_core.engine.run_paths import LAST, run_folders

    known = [(path.name, "") for path in run_folders()]
    newest = [(LAST, "the newest run")] if known else []
    return _beginning(incomplete, [*newest, *known], instead="dir")


def run_folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[Item]:
    """Complete the path of a run directory."""
    from dataflow_core.engine import run_paths

    known = ((str(path), "") for path in run_paths.run_folders())
    return _beginning(incomplete, known, instead="dir")


def namespaces(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete the namespace of a plugin, broken ones too."""
    manager = _manager(context)
    loaded = [(one.claim.namespace, one.claim.distribution) for one in manager.plugins()]
    broken = [(one.namespace, "could not be loaded") for one in manager.problems]
    return _beginning(incomplete, [*loaded, *broken])


def sources(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete a source: a path, or, once it begins so, the scheme of a storage."""
    if not incomplete:
        return _beginning(incomplete, (), instead="file")
    storages = _manager(context).storages()
    schemes = [(f"{one}:", item.spec.summary) for item in storages for one in item.spec.schemes]
    return _beginning(incomplete, schemes, instead="file")


def files(_: click.Context, __: click.Parameter, ___: str) -> list[Item]:
    """Leave the completion of a path to the shell."""
    return [CompletionItem("", type="file")]


def servings(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete a serving: its prefix, and behind that of embedded ones the known models."""
    from dataflow_core.serving.models import KNOWN_MODELS

    specs = [
        (f"{prefix}:", item.spec.summary)
        for item in _manager(context).servings()
        for prefix in item.spec.prefixes
    ]
    if incomplete.startswith("embedded:"):
        specs = [(f"embedded:{one.name}", one.summary) for one in KNOWN_MODELS.values()]
    return _beginning(incomplete, specs)


def models(_: click.Context, __: click.Parameter, incomplete: str) -> list[Item]:
    """Complete the name of a model that can be fetched."""
    from dataflow_core.serving.models import KNOWN_MODELS

    return _beginning(incomplete, ((one.name, one.summary) for one in KNOWN_MODELS.values()))


def parameters(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete ``NAME=`` of a pipeline's parameters, and ``STEP.FIELD=`` of its steps.

    Those of a registered pipeline are as its source tells them, those of a recipe as it says.
    """
    # Arguments are left over where the option that is being typed still lacks its value.
    named = context.params.get("pipeline") or next(iter(context.args), "")
    if "=" in incomplete:
        return []
    if str(named).endswith(_RECIPES[:2]):
        from dataflow_core.cli.completion.settings import of_recipe

        return _equated(incomplete, of_recipe(_manager(context), Path(named)))
    known = {one.full_name: one for one in _manager(context).pipelines()}
    found = known.get(named)
    if found is None:
        return []
    from dataflow_core.plugins.target_source import source_text

    module, name = found.spec.target.split(":")
    return _equated(incomplete, _parameters(source_text(found), module, name))


def settings(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete ``STEP.FIELD=`` of the steps of a run."""
    from dataflow_core.cli.completion.settings import of_run
    from dataflow_core.engine.run_paths import LAST, RUNS, run_folders

    named = Path(context.params.get("run") or next(iter(context.args), ""))
    places = [named, RUNS / named] + (run_folders()[:1] if str(named) == LAST else [])
    folder = next((one for one in places if (one / "run.json").is_file()), None)
    return [] if folder is None or "=" in incomplete else _equated(incomplete, of_run(folder))


def exported(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Item]:
    """Complete what can be exported: a run, or a source as for ``--input``."""
    found = [one for one in runs(context, parameter, incomplete) if one.type == "plain"]
    return found or sources(context, parameter, incomplete)


def own_operators(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete the operators of the plugin in this folder, without its namespace."""
    from dataflow_core.scaffold.home import find_home

    namespace = find_home(Path()).namespace
    found = (one for one in _manager(context).operators() if one.namespace == namespace)
    return _beginning(incomplete, ((one.spec.name, one.spec.summary) for one in found))


def templates(context: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
    """Complete a template: a registered name, or a folder."""
    found = _manager(context).all_of("template")
    registered = ((one.full_name, one.spec.summary) for one in found)
    return _beginning(incomplete, registered, instead="dir")


def choices(given: Iterable[str]) -> Words:
    """Return what completes one of some words."""
    known = [(one, "") for one in given]

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[Item]:
        return _beginning(incomplete, known)

    return complete


def _beginning(
    incomplete: str, found: Iterable[tuple[str, str]], instead: str | None = None
) -> list[Item]:
    """Return the words that begin as is typed; if none does, what the shell completes instead."""
    items = [
        CompletionItem(word, help=about or None)
        for word, about in found
        if word.startswith(incomplete)
    ]
    return items or ([] if instead is None else [CompletionItem("", type=instead)])


def _equated(incomplete: str, names: Iterable[str]) -> list[Item]:
    return _beginning(incomplete, ((f"{name}=", "") for name in dict.fromkeys(names)))


def _manager(context: click.Context) -> PluginManager:
    return context.find_root().ensure_object(PluginManager)


def _recipes() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.name.endswith(_RECIPES))


def _parameters(source: str, module: str, name: str) -> Iterator[str]:
    """Yield the parameters of the constructor of a class, and the settings of its steps."""
    from dataflow_core.cli.completion.settings import of_constructor

    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    arguments: Any = method.args
                    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                    yield from (one.arg for one in listed if one.arg not in _NO_PARAMETERS)
                    yield from of_constructor(module, method)
