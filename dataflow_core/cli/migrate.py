"""``dataflow migrate``: scripts of the earlier system, read and rewritten."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.output import write_json
from dataflow_core.errors import ScriptError
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.migration import Examination, Finding

NEEDS_A_PERSON, FAILED = 2, 1
_SCRIPTS = (".py", ".ipynb")

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@click.command("migrate")
@click.argument(
    "paths",
    metavar="SCRIPT...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--write", is_flag=True, help="Rewrite what is safe, and keep the old file as .bak.")
@click.option("--diff", "as_diff", is_flag=True, help="Show what would be rewritten, as a diff.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def command(
    context: click.Context, paths: tuple[Path, ...], *, write: bool, as_diff: bool, as_json: bool
) -> None:
    """Tell what becomes of each name of the earlier system in SCRIPT, and rewrite what is safe.

    Of a folder, all scripts in it and below are read; of notebooks it says what to do. Scripts are
    read, and not run. A class is rewritten in its import and in every call, or, where
    one of them needs a person, nowhere; then its former name stays, and the reason is told.

    Exits with 0 if everything can be rewritten, with 2 if something needs a person, with 1 if a
    script cannot be read or written.
    """
    if write and as_diff:
        raise click.UsageError("--write rewrites and --diff only shows: give one of them.")
    told, code = [], 0
    for path in _scripts(paths):
        content, worst = _done(path, write=write, as_diff=as_diff, silent=as_json)
        told.append(content)
        code = FAILED if FAILED in {code, worst} else max(code, worst)
    if as_json:
        write_json({"scripts": told})
    context.exit(code)


def _scripts(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the scripts that are named, and those in folders, hidden ones aside."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(one for one in path.rglob("*") if one.suffix in _SCRIPTS and one.is_file())
        seen = [one for one in inside if not _is_hidden(one.relative_to(path))]
        if not seen:
            click.echo(f"{path}: no script is in it", err=True)
        yield from seen


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _done(path: Path, *, write: bool, as_diff: bool, silent: bool) -> tuple[dict[str, Any], int]:
    """Migrate one script; return what is told of it, and the exit code."""
    from dataflow_core.migration import Script, examine

    content: dict[str, Any] = {"script": str(path), "findings": [], "error": None}
    try:
        found = examine(Script.read(path))
        backup = _write(path, found) if write and found.is_changed else None
    except ScriptError as error:
        if not silent:
            click.echo(f"{click.style('Error:', fg='red', bold=True)} {error}", err=True)
        return content | {"error": str(error)}, FAILED
    diff = "".join(_diff(path, found))
    content |= {
        "findings": [one.as_dict() for one in found.findings],
        "changed": found.is_changed,
        "written": backup is not None,
        "backup": str(backup) if backup else None,
        "complete": not found.for_people,
    }
    if as_diff:
        content["diff"] = diff
    if not silent:
        click.echo(diff, nl=False) if as_diff else _show(path, found, backup)
    return content, NEEDS_A_PERSON if found.for_people else 0


def _write(path: Path, found: Examination) -> Path:
    """Put the new text into the file, and keep the old one beside it."""
    from dataflow_core.migration.writing import replace

    return replace(path, found.script.encoded(found.text))


def _diff(path: Path, found: Examination) -> Iterator[str]:
    old, new = (_LINE.findall(text) for text in (found.script.text, found.text))
    for line in difflib.unified_diff(old, new, str(path), str(path)):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _show(path: Path, found: Examination, backup: Path | None) -> None:
    for finding in found.findings:
        _show_finding(path, finding, done=backup is not None)
    people = len(found.for_people)
    safe = sum(one.rewritten for one in found.findings)
    if not found.findings:
        click.echo(f"{path}: nothing of the earlier system")
        return
    verb = "rewritten" if backup else "to rewrite"
    waiting = f", {people} for a person" if people else ""
    click.echo(f"{path}: {counted(safe, 'place')} {verb}{waiting}")
    if backup:
        click.echo(f"the old text is in {backup}")


def _show_finding(path: Path, finding: Finding, *, done: bool) -> None:
    where = click.style(f"{path}:{finding.line}:{finding.column}", bold=True)
    label = "person" if finding.reasons else "done" if done and finding.rewritten else "safe"
    color = "yellow" if finding.reasons else "green"
    becomes = f"{finding.former} -> {finding.becomes}"
    click.echo(f"{where}: {click.style(label, fg=color)}: {finding.kind} {becomes}")
    for change in finding.changes:
        click.echo(f"    {change}")
    for reason in finding.reasons:
        click.echo(f"    you: {reason}")
    if not finding.reasons:
        for note in finding.notes:
            click.echo(f"    note: {note}")
