"""The file that the last step of a former script wrote: it is written by a line of its own now."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from dataflow_core.migration.findings import Finding
from dataflow_core.migration.imports import Key, Names, Use
from dataflow_core.migration.objects import Objects
from dataflow_core.migration.script import Edit, Script

_WRITABLE = {"json", "jsonl", "csv", "parquet"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_STRAIGHT = (ast.Expr, ast.Assign, ast.Call, ast.keyword)
"""What may stand around a step, for it to be taken just once."""


@dataclass
class Results:
    """What becomes of the files of the last steps.

    Attributes:
        edits: The lines that write them.
        findings: What is told of them.
    """

    edits: list[Edit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def find_results(script: Script, names: Names, objects: Objects, safe: Collection[Key]) -> Results:
    """Return what writes the files that former storages wrote by themselves.

    Args:
        script: The script.
        names: What it calls what.
        objects: The objects that it makes of former classes.
        safe: The classes that are rewritten, by import and name.
    """
    results = Results()
    for use in names.uses:
        if use.former.kind == "storage" and use.key in safe:
            _look_at(script, names, objects, use, results)
    return results


def _look_at(script: Script, names: Names, objects: Objects, use: Use, results: Results) -> None:
    steps = [
        node
        for node in names.parents
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
        and objects.owner(node.func.value) is use
    ]
    if use.call is None or not steps:
        return
    finding = Finding(*script.position(use.call), "result", "the last step's file", "save()")
    results.findings.append(finding)
    homes = {_home(names, step) for step in steps}
    home = homes.pop() if len(homes) == 1 else None
    path = _path(use.call, len(steps)) if home is not None else None
    places = list(_places(names, steps, home)) if home is not None and path is not None else []
    if path is None or len(places) != 1:
        shown = f" ({path})" if path else ""
        finding.reasons.append(
            f"steps leave no files: write the result{shown} with save(PATH) of the storage, or "
            "with run(PATH) of the pipeline"
        )
        return
    statement, storage = places[0]
    line = f'{storage}.save("{path}")'
    finding.line, finding.column = script.position(statement)
    finding.becomes, finding.rewritten = line, True
    finding.changes.append(f"{line} is added; the files of the steps before are not written")
    results.edits.append(_after(script, statement, line))


def _path(call: ast.Call, steps: int) -> str | None:
    """Return the file that the last step wrote; None where it cannot be told."""
    told: dict[str, object] = {
        "cache_path": "./cache",
        "file_name_prefix": "dataflow_cache_step",
        "cache_type": "jsonl",
    }
    given = dict(zip(["first_entry_file_name", *told], call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg}
    for name in told:
        value = given.get(name)
        if value is not None:
            told[name] = value.value if isinstance(value, ast.Constant) else None
    folder, prefix, ending = told.values()
    if not (isinstance(folder, str) and isinstance(prefix, str) and ending in _WRITABLE):
        return None
    path = posixpath.join(folder, f"{prefix}_step{steps}.{ending}")
    return None if '"' in path or "\\" in path else path


def _places(names: Names, steps: list[ast.Call], home: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the statements after which the last step is done, with what the storage is called."""
    storage = steps[0].func.value  # type: ignore[attr-defined]
    if isinstance(storage, ast.Name):
        yield _statement(names, steps[-1]), storage.id
    elif isinstance(home, _FUNCTIONS):
        outer = names.parents[home][0]
        if isinstance(outer, ast.ClassDef):
            yield from _calls_of(names, outer, home.name, storage.attr)


def _home(names: Names, step: ast.Call) -> ast.AST | None:
    """Return the function or module that takes a step just once; None if it may be otherwise."""
    for outer in names.parents[step]:
        if isinstance(outer, (*_FUNCTIONS, ast.Module)):
            return None if _leaves_early(outer) else outer
        if not isinstance(outer, _STRAIGHT):
            return None
    return None


def _leaves_early(home: ast.AST) -> bool:
    return isinstance(home, _FUNCTIONS) and any(
        isinstance(node, ast.Return) for node in ast.walk(home)
    )


def _statement(names: Names, node: ast.AST) -> ast.stmt:
    return next(one for one in names.parents[node] if isinstance(one, ast.stmt))


def _calls_of(
    names: Names, cls: ast.ClassDef, method: str, attribute: str
) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the statements that call a method of an object of a class, and its storage."""
    made = {
        target.id
        for node in names.parents
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Name) and node.value.func.id == cls.name
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in names.parents:
        match node:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=called))
            ) if name in made and called == method:
                yield node, f"{name}.{attribute}"
            case _:
                continue


def _after(script: Script, statement: ast.stmt, text: str) -> Edit:
    """Return what writes a statement behind another, in a line of its own where that has one."""
    start, end = script.start(statement), script.end(statement)
    line, _ = script.line_of(start)
    _, last = script.line_of(end)
    indent, rest = script.text[line:start], script.text[end:last].strip()
    if indent.strip() or (rest and not rest.startswith("#")):
        return Edit(end, end, f"; {text}")
    return Edit(last, last, f"{script.newline}{indent}{text}")
