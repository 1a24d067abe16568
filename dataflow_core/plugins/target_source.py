"""Find where a specification's target is defined by reading its source, not importing it."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow_core.errors import PluginError, did_you_mean
from dataflow_core.plugins.catalogue import Registered
from dataflow_core.plugins.places import place
from dataflow_core.plugins.problems import one_line
from dataflow_core.plugins.specs import PromptSpec, TemplateSpec
from dataflow_core.plugins.targets import resolve


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a target is defined.

    Attributes:
        missing: Why it does not resolve; empty if it does.
        defined_in: The module that really defines it, where that is another one; else empty.
        defined_as: Its name there.
        faulty: The place of what is wrong in the file, where that is why it does not resolve.
    """

    missing: str = ""
    defined_in: str = ""
    defined_as: str = ""
    faulty: str = ""


def whereabouts(registered: Registered[Any]) -> Whereabouts:
    """Return where a target is defined; imports it only if its source cannot tell."""
    target = registered.spec.target
    module, _, name = target.partition(":")
    if isinstance(registered.spec, (TemplateSpec, PromptSpec)):
        return _imported(registered)
    found = find_module(module)
    if found is None:
        return Whereabouts(missing=f"its target {target!r} does not exist: no module {module!r}")
    if found.origin is None or not found.origin.endswith(".py"):
        return _imported(registered)
    try:
        names = bound_in(found.origin)
    except (OSError, SyntaxError, ValueError) as error:
        why = f"its module {module!r} cannot be read: {one_line(error)}"
        line = error.lineno if isinstance(error, SyntaxError) else None
        return Whereabouts(missing=why, faulty=place(found.origin, line))
    return _judged(registered, found, names, name)


def source_text(registered: Registered[Any]) -> str:
    """Return the source of the module that a target names; empty where there is none to read."""
    found = find_module(registered.spec.target.partition(":")[0])
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return ""
    try:
        return Path(found.origin).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _judged(
    registered: Registered[Any],
    found: importlib.machinery.ModuleSpec,
    names: dict[str, ast.stmt],
    name: str,
) -> Whereabouts:
    statement = names.get(name.partition(".")[0])
    if isinstance(statement, ast.ImportFrom):
        source = imported_from(found, statement)
        return Whereabouts(defined_in=source, defined_as=name_at_home(statement, name))
    if statement is not None:
        return Whereabouts()
    if "__getattr__" in names or "*" in names:
        return _imported(registered)
    return Whereabouts(
        missing=f"its target {registered.spec.target!r} does not exist: "
        f"{found.origin} defines no {name!r}.{did_you_mean(name, list(names))}"
    )


def _imported(registered: Registered[Any]) -> Whereabouts:
    try:
        value = resolve(registered)
    except PluginError as error:
        return Whereabouts(missing=str(error))
    module, _, name = registered.spec.target.partition(":")
    home = getattr(value, "__module__", module) if isinstance(value, type) else module
    return Whereabouts() if home == module else Whereabouts("", home, name)


def find_module(module: str) -> importlib.machinery.ModuleSpec | None:
    """Find a module without importing its parents, as `importlib.util.find_spec` would."""
    parts = module.split(".")
    try:
        found = importlib.util.find_spec(parts[0])
        for end in range(2, len(parts) + 1):
            if found is None or found.submodule_search_locations is None:
                return None
            path = list(found.submodule_search_locations)
            found = importlib.machinery.PathFinder.find_spec(".".join(parts[:end]), path)
    except (ImportError, ValueError):
        # A package without a spec, as __main__ may be, is there if it is imported.
        return getattr(sys.modules.get(module), "__spec__", None)
    return found


def bound_in(path: str) -> dict[str, ast.stmt]:
    """Return what a module's top level binds, inside ``if``, ``try`` and ``with`` too."""
    tree = ast.parse(Path(path).read_bytes(), path)
    return {name: statement for statement in flat(tree.body) for name in _bound(statement)}


def flat(body: list[Any]) -> Iterator[ast.stmt]:
    """Yield the statements of a module's top level, those inside ``if``, ``try``, ``with`` too."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for block in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(statement, block, []):
                    yield from flat(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def imported_from(found: importlib.machinery.ModuleSpec, statement: ast.ImportFrom) -> str:
    """Return the module from which a statement of a module imports."""
    if not statement.level:
        return statement.module or ""
    is_package = found.submodule_search_locations is not None
    base = found.name.split(".")[: None if is_package else -1]
    base = base[: len(base) - (statement.level - 1)]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def name_at_home(statement: ast.ImportFrom, name: str) -> str:
    """Return what an imported name is called in the module that it comes from."""
    first, dot, rest = name.partition(".")
    names = {alias.asname or alias.name: alias.name for alias in statement.names}
    return f"{names.get(first, first)}{dot}{rest}"
