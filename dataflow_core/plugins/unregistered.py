"""Find operators and pipelines that a plugin defines and registers under no name.

Sources are read, not imported. A class counts by its bases: one that `dataflow_core` brings, or a
class of the same package that counts itself.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataflow_core.plugins.catalogue import Plugin
from dataflow_core.plugins.target_source import flat

OPERATOR_BASES = frozenset(
    {
        "Operator", "Generator", "Evaluator", "Refiner", "Filter", "BoundsFilter", "TwoPhase",
        "DatasetEvaluator", "DatasetFilter", "Prompted", "PromptedForJson",
    }
)  # fmt: skip
"""The classes of the core that operators derive from."""
PIPELINE_BASES = frozenset({"Pipeline"})
_CORE = "dataflow_core"
_NOT_ITS_OWN = frozenset({"tests", "templates", "__pycache__"})
"""Folders whose classes are for tests, or for other projects."""


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A class that no specification names.

    Attributes:
        path: Its file.
        name: Its name.
        target: What a specification would name.
        kind: ``"operator"`` or ``"pipeline"``.
    """

    path: Path
    name: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Class:
    path: Path
    module: str
    name: str
    bases: tuple[str, ...]
    """Each as its module and name where it was imported, else as in the source."""

    @property
    def where(self) -> str:
        return f"{self.module}:{self.name}"


def unregistered(plugin: Plugin) -> Iterator[Unregistered]:
    """Yield the public operators and pipelines of a plugin's package that it does not register.

    Not among them are base classes of others in the package, abstract classes, and names that begin
    with an underscore.
    """
    package = plugin.claim.module.partition(".")[0]
    if package == _CORE:  # its public classes are the bases of others
        return
    classes = list(_classes(package))
    based_on = {base.rpartition(":")[2] for one in classes for base in one.bases}
    known = {item.spec.target for items in plugin.registered.values() for item in items}
    named = {target.rpartition(":")[2] for target in known}
    for one in classes:
        public = not one.name.startswith("_") and one.name not in based_on
        # By name: a target may be what another module only passes on.
        if public and one.name not in named and (kind := _kind(one, classes)):
            yield Unregistered(one.path, one.name, one.where, kind)


def _kind(one: _Class, classes: list[_Class], seen: frozenset[str] = frozenset()) -> str:
    """Return what a class is by its bases; empty where it is neither or abstract itself."""
    names = {base.rpartition(":")[2] for base in one.bases}
    if not seen and names & {"ABC", "Protocol"}:
        return ""
    for base in one.bases:
        module, _, name = base.rpartition(":")
        if module.partition(".")[0] == _CORE:
            if name in OPERATOR_BASES:
                return "operator"
            if name in PIPELINE_BASES:
                return "pipeline"
        elif one.where not in seen and _is_within(module, one.module.partition(".")[0]):
            near = [other for other in classes if other.name == name and other is not one]
            kinds = (_kind(other, classes, seen | {one.where}) for other in near)
            if kind := next(filter(None, kinds), ""):
                return kind
    return ""


def _is_within(module: str, package: str) -> bool:
    """Tell whether a module, as an import names it, is of a package; empty: no import was seen."""
    return not module or module.startswith(".") or module.partition(".")[0] == package


def _classes(package: str) -> Iterator[_Class]:
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return
    for root in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(root).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not _NOT_ITS_OWN.intersection(parts) and all(map(str.isidentifier, parts)):
                inside = parts[:-1] if parts[-1] == "__init__" else parts
                yield from _classes_in(path, ".".join([package, *inside]))


def _classes_in(path: Path, module: str) -> Iterator[_Class]:
    try:
        body = list(flat(ast.parse(path.read_bytes(), str(path)).body))
    except (OSError, SyntaxError, ValueError):  # where a target is in it, that is told already
        return
    imported: dict[str, str] = {}
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            home = "." * statement.level + (statement.module or "")
            for alias in statement.names:
                imported[alias.asname or alias.name] = f"{home}:{alias.name}"
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                imported[alias.asname or alias.name] = f"{alias.name}:"
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            bases = tuple(filter(None, (_base(base, imported) for base in statement.bases)))
            yield _Class(path, module, statement.name, bases)


def _base(base: ast.expr, imported: dict[str, str]) -> str:
    if isinstance(base, ast.Subscript):
        base = base.value
    if isinstance(base, ast.Name):
        return imported.get(base.id, base.id)
    if isinstance(base, ast.Attribute):
        module = ast.unparse(base.value)
        return f"{imported.get(module, module).rstrip(':')}:{base.attr}"
    return ""
