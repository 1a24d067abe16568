"""What ``dataflow runs`` says of runs and rows, as text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dataflow_core.cli.output import shortened, value_text
from dataflow_core.engine.row_story import LISTED, fate_text
from dataflow_core.engine.run_changes import in_short
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.engine.fate_changes import Fate
    from dataflow_core.engine.replay import Replay
    from dataflow_core.engine.report import Sample
    from dataflow_core.engine.row_story import Relative, Story
    from dataflow_core.engine.run_diff import Cause, RunDiff
    from dataflow_core.engine.stored_runs import StoredRun

WIDTH = 70


def run_row(run: dict[str, Any]) -> list[str]:
    """Return the cells of a run in a listing."""
    changed = dt.datetime.fromisoformat(run["changed"]).strftime("%Y-%m-%d %H:%M:%S")
    rows = (_count(run["rows_in"]), _count(run["rows_out"]))
    return [run["name"], run["pipeline"], run["state"], *rows, changed, run["run_dir"]]


def asked_lines(run: StoredRun) -> Iterator[str]:
    """Yield what was asked of a run, and its state."""
    asked = run.asked
    yield f"{'pipeline':<9}{run.pipeline}"
    for name, place in asked["sources"].items():
        yield f"{name:<8} {place}"
    yield f"{'output':<9}{asked['output']}"
    options = (f"{name} {value}" for name, value in asked["options"].items() if value is not None)
    yield f"{'options':<9}{', '.join(options)}"
    versions = ", ".join(f"{name} {value}" for name, value in asked["versions"].items())
    yield f"{'versions':<9}{versions}"
    yield f"{'state':<9}{run.state} ({run.changed:%Y-%m-%d %H:%M:%S})"
    if "error" in asked:
        yield f"{'error':<9}{asked['error']}"


def progress_lines(run: StoredRun, stages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield how far each stage of a run is."""
    begun: set[str] = set()
    for stage in stages:
        begun |= set(stage["steps"]) if stage["kind"] != "sketch" else set()
        name = " > ".join(stage["steps"]) or stage["table"]
        what = " (looking at all rows)" if stage["kind"] == "sketch" else ""
        rows = f"{counted(stage['rows_in'], 'row')} in, {stage['rows_out']:,} out"
        yield f"{name}{what}: {rows}{', finished' if stage['finished'] else ''}"
    waiting = [step["name"] for step in run.steps if step["name"] not in begun]
    if waiting:
        yield f"not begun: {', '.join(waiting)}"
    if run.state != "running":
        yield f"The same command goes on with --run-dir {run.path}."


def unfinished_text(run: StoredRun) -> str:
    """Return why no row of a run can be done again that has not come to its end."""
    what = f"no row of {run.path} failed in a step so far, but the run is not done"
    if run.state == "running":
        return f"{what}: it is on. Wait for its end."
    why = f" ({run.asked['error']})" if run.asked.get("error") else ""
    return (
        f"{what}: it was {_ENDED.get(run.state, 'left')}{why}. The same `dataflow run` command "
        f"goes on with it; name it with --run-dir {run.path}."
    )


_ENDED = {"interrupted": "interrupted", "killed": "killed", "failed": "ended by an error"}


