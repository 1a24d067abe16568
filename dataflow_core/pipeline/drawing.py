"""Plans as pictures: text for a terminal, Mermaid for documents, one page for a browser."""

from __future__ import annotations

from html import escape

import pyarrow as pa

from dataflow_core.pipeline.plan import Plan, Step
from dataflow_core.wording import counted

Tables = dict[str, dict[str, pa.DataType]]


def as_text(plan: Plan, tables: Tables | None = None) -> str:
    """Return the plan for a terminal: stages, steps, their columns.

    Args:
        plan: The plan.
        tables: The columns of each table, as `Plan.columns` returns them.
    """
    lines = [f"{plan.name}: {_size(plan)}"]
    lines += [f"  {name}{_columns_text(tables, name)}" for name in plan.sources]
    for number, stage in enumerate(plan.stages, 1):
        lines.append(f"stage {number} · {stage.kind} · reads {stage.table}")
        for step in stage.steps:
            operator = step.operator
            lines.append(f"  {step.name}  {type(operator).__name__} ({operator.function})")
            lines += [f"      {line}" for line in _details(step)]
    lines.append(f"result: {plan.result}{_columns_text(tables, plan.result)}")
    return "\n".join(lines)


def _size(plan: Plan) -> str:
    """Return of how many steps and stages a plan is."""
    return f"{counted(len(plan.steps), 'step')} in {counted(len(plan.stages), 'stage')}"


def as_mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart."""
    ids = {name: f"t{i}" for i, name in enumerate([*plan.sources, *(s.name for s in plan.steps)])}
    lines = ["flowchart TD"]
    lines += [f'    {ids[name]}[("{_quoted(name)}")]' for name in plan.sources]
    for number, stage in enumerate(plan.stages, 1):
        lines.append(f'    subgraph s{number}["stage {number}: {stage.kind}"]')
        for step in stage.steps:
            label = f"{_quoted(step.name)}<br/>{type(step.operator).__name__}"
            lines.append(f'        {ids[step.name]}["{label}"]')
        lines.append("    end")
    for step in plan.steps:
        lines.append(f"    {ids[step.table]} --> {ids[step.name]}")
        lines += [f"    {ids[other]} -.-> {ids[step.name]}" for other in step.other_tables]
    lines.append('    result(["result"])')
    lines.append(f"    {ids[plan.result]} --> result")
    return "\n".join(lines)


def as_html(plan: Plan, tables: Tables | None = None) -> str:
    """Return the plan as one HTML page that loads nothing."""
    rows = _rows(plan)
    boxes = "\n".join(_box(plan, name, x, y, tables) for name, (x, y) in rows.items())
    edges = "\n".join(_edge(rows[a], rows[b], dashed) for a, b, dashed in _edges(plan))
    width = max(x for x, _ in rows.values()) + _WIDTH + 20
    height = max(y for _, y in rows.values()) + _HEIGHT + 20
    return _PAGE.format(
        title=escape(plan.name),
        summary=_size(plan),
        width=width, height=height, edges=edges, boxes=boxes,
        steps="\n".join(_section(step) for step in plan.steps),
    )  # fmt: skip


_WIDTH, _HEIGHT, _GAP = 260, 48, 32


def _rows(plan: Plan) -> dict[str, tuple[int, int]]:
    """Place each table: one row below the lowest that it reads, branches side by side."""
    depth = dict.fromkeys(plan.sources, 0)
    for step in plan.steps:
        depth[step.name] = 1 + max(depth[t] for t in (step.table, *step.other_tables))
    used: dict[int, int] = {}
    places = {}
    for name, row in depth.items():
        column = used.get(row, 0)
        used[row] = column + 1
        places[name] = (20 + column * (_WIDTH + _GAP), 20 + row * (_HEIGHT + _GAP))
    return places


def _edges(plan: Plan) -> list[tuple[str, str, bool]]:
    edges = []
    for step in plan.steps:
        edges.append((step.table, step.name, False))
        edges += [(other, step.name, True) for other in step.other_tables]
    return edges


def _edge(start: tuple[int, int], end: tuple[int, int], dashed: bool) -> str:
    x1, y1 = start[0] + _WIDTH // 2, start[1] + _HEIGHT
    x2, y2 = end[0] + _WIDTH // 2, end[1]
    middle = (y1 + y2) // 2
    style = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2 - 2}"{style}/>'


def _box(plan: Plan, name: str, x: int, y: int, tables: Tables | None) -> str:
    if name in plan.sources:
        kind, note = "source", "source"
    else:
        operator = plan.step(name).operator
        kind, note = operator.function, f"{type(operator).__name__} · {operator.scope}"
    columns = ", ".join(tables[name]) if tables and name in tables else ""
    result = " result" if name == plan.result else ""
    return (
        f'<g class="{kind}{result}"><title>{escape(columns)}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>'
        f'<text x="{x + 12}" y="{y + 20}" class="name">{escape(_short(name, 32))}</text>'
        f'<text x="{x + 12}" y="{y + 37}">{escape(_short(note, 40))}</text></g>'
    )


def _section(step: Step) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in (line.split(": ", 1) for line in _details(step))
    )
    title = f"{escape(step.name)} <small>{type(step.operator).__name__}</small>"
    return f"<section><h2>{title}</h2><table>{rows}</table></section>"


def _details(step: Step) -> list[str]:
    lines = []
    for name, value in step.bindings.items():
        if value is not None:
            shown = ", ".join(value) if isinstance(value, tuple) else getattr(value, "name", value)
            lines.append(f"{name}: {shown}")
    config = {n: getattr(step.operator, n) for n in type(step.operator).model_fields}
    lines += [f"{name}: {value!r}" for name, value in config.items()]
    return lines


def _columns_text(tables: Tables | None, name: str) -> str:
    if not tables or not tables.get(name):
        return ""
    return " (" + ", ".join(tables[name]) + ")"


def _quoted(text: str) -> str:
    """Write a name as Mermaid's text, in which quotes end the label and tags are tags."""
    return "".join(f"#{ord(char)};" if char in _SPECIAL else char for char in text)


