"""``dataflow doctor``: examine the installation, or what it would download."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.catalogue.listing import JSON
from dataflow_core.cli.findings import CHECK_FAILED, write_findings
from dataflow_core.cli.output import write_json
from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    from dataflow_core.plugins import Finding


@click.command("doctor")
@click.option(
    "--offline",
    is_flag=True,
    help="List every file that an installed operator, serving, storage or pipeline may download, "
    "and whether it is here.",
)
@JSON
@click.pass_context
def command(context: click.Context, *, offline: bool, as_json: bool) -> None:
    """Examine this installation: versions, extras, plugins, models, keys, folders and memory.

    Each problem is named with what mends it. The exit code is 2 if anything does not work; with
    --offline, if anything that may be needed is not here. Nothing is downloaded.
    """
    manager = PluginManager(strict=False)
    told, findings = _offline(manager) if offline else _installation(manager)
    if as_json:
        write_json({**told, "findings": [dataclasses.asdict(one) for one in findings]})
    else:
        from dataflow_core.cli.doctor.texts import installation_lines, offline_lines

        lines = offline_lines(told) if offline else installation_lines(told)
        click.echo("\n".join(lines))
        if offline:  # what is missing has been told already
            write_findings([one for one in findings if one.level != "error"], "")
        else:
            write_findings(findings, "All is well.")
    if any(finding.level == "error" for finding in findings):
        context.exit(CHECK_FAILED)


def _offline(manager: PluginManager) -> tuple[dict[str, Any], list[Finding]]:
    from dataflow_core.cli.doctor.loading import downloads

    needed, findings = downloads(manager)
    return {"downloads": [one.as_dict() for one in needed]}, findings


def _installation(manager: PluginManager) -> tuple[dict[str, Any], list[Finding]]:
    from dataflow_core.cli.doctor import loading, machine, names, versions
    from dataflow_core.cli.models import described_models
    from dataflow_core.cli.plugins import taken_names
    from dataflow_core.plugins.doctor import Finding, examine, worst_first
    from dataflow_core.prompts.examination import prompt_findings

    told: dict[str, Any] = {
        "program": versions.program(),
        "plugins": versions.plugins(manager),
        "requirements": versions.requirements(manager),
        "extras": versions.extras(manager),
        "models": described_models(),
        "keys": loading.keys(manager),
        "folders": machine.folders(),
        "machine": machine.machine(),
        "names": names.owners(),
    }
    findings = [
        *versions.findings(manager, told["requirements"], told["extras"]),
        *names.findings(told["names"]),
        *machine.findings(told["folders"]),
        *examine(manager, None, [prompt_findings, taken_names]),
    ]
    findings += [
        Finding(
            level="error",
            namespace="core",
            subject=f"the model {model['name']}",
            cause=f"{model['path']} is damaged: {model['problem']}",
            cure=f"dataflow models fetch {model['name']}",
        )
        for model in told["models"]
        if model["status"] == "damaged"
    ]
    return told, worst_first(findings)