def sample_lines(samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the rows that reports show."""
    yield "Some of what did not come out:"
    for sample in samples:
        value = "" if sample.value is None else f" ({shortened(str(sample.value), 24)})"
        text = "" if sample.text is None else f"  {shortened(repr(sample.text), WIDTH)}"
        yield f"  {sample.row}  {sample.step}: {sample.reason}{value}{text}"


def story_lines(story: Story) -> Iterator[str]:
    """Yield a row's story."""
    origin = "made by a step"
    if story.source is not None:
        origin = f"number {story.position:,} of {story.source}"
    yield f"row {story.row}, {origin}"
    for end in story.ends:
        yield fate_text(end)
        told = (("value", end.value), ("message", end.message), ("where", end.trace))
        for name, said in told:
            if said is not None:
                yield f"  {name}: {shortened(' '.join(said.split()), WIDTH)}"
        if end.related is not None and story.repeats is not None:
            yield f"  it repeats {_relative(story.repeats)}"
    for relative in story.parents:
        yield f"made by {relative.step} of {_relative(relative)}"
    yield from _children(story.children, "")
    if story.counts["children"] > LISTED:
        yield f"… it became {story.counts['children']:,} rows in all"
    for relative in story.repeated:
        yield f"repeated by {_relative(relative)}"
    if story.counts["repeated"] > LISTED:
        yield f"… {story.counts['repeated']:,} rows in all repeat it"
    yield from _value_lines(story)


def replay_lines(replay: Replay) -> Iterator[str]:
    """Yield what the steps do to a row."""
    from dataflow_core.cli.preview import preview_lines

    for note in replay.notes:
        yield f"changed since the run: {note}"
    yield f"row {replay.row} in the source"
    yield from _columns(replay.source)
    for one in replay.steps:
        if one.preview is None:
            yield f"{one.step}: left out, since {one.left_out}"
        else:
            yield from preview_lines(one.preview)


def diff_lines(diff: RunDiff) -> Iterator[str]:
    """Yield what differs between two runs."""
    from dataflow_core.cli.preview import where_they_part

    yield from _change_lines(diff)
    yield from (f"note: {note}" for note in diff.notes)
    yield ""
    changed = sum(change.rows for change in diff.fates)
    yield f"{counted(changed, 'row')} became something else"
    for fate, cause in zip(diff.fates, diff.causes["fates"], strict=True):
        yield f"  {fate.rows:,}: {_fates(fate.before)} -> {_fates(fate.after)}"
        yield f"    such as {', '.join(fate.examples)}"
        yield f"    {_cause(cause)}"
    columns = counted(len(diff.columns), "column differs", "columns differ")
    yield f"{columns} in the {counted(diff.common, 'row')} that both results have"
    for column, why in zip(diff.columns, diff.causes["columns"], strict=True):
        rows = counted(column.rows, "row")
        yield f"  {column.column}: {rows}{_types(column.before, column.after)}"
        for change in column.examples:
            old, new = where_they_part(change.before, change.after)
            yield f"    {change.row}  {old}"
            yield f"    {'':16}→ {new}"
        yield f"    {_cause(why)}"


def _change_lines(diff: RunDiff) -> Iterator[str]:
    """Yield what was changed."""
    if not diff.changes:
        yield "nothing that determines the rows differs: sources, operators, configuration, code"
    for sentence in in_short(diff.changes):
        yield f"changed: {sentence}"
    for name, (old, new) in diff.versions.items():
        yield f"version: {name} {old} -> {new}"


def _cause(cause: Cause | None) -> str:
    if cause is None:
        return "cause: none that is written down; is an operator not deterministic?"
    return f"cause: {'; '.join(cause.sentences)}"


def _fates(fates: Sequence[Fate]) -> str:
    from dataflow_core.engine.row_story import End

    told = [fate_text(End(fate, step or None, reason or None)) for fate, step, reason in fates]
    return " and ".join(told) or "not there"


def _types(before: str | None, after: str | None) -> str:
    if before is None:
        return f", only in the second ({after})"
    if after is None:
        return f", only in the first ({before})"
    return "" if before == after else f", {before} -> {after}"


def _relative(relative: Relative) -> str:
    number = ""
    if relative.source is not None:
        number = f", number {relative.position:,} of {relative.source}"
    return f"{relative.row}{number} ({'; '.join(relative.fates) or 'not committed'})"


def _children(children: Sequence[Relative], indent: str) -> Iterator[str]:
    for child in children:
        yield f"{indent}became, by {child.step}, {_relative(child)}"
        yield from _children(child.children, indent + "  ")


def _value_lines(story: Story) -> Iterator[str]:
    """Yield the row's values where they are kept, in order; after the first, those that changed."""
    kept = [(f"after {name}", values) for name, values in story.tables.items()]
    kept += [
        (f"when it left, at {end.step}", end.values)
        for end in story.ends
        if end.values is not None and end.fate in ("dropped", "duplicate", "quarantined")
    ]
    before: dict[str, Any] | None = None
    for title, values in kept:
        shown = values
        if before is not None:
            shown = {n: v for n, v in values.items() if n not in before or before[n] != v}
        yield f"{title}{'' if shown else ': as before'}"
        yield from _columns(shown)
        before = values


def _columns(values: dict[str, Any]) -> Iterator[str]:
    width = max(map(len, values), default=0)
    for name, value in values.items():
        yield f"  {name:<{width}}  {_shown(value)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value_text(value)
    return shortened(text, WIDTH)


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
