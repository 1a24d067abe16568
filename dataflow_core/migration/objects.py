"""Which objects of a script are instances of former classes: by what is assigned to what."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dataflow_core.migration.imports import Names, Use

Key = tuple[int, str]
"""The scope or class that an object belongs to, by identity, and its name there."""

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)


class Objects:
    """The objects that a script makes of former classes, and what is asked of them.

    Args:
        names: What the script calls what.
    """

    def __init__(self, names: Names) -> None:
        self._parents = names.parents
        self._made: dict[Key, Use] = {}
        self._unclear: set[Key] = set()
        for use in names.uses:
            if use.call is not None:
                for key in self._targets(use.call):
                    self._assign(key, use)
        self._reject_others()

    def owner(self, node: ast.expr) -> Use | None:
        """Return by which use of a class an expression was made; None if that is not known."""
        if isinstance(node, ast.Call):
            return next((use for use in self._made.values() if use.call is node), None)
        for key in self._keys(node):
            if key in self._unclear:
                return None
            if key in self._made:
                return self._made[key]
        return None

    def is_unclear(self, node: ast.expr) -> bool:
        """Tell whether an expression may be one of several objects, one of a former class."""
        return any(key in self._unclear for key in self._keys(node))

    def _assign(self, key: Key, use: Use) -> None:
        other = self._made.get(key)
        if other is not None and (other.name, other.through) != (use.name, use.through):
            self._unclear.add(key)
        self._made[key] = use

    def _reject_others(self) -> None:
        """Mark objects to which something else is assigned too."""
        for node in self._parents:
            for target, value in _assignments(node):
                if isinstance(value, ast.Constant) and value.value is None:
                    continue
                for key in self._keys(target)[:1]:
                    made = self._made.get(key)
                    if made is not None and not self._is_made_by(value):
                        self._unclear.add(key)

    def _is_made_by(self, value: ast.expr | None) -> bool:
        return isinstance(value, ast.Call) and any(use.call is value for use in self._made.values())

    def _targets(self, call: ast.Call) -> Iterator[Key]:
        """Yield what a call is assigned to."""
        outer = self._parents[call][0]
        for target, value in _assignments(outer):
            if value is call:
                yield from self._keys(target)[:1]

    def _keys(self, node: ast.expr) -> list[Key]:
        """Return where an object may be looked up, the nearest scope first."""
        outer = self._parents.get(node, ())
        if isinstance(node, ast.Name):
            return [(id(one), node.id) for one in outer if isinstance(one, _SCOPES)]
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                classes = [one for one in outer if isinstance(one, ast.ClassDef)]
                return [(id(one), f"self.{attribute}") for one in classes[:1]]
            case _:
                return []


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield what a statement or expression assigns to what."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield target, value
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield target, value
        case ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield target, None
        case _:
            return
