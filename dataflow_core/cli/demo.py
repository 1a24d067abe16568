"""``dataflow demo``: the main job on bundled data."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import click

from dataflow_core.cli.planning import Asked, load_plan

if TYPE_CHECKING:
    from dataflow_core.engine.report import Report, Sample
    from dataflow_core.plugins import PluginManager

PIPELINE = "text/pretrain_filter"


@click.command("demo")
@click.option("--output", "-o", metavar="PATH", help="Where the cleaned texts go.")
@click.option(
    "--run-dir", metavar="DIR", help="The run directory; default: a new one in dataflow-runs/."
)
@click.pass_obj
def command(manager: PluginManager, output: str | None, run_dir: str | None) -> None:
    """Clean a bundled sample of web pages with text/pretrain_filter, and show what went and why."""
    from dataflow_core.engine import run_plan

    sample = resources.files("dataflow_core.demo") / "web_sample.jsonl"
    with resources.as_file(sample) as path:
        click.echo(f"dataflow run {PIPELINE} --input {path}\n")
        plan = load_plan(manager, Asked(PIPELINE, str(path)))
        report = run_plan(plan, output=output, run_dir=run_dir, notify=manager.notify)
    click.echo(_with_samples(report))


def _with_samples(report: Report) -> str:
    lines = [report.table(), "", "Some of what was dropped, and why:"]
    seen: set[tuple[str, str]] = set()
    for sample in report.samples:
        if (sample.step, sample.reason) not in seen and sample.text:
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
    text = " ".join((sample.text or "").split())
    shown = text if len(text) <= 76 else text[:75] + "…"
    value = f" ({sample.value})" if sample.value is not None else ""
    return [f"  {sample.step}: {sample.reason}{value}", f"    {shown}"]
