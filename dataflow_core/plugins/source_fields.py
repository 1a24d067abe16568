"""The fields of an operator's class, as its source and those of its bases have them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dataflow_core.plugins.target_source import bound_in, find_module, imported_from, name_at_home

_STRANGE = ("pydantic", "abc", "typing")
"""Packages whose classes have no fields that a user sets."""


def fields_of(module: str, name: str) -> dict[str, None]:
    """Return the names of the fields of a class, those of its bases first; nothing is imported.

    Args:
        module: The module that defines the class, or imports it.
        name: The class.
    """
    return dict.fromkeys(_fields(module, name))


def _fields(module: str, name: str) -> Iterator[str]:
    found = None if module.partition(".")[0] in _STRANGE else find_module(module)
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return
    statement = bound_in(found.origin).get(name)
    if isinstance(statement, ast.ImportFrom):
        yield from _fields(imported_from(found, statement), name_at_home(statement, name))
    elif isinstance(statement, ast.ClassDef):
        for base in statement.bases:
            if isinstance(base, ast.Name) and base.id != name:
                yield from _fields(module, base.id)
        yield from filter(None, map(_field, statement.body))


def _field(statement: ast.stmt) -> str | None:
    """Return the field that a statement of a class declares."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return None
    is_set = not ast.unparse(statement.annotation).startswith(("ClassVar", "typing.ClassVar"))
    return statement.target.id if is_set and not statement.target.id.startswith("_") else None
