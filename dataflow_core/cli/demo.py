"""``dataflow demo``: the main job on bundled data, and with a model a second one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.planning import Asked, load_plan, require_ready

if TYPE_CHECKING:
    from dataflow_core.engine.report import Report, Sample
    from dataflow_core.plugins import PluginManager

PIPELINE = "text/pretrain_filter"
SOLVING = "math/solve_and_verify"
EMBEDDED = "embedded:"
MOST_TOKENS = 200
"""The most tokens of a solution: small models do not always find an end."""

_PATH_NOT_QUALITY = (
    "The model is tiny (135 million parameters): this shows the path, not quality. With a better "
    "one, the same command does real work: --serving openai:NAME@http://localhost:8000/v1"
)


@click.command("demo")
@click.option("--llm", is_flag=True, help="Have a small model solve bundled word problems instead.")
@click.option(
    "--serving", metavar="SPEC", default=EMBEDDED, show_default=True,
    shell_complete=words.servings,
    help="With --llm: the model that solves.",
)  # fmt: skip
@click.option(
    "--output",
    "-o",
    metavar="PATH",
    shell_complete=words.files,
    help="Where the result goes.",
)
@click.option(
    "--run-dir",
    metavar="DIR",
    shell_complete=words.run_folders,
    help="The run directory; default: a new one in dataflow-runs/.",
)
@click.pass_obj
def command(
    manager: PluginManager, *, llm: bool, serving: str, output: str | None, run_dir: str | None
) -> None:
    """Clean a bundled sample of web pages with text/pretrain_filter, and show what went and why.

    With --llm, solve bundled word problems with math/solve_and_verify instead, and show which
    answers are right. That takes the plugin dataflow-math, and, where no other model is named, a
    small one that runs on this machine (`dataflow models fetch`).
    """
    if llm:
        _solve(manager, serving, output, run_dir)
    else:
        _clean(manager, output, run_dir)


def _clean(manager: PluginManager, output: str | None, run_dir: str | None) -> None:
    from dataflow_core.engine import run_plan

    sample = resources.files("dataflow_core.demo") / "web_sample.jsonl.gz"
    with resources.as_file(sample) as path:
        click.echo(f"dataflow run {PIPELINE} --input {path}\n")
        plan = load_plan(manager, Asked(PIPELINE, str(path)))
        report = run_plan(plan, output=output, run_dir=run_dir, notify=manager.notify)
    click.echo(_with_samples(report))


def _solve(manager: PluginManager, serving: str, output: str | None, run_dir: str | None) -> None:
    import sys

    from dataflow_core.cli.progress import display_for
    from dataflow_core.engine import run_plan

    sample = resources.files("dataflow_core.demo") / "word_problems.jsonl"
    with resources.as_file(sample) as path:
        most = f"max_tokens={MOST_TOKENS}"
        click.echo(f"dataflow run {SOLVING} --input {path} --serving {serving} --param {most}\n")
        plan = load_plan(manager, Asked(SOLVING, str(path), (most,), serving=serving))
        require_ready(plan, run_dir, None)
        with display_for(sys.stderr, quiet=False) as display:
            manager.observe(display, "progress")
            # Half of its solutions may never end, and still it is a demonstration.
            report = run_plan(
                plan, output=output, run_dir=run_dir, notify=manager.notify, max_failures="100%"
            )
    click.echo("\n".join([*_solutions(report), "", str(report)]))
    if serving == EMBEDDED:
        click.echo(f"\n{_PATH_NOT_QUALITY}")


def _solutions(report: Report) -> Iterator[str]:
    """Yield what came of each problem."""
    from dataflow_core import FileStorage

    table = FileStorage(report.output).read(["question", "reference", "answer", "is_correct"])
    told = {True: "right", False: "wrong"}
    for row in table.to_dict("records"):
        answer = row["answer"] if isinstance(row["answer"], str) else "none"
        verdict = told.get(row["is_correct"], "not judged")
        yield f"{row['question']}\n  answer {answer}, reference {row['reference']}: {verdict}"
    if failed := report.rows_in - report.rows_out:
        yield f"{failed} of {report.rows_in} found no end within {MOST_TOKENS} tokens, or failed:"
        yield f"  they are in {report.run_dir}/quarantine, with what the model said"


def _with_samples(report: Report) -> str:
    lines = [report.table(), "", "Some of what was dropped, and why:"]
    seen: set[tuple[str, str]] = set()
    for sample in report.samples:
        if (sample.step, sample.reason) not in seen:
            seen.add((sample.step, sample.reason))
            lines += _sample_lines(sample)
    kept = f"{report.rows_out} of {report.rows_in} pages kept"
    lines += [
        "",
        f"{kept} in {report.seconds:.1f} s; every other page is in {report.run_dir}/dropped.",
        f"output   {report.output}",
        f"run      {report.run_dir}",
    ]
    if report.page is not None:
        lines.append(f"report   {report.page}")
    return "\n".join(lines)


def _sample_lines(sample: Sample) -> list[str]:
    text = "null" if sample.text is None else " ".join(sample.text.split()) or "(blank)"
    shown = text if len(text) <= 76 else text[:75] + "…"
    value = f" ({sample.value})" if sample.value is not None else ""
    return [f"  {sample.step}: {sample.reason}{value}", f"    {shown}"]
