"""``dataflow plugins``: list, show and examine plugins."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.broken import warn_of_broken_plugins
from dataflow_core.cli.catalogue.listing import JSON, summary_of
from dataflow_core.cli.completion import words
from dataflow_core.cli.findings import CHECK_FAILED, write_findings
from dataflow_core.cli.output import write_json, write_table
from dataflow_core.errors import PluginError
from dataflow_core.plugins.doctor import Finding
from dataflow_core.plugins.manager import PluginManager
from dataflow_core.plugins.specs import CommandSpec

if TYPE_CHECKING:
    from dataflow_core.plugins import Claim, Plugin, PluginProblem, Registered


@click.group("plugins")
def command() -> None:
    """List, show and examine plugins."""


@command.command("list")
@JSON
@click.make_pass_decorator(PluginManager, ensure=True)
def list_plugins(manager: PluginManager, *, as_json: bool) -> None:
    """List the installed plugins, those that are broken or disabled too."""
    plugins = list(_all(manager))
    if as_json:
        write_json(plugins)
    else:
        header = ["NAMESPACE", "DISTRIBUTION", "VERSION", "STATUS", "REGISTERS"]
        write_table(header, [_row(plugin) for plugin in plugins])
    warn_of_broken_plugins(manager)


@command.command("show")
@click.argument("name", shell_complete=words.namespaces)
@JSON
@click.make_pass_decorator(PluginManager, ensure=True)
def show_plugin(manager: PluginManager, name: str, *, as_json: bool) -> None:
    """Show what one plugin registers, or why it could not be loaded."""
    found = [plugin for plugin in _all(manager) if plugin["namespace"] == name]
    if not found:
        manager.require_namespace(name)
        raise PluginError(f"no plugin {name!r}")
    shown = {**found[0], "specifications": _specifications(manager, name)}
    if as_json:
        write_json(shown)
    else:
        click.echo("\n".join(_text(shown)))


@command.command("doctor")
@click.argument("name", required=False, shell_complete=words.namespaces)
@JSON
def examine_plugins(name: str | None, *, as_json: bool) -> None:
    """Examine all plugins, or one, and say how to mend what is wrong.

    The exit code is 2 if anything does not work.
    """
    from dataflow_core.plugins.doctor import examine
    from dataflow_core.prompts.examination import prompt_findings

    findings = examine(PluginManager(strict=False), name, [prompt_findings, taken_names])
    if as_json:
        write_json([dataclasses.asdict(finding) for finding in findings])
    else:
        of = f"the plugin {name!r}" if name else "all plugins"
        write_findings(findings, f"All is well with {of}.")
    if any(finding.level == "error" for finding in findings):
        click.get_current_context().exit(CHECK_FAILED)


@command.command("check")
@click.argument("name", shell_complete=words.namespaces)
@JSON
def check_plugin(name: str, *, as_json: bool) -> None:
    """Check that a plugin, or one operator of it, does what the core and its users rely on.

    NAME is a plugin's namespace or an operator's full name. Its operators are made and run on a few
    rows; models are not asked, their answers are made up. The exit code is 2 if a check fails.
    """
    from dataflow_core.cli.conformance import report_of

    report = report_of(name)
    if as_json:
        write_json(report.as_dict())
    else:
        report.write()
    if report.fails:
        click.get_current_context().exit(CHECK_FAILED)


def taken_names(item: Registered[Any]) -> Iterator[Finding]:
    """Yield that a command has the name of one of the program's own."""
    from dataflow_core.cli.main import BUILT_INS

    name = item.spec.name.replace("_", "-")
    if isinstance(item.spec, CommandSpec) and any(
        name in commands for commands in BUILT_INS.values()
    ):
        yield Finding(
            level="warning",
            namespace=item.namespace,
            subject=item.full_name,
            cause=f"`dataflow {name}` is a command of the program itself",
            cure=f"Give it another name; until then, users call it as `dataflow {item.full_name}`.",
        )


def _all(manager: PluginManager) -> Iterator[dict[str, Any]]:
    """Yield a description of each plugin: the loaded, the broken, the disabled."""
    broken = {problem.namespace: problem for problem in manager.problems}
    for plugin in manager.plugins():
        problem = broken.pop(plugin.claim.namespace, None)
        yield {
            **_of_claim(plugin.claim, "loaded" if problem is None else "no longer observes"),
            "registers": _counts(plugin),
            "problem": _of_problem(problem),
        }
    for namespace, problem in broken.items():
        yield {
            "namespace": namespace,
            "distribution": problem.distribution,
            "version": problem.version,
            "status": "broken",
            "registers": {},
            "problem": _of_problem(problem),
        }
    for claim in manager.disabled():
        yield {**_of_claim(claim, "disabled"), "registers": {}, "problem": None}


def _of_claim(claim: Claim, status: str) -> dict[str, Any]:
    return {
        "namespace": claim.namespace,
        "distribution": claim.distribution,
        "version": claim.version,
        "module": claim.module,
        "status": status,
    }


def _counts(plugin: Plugin) -> dict[str, int]:
    return {f"{kind}s": len(items) for kind, items in plugin.registered.items() if items}


def _of_problem(problem: PluginProblem | None) -> dict[str, str] | None:
    if problem is None:
        return None
    return {"cause": problem.cause, "cure": problem.cure, "detail": problem.detail}


def _row(plugin: dict[str, Any]) -> list[str]:
    registers = plugin["registers"].items()
    counts = [f"{count} {kinds if count != 1 else kinds[:-1]}" for kinds, count in registers]
    said = ", ".join(counts) or (plugin["problem"] or {"cause": ""})["cause"]
    names = ("namespace", "distribution", "version", "status")
    return [*(plugin[name] for name in names), said]


def _specifications(manager: PluginManager, namespace: str) -> dict[str, list[dict[str, Any]]]:
    for plugin in manager.plugins():
        if plugin.claim.namespace == namespace:
            found = plugin.registered.items()
            return {f"{kind}s": [summary_of(item) for item in items] for kind, items in found}
    return {}


def _text(shown: dict[str, Any]) -> Iterator[str]:
    for name in ("namespace", "distribution", "version", "module", "status"):
        if name in shown:
            yield f"{name:<14}{shown[name]}"
    if problem := shown["problem"]:
        yield f"{'cause':<14}{problem['cause']}"
        yield f"{'cure':<14}{problem['cure']}"
        if problem["detail"]:
            yield f"\n{problem['detail'].rstrip()}"
    for kinds, specifications in shown["specifications"].items():
        yield f"\n{kinds.capitalize()}"
        width = max((len(item["name"]) for item in specifications), default=0)
        for item in specifications:
            yield f"  {item['name']:<{width}}  {item['summary']}"