_SPECIAL = frozenset('"#&<>`\n\r\\')


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --line: #c8ced6;
  --source: #eef1f4; --generate: #e6f0ff; --evaluate: #f1eaff; --filter: #fff1dc;
  --refine: #e4f6ea; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6edf3; --soft: #9da7b1; --paper: #0f1419;
  --line: #3d444d; --source: #1d232a; --generate: #14294a; --evaluate: #2b2148; --filter: #40300f;
  --refine: #12351f; }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
.drawing {{ overflow-x: auto; }}
svg text {{ fill: var(--soft); font-size: 12px; }}
svg .name {{ fill: var(--ink); font-size: 14px; font-weight: 600; }}
svg rect {{ stroke: var(--line); fill: var(--source); }}
svg .generate rect {{ fill: var(--generate); }} svg .evaluate rect {{ fill: var(--evaluate); }}
svg .filter rect {{ fill: var(--filter); }} svg .refine rect {{ fill: var(--refine); }}
svg .result rect {{ stroke-width: 2.5; stroke: var(--soft); }}
svg path {{ fill: none; stroke: var(--soft); }}
h1 {{ margin-bottom: 0; }} h2 {{ font-size: 1rem; margin: 1.5rem 0 .25rem; }}
p, small {{ color: var(--soft); font-weight: 400; }}
table {{ border-collapse: collapse; }}
th {{ text-align: left; font-weight: 500; padding-right: 1rem; }}
td {{ font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<div class="drawing">
<svg width="{width}" height="{height}" role="img" aria-label="the plan's steps">
{edges}
{boxes}
</svg></div>
{steps}
</html>
"""
