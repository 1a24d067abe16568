"""What ``dataflow plugins check`` tells: findings on a plugin, and checks of its operators."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from dataflow_core.cli.findings import write_finding
from dataflow_core.cli.output import write_table
from dataflow_core.plugins import Finding, PluginManager
from dataflow_core.testing.checks import CHECKS
from dataflow_core.testing.conformance import Result, check_all, subject_of
from dataflow_core.testing.plugin_checks import plugin_findings
from dataflow_core.wording import counted


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        namespace: The plugin.
        findings: What is wrong with it as a whole.
        results: What came of the checks of its operators.
    """

    namespace: str
    findings: Sequence[Finding]
    results: Sequence[Result]

    @property
    def fails(self) -> bool:
        """Whether anything is not as it should be."""
        return bool(self.findings) or any(one.outcome == "failed" for one in self.results)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "plugin": self.namespace,
            "passed": not self.fails,
            "findings": [dataclasses.asdict(one) for one in self.findings],
            "operators": [
                {
                    "operator": name,
                    "passed": _of(results, "passed"),
                    **{
                        outcome: {r.check: r.message for r in results if r.outcome == outcome}
                        for outcome in ("failed", "expected", "skipped")
                    },
                }
                for name, results in self._by_operator().items()
            ],
        }

    def write(self) -> None:
        """Write it as a table, with what failed below."""
        for one in self.findings:
            write_finding(one)
        by_operator = self._by_operator()
        rows = [_row(name, results) for name, results in by_operator.items()]
        if rows:
            write_table(["OPERATOR", "PASSED", "FAILED", "SKIPPED", "FIRST FAILURE"], rows)
        failed = [one for one in self.results if one.outcome == "failed"]
        for result in failed:
            summary = _summary(result.check)
            click.echo(f"\n{result.operator}, {result.check}: {summary}\n  {result.message}")
        for line in _skipped(self.results):
            click.echo(f"\n{line}")
        faults = [counted(len(self.findings), "finding")] if self.findings else []
        faults += [f"{counted(len(failed), 'check')} failed"] if failed else []
        told = ", ".join(faults) or "all is as it should be"
        click.echo(f"\n{self.namespace}: {counted(len(rows), 'operator')} checked; {told}.")

    def _by_operator(self) -> dict[str, list[Result]]:
        found: dict[str, list[Result]] = {}
        for one in self.results:
            found.setdefault(one.operator, []).append(one)
        return found


def report_of(name: str) -> Report:
    """Check a plugin, or one of its operators.

    Args:
        name: A namespace, or an operator's full name.

    Raises:
        PluginError: There is no such plugin or operator.
    """
    manager = PluginManager(strict=False)
    namespace = name.partition("/")[0]
    broken = {problem.namespace for problem in manager.problems}
    if namespace in broken:
        return Report(namespace, plugin_findings(namespace, manager), [])
    manager.require_namespace(namespace)
    if "/" in name:
        return Report(namespace, [], check_all([subject_of(manager.find("operator", name))]))
    subjects = [subject_of(one) for one in manager.operators() if one.namespace == namespace]
    results = check_all(subjects) if subjects else []
    return Report(namespace, plugin_findings(namespace, manager), results)


def _row(name: str, results: Sequence[Result]) -> list[str]:
    failed = [one for one in results if one.outcome == "failed"]
    passed = len(_of(results, "passed")) + len(_of(results, "expected"))
    skipped = len(_of(results, "skipped"))
    first = failed[0].check if failed else ""
    return [name, str(passed), str(len(failed)), str(skipped), first]


def _skipped(results: Sequence[Result]) -> Iterator[str]:
    """Yield why checks were skipped, once for each operator and reason."""
    reasons = Counter((one.operator, one.message) for one in results if one.outcome == "skipped")
    for (operator, message), count in reasons.items():
        why = message.removeprefix(f"{operator}: ")
        yield f"{operator}, {counted(count, 'check')} skipped: {why}"


def _of(results: Sequence[Result], outcome: str) -> list[str]:
    return [one.check for one in results if one.outcome == outcome]


def _summary(check: str) -> str:
    return next(one.summary for one in CHECKS if one.name == check)
