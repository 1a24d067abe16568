"""How commands write what an examination found: each finding with its cure, and the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dataflow_core.wording import counted

if TYPE_CHECKING:
    from dataflow_core.plugins import Finding

CHECK_FAILED = 2
"""The exit code where something does not work."""

_COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def write_findings(findings: Sequence[Finding], well: str) -> None:
    """Write what was found.

    Args:
        findings: What was found.
        well: What to say where nothing was; empty for nothing.
    """
    for finding in findings:
        write_finding(finding)
    counts = Counter(finding.level for finding in findings)
    told = ", ".join(counted(count, level) for level, count in counts.items())
    if told or well:
        click.echo(told or well)


def write_finding(finding: Finding) -> None:
    """Write one finding, with its cure and detail."""
    label = click.style(f"{finding.level}:", fg=_COLORS[finding.level], bold=True)
    subject = f"{finding.namespace}: {finding.subject}: "
    if finding.subject.startswith(f"{finding.namespace}/"):
        subject = f"{finding.subject}: "
    click.echo(f"{label} {subject}{finding.cause}\n  -> {finding.cure}")
    if finding.detail:
        click.echo("".join(f"     {line}\n" for line in finding.detail.splitlines()), nl=False)
