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
        self._calls = {id(use.call): use for use in names.uses if use.call is not None}
        self._made: dict[Key, list[Use]] = {}
        self._unclear: set[Key] = set()
        for use in names.uses:
            if use.call is not None:
                for key in self._targets(use.call):
                    self._assign(key, use)
        self._reject_others()

    def owner(self, node: ast.expr) -> Use | None:
        """Return by which use of a class an expression was made; None if that is not known."""
        made = self.makers(node)
        return made[-1] if made else None

    def makers(self, node: ast.expr) -> list[Use]:
        """Return all uses of one class by which an expression may have been made."""
        if isinstance(node, ast.Call):
            return [self._calls[id(node)]] if id(node) in self._calls else []
        for key in self._keys(node):
            if key in self._unclear:
                return []
            if key in self._made:
                return self._made[key]
        return []

    def likely(self, node: ast.expr) -> Use | None:
        """Return by which use of a class an expression was likely made.

        That is known of less: ``pipeline.storage`` is what a class of the script has as
        ``self.storage``, and ``step()`` of a storage is one. Good enough to leave a place alone.
        """
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.likely(node.func.value) if node.func.attr == "step" else None
        found = self.owner(node)
        if found is None and isinstance(node, ast.Attribute):
            named = f"self.{node.attr}"
            made = [uses[-1] for (_, name), uses in self._made.items() if name == named]
            found = made[-1] if made else None
        return found

    def _assign(self, key: Key, use: Use) -> None:
        made = self._made.setdefault(key, [])
        if any((one.name, one.through) != (use.name, use.through) for one in made):
            self._unclear.add(key)
        made.append(use)

    def _reject_others(self) -> None:
        """Mark objects to which something else is assigned too."""
        for node in self._parents:
            for target, value in _assignments(node):
                if isinstance(value, ast.Constant) and value.value is None:
                    continue
                for key in self._keys(target)[:1]:
                    if key in self._made and id(value) not in self._calls:
                        self._unclear.add(key)

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
