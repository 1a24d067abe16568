"""``dataflow preview``: a few rows through every step, with what each changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.output import value_text
from dataflow_core.cli.planning import Asked, cache_of, load_plan, pipeline_options, require_ready
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.engine.preview import StepPreview
    from dataflow_core.plugins import PluginManager

WIDTH = 70
SHOWN = 8


@click.command("preview")
@pipeline_options
@click.option("-n", "--rows", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def command(
    manager: PluginManager,
    asked: Asked,
    rows: int,
    as_json: bool,
) -> None:
    """Run the first rows of --input through PIPELINE, and show what each step does to them.

    Answers of models are kept in dataflow-runs/requests.sqlite, where runs find them.
    """
    plan = load_plan(manager, asked, needs_input=True)
    from dataflow_core.engine.preview import preview_plan

    require_ready(plan, cache=cache_of(plan))
    previews = preview_plan(plan, rows, cache=cache_of(plan))
    if as_json:
        content = [preview.as_dict() for preview in previews]
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))
        return
    for preview in previews:
        click.echo("\n".join(preview_lines(preview)))


def preview_lines(preview: StepPreview) -> list[str]:
    """Return what a step did to some rows, as text."""
    from dataflow_core.engine.call_texts import answers_text

    lines = [f"{preview.step}: {counted(preview.rows_in, 'row')} in, {preview.rows_out:,} out"]
    for of_rows, made in _made(preview).items():
        lines.append(f"  * {counted(len(made), 'row')} {of_rows}: {_listed(made)}")
    for name in preview.new_columns:
        values = [c.after for c in preview.changes if c.column == name]
        lines.append(f"  + {name}: {', '.join(_cut(_text(v), 24) for v in values[:SHOWN])}")
    for name, count in preview.changed.items():
        lines.append(f"  ~ {name}: {count} changed")
        for change in [c for c in preview.changes if c.column == name][:2]:
            before, after = where_they_part(change.before, change.after)
            lines += [f"      {change.row}  {before}", f"      {'':16}→ {after}"]
    if preview.reordered:
        lines.append("  rows in another order")
    for name, value in preview.findings.items():
        lines.append(f"  = {name}: {_cut(_text(value), WIDTH)}")
    if preview.calls:
        lines.append(f"  ? {answers_text(preview.calls)}")
    for gone in preview.gone:
        why = gone.value or gone.message
        value = f" ({why[:40]})" if why else ""
        lines.append(f"  - {gone.row} {gone.reason}{value}")
    return lines


def where_they_part(before: Any, after: Any) -> tuple[str, str]:
    """Return two values, long ones from a little before the place where they begin to differ.

    Texts are in quotes; other values are as in JSON.
    """
    both_texts = isinstance(before, str) and isinstance(after, str)
    old, new = (before, after) if both_texts else (_text(before), _text(after))
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = max(0, start - WIDTH // 3)
    dots = "…" if start else ""
    ends = [_text(end[start:]) if both_texts else end[start:] for end in (old, new)]
    return dots + _cut(ends[0], WIDTH), dots + _cut(ends[1], WIDTH)


def _made(preview: StepPreview) -> dict[str, list[str]]:
    """Return the rows that a step made, by where they come from."""
    found: dict[str, list[str]] = {}
    for one in preview.made:
        origin = "from a second table" if one.parent is None else f"made of {one.parent}"
        found.setdefault(origin, []).append(one.row)
    return found


def _listed(rows: list[str]) -> str:
    return ", ".join(rows[:SHOWN]) + (", …" if len(rows) > SHOWN else "")


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, str) else value_text(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
