"""Add a name to what a hook module imports from `dataflow_core.plugins`."""

from __future__ import annotations

import ast

from dataflow_core.scaffold.source import Source, Unplaced
from dataflow_core.scaffold.wording import WIDTH

PLUGINS = "dataflow_core.plugins"
_HOMES = {PLUGINS, f"{PLUGINS}.specs", f"{PLUGINS}.hookspecs"}


def with_import(text: str, name: str) -> str:
    """Return a module's text in which a name of `dataflow_core.plugins` is imported.

    Args:
        text: The text.
        name: The name, such as ``"OperatorSpec"``.

    Raises:
        Unplaced: There is no import that the name could go to.
    """
    module = Source(text)
    imports = [
        node
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom) and node.module in _HOMES and not node.level
    ]
    for node in imports:
        if any(one.name == "*" or (one.name == name and not one.asname) for one in node.names):
            return text
    own = [node for node in imports if node.module == PLUGINS]
    if not own:
        raise Unplaced(f"it has no line 'from {PLUGINS} import …'")
    return _extended(module, own[0], name)


def aliases_of(tree: ast.Module) -> dict[str, str]:
    """Return the names of `dataflow_core.plugins` that a module imports under others, by these."""
    return {
        one.asname: one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in _HOMES
        for one in node.names
        if one.asname
    }


def _extended(module: Source, node: ast.ImportFrom, name: str) -> str:
    lines = [one.lineno for one in node.names]
    start, end = module.span(node)
    in_lines = len(set(lines)) == len(lines) and node.lineno not in lines
    if in_lines and module.text[end - 1] == ")":
        return _with_line(module, node, name)
    if "#" in module.text[start:end]:
        raise Unplaced(f"there is a comment in its line 'from {PLUGINS} import …'")
    written = [f"{one.name} as {one.asname}" if one.asname else one.name for one in node.names]
    names = sorted([*written, name], key=_order)
    line = f"from {PLUGINS} import {', '.join(names)}"
    if len(line) > WIDTH:
        listed = "".join(f"    {one},\n" for one in names)
        line = f"from {PLUGINS} import (\n{listed})"
    return module.with_text(start, end, line)


def _with_line(module: Source, node: ast.ImportFrom, name: str) -> str:
    """Return the text with a line more in an import that has one for each name."""
    before = next((one for one in node.names if _order(one.name) > _order(name)), None)
    if before is not None:
        place = module.offset(before.lineno, before.col_offset)
        return module.with_text(place, place, f"{name},\n{module.indent_of(place)}")
    place = module.span(node.names[-1])[1]
    indent = module.indent_of(place)
    behind = module.text[place : module.span(node)[1] - 1]
    if module.comma_in(behind):
        place = module.text.index("\n", place)
        return module.with_text(place, place, f"\n{indent}{name},")
    return module.with_text(place, place, f",\n{indent}{name}")


def _order(name: str) -> tuple[int, str]:
    """Return where formatters sort an imported name: constants, classes, and then the others."""
    bare = name.partition(" as ")[0]
    return (0 if bare.isupper() else 1 if bare[0].isupper() else 2, bare)
