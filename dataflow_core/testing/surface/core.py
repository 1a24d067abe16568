"""The core's own surface: modules, hooks, command line, recipes, and formats of run directories."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import click

from dataflow_core.plugins import PluginManager
from dataflow_core.testing.surface.objects import module_lines, signature
from dataflow_core.testing.surface.registered import command_lines

MODULES = (
    "dataflow_core",
    "dataflow_core.deprecations",
    "dataflow_core.downloads",
    "dataflow_core.engine",
    "dataflow_core.errors",
    "dataflow_core.export",
    "dataflow_core.operators",
    "dataflow_core.pipeline",
    "dataflow_core.plugins",
    "dataflow_core.prompts",
    "dataflow_core.prompts.answers",
    "dataflow_core.serving",
    "dataflow_core.storage",
    "dataflow_core.testing",
    "dataflow_core.testing.server",
)
"""The public modules that are described name by name."""

PUBLIC = (*MODULES, "dataflow_core.operators.general")
"""The modules that others may import from; the registered operators describe the last."""


def core_lines(manager: PluginManager) -> Iterator[str]:
    """Yield the lines of all that is public in the core and is not registered."""
    public = public_classes()
    for name in MODULES:
        yield from module_lines(name, public)
    yield from _hooks()
    yield from _program(manager)
    yield from _files()


def public_classes() -> set[type]:
    """Return the classes that the public modules name."""
    modules = [importlib.import_module(name) for name in MODULES]
    named = [getattr(module, name) for module in modules for name in module.__all__]
    return {value for value in named if inspect.isclass(value)}


def _hooks() -> Iterator[str]:
    from dataflow_core.plugins import hookspecs
    from dataflow_core.plugins.hook_checks import hook_names

    yield "[hooks]"
    for name in sorted(hook_names()):
        yield f"{name}{signature(getattr(hookspecs, name))}"


def _program(manager: PluginManager) -> Iterator[str]:
    from dataflow_core.cli.main import program

    yield "[command line]"
    with click.Context(program, obj=manager) as root:
        yield from command_lines("dataflow", program, root)


def _files() -> Iterator[str]:
    from dataflow_core.engine import fingerprints, lockfile, rundir, stored_runs
    from dataflow_core.pipeline import recipe
    from dataflow_core.serving.store import database

    yield "[files]"
    yield f"recipe: version {recipe.VERSION}"
    yield f"    keys: {', '.join(recipe._TOP)}"  # noqa: SLF001  the reader's own list
    yield f"    keys of a step: {', '.join(recipe._STEP)}"  # noqa: SLF001
    yield f"run.json: version {stored_runs.FORMAT}"
    yield f"run.lock: version {lockfile.FORMAT}"
    yield f"fingerprints: version {fingerprints.FORMAT}"
    yield f"run directory: {', '.join(rundir.KINDS)}"
    yield f"request store: version {database.VERSION}"
