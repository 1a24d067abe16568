"""Checks of a plugin as a whole: its entry point, its hook module, all that it registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataflow_core.errors import ConformanceError, PluginError
from dataflow_core.plugins import Finding, PluginManager, Registered, examine
from dataflow_core.plugins.catalogue import Plugin
from dataflow_core.plugins.discovery import CORE_DISTRIBUTION, normalized
from dataflow_core.plugins.requirements import lacking, metadata_of, requirement_lines
from dataflow_core.prompts.examination import prompt_findings
from dataflow_core.testing.spec_examples import example_names, example_of


def check_plugin(namespace: str, plugins: PluginManager | None = None) -> None:
    """Check a plugin as a whole.

    Its entry point names a hook module that imports nothing heavy, prints nothing and is quick; all
    that it registers can be imported, prompts are templates, extras are declared; it requires a
    version of the core, and the installed one is such; examples that it names are there.
    `check_operator` checks its operators.

    Args:
        namespace: The plugin's namespace.
        plugins: Where to look; None for all that is installed.

    Raises:
        ConformanceError: Something is not as it should be; the message lists all of it.

    Example:
        >>> check_plugin("core")
    """
    found = plugin_findings(namespace, plugins)
    if found:
        lines = "\n".join(f"  {one.subject}: {one.cause}. {one.cure}" for one in found)
        raise ConformanceError(f"the plugin {namespace!r} is not as it should be:\n{lines}")


def plugin_findings(namespace: str, plugins: PluginManager | None = None) -> list[Finding]:
    """Return what is wrong with a plugin as a whole; notes, which are no faults, apart.

    Args:
        namespace: The plugin's namespace.
        plugins: Where to look; None for all that is installed.

    Raises:
        ConformanceError: There is no such plugin.
    """
    manager = plugins or PluginManager(strict=False)
    try:
        found = examine(manager, namespace, [prompt_findings])
    except PluginError as error:
        raise ConformanceError(str(error)) from error
    findings = [one for one in found if one.level != "note"]
    told = {one.subject for one in findings}
    for plugin in manager.plugins():
        if plugin.claim.namespace == namespace:
            findings += _required(plugin)
            findings += (one for one in _unimportable(plugin, manager) if one.subject not in told)
            findings += _examples(plugin)
    return findings


def _required(plugin: Plugin) -> Iterator[Finding]:
    """Find that a distribution does not say from which version of the core on it works."""
    from packaging.requirements import Requirement

    claim = plugin.claim
    if claim.distribution == CORE_DISTRIBUTION or metadata_of(claim.distribution) is None:
        return
    lines = requirement_lines(claim.distribution)
    cores = [one for one in map(Requirement, lines) if normalized(one.name) == CORE_DISTRIBUTION]
    bounded = {bound.operator for one in cores for bound in one.specifier}
    if not bounded & {">=", ">", "~=", "=="}:
        cause = f"it does not say from which version of {CORE_DISTRIBUTION} on it works"
        cure = f'Add "{CORE_DISTRIBUTION}>=VERSION" to the dependencies in its pyproject.toml.'
        yield _fault(claim.namespace, claim.distribution, cause, cure)


def _unimportable(plugin: Plugin, manager: PluginManager) -> Iterator[Finding]:
    """Find targets that cannot be imported, although their extras are installed."""
    for items in plugin.registered.values():
        for item in items:
            if _is_installed(item):
                try:
                    manager.load(item)
                except PluginError as error:
                    yield _fault(item.namespace, item.full_name, str(error), "See the cause.")


def _examples(plugin: Plugin) -> Iterator[Finding]:
    """Find examples that are not there, or are of no operator."""
    specs = plugin.registered.get("operator", ())
    known = {name for item in specs for name in (item.spec.name, item.full_name)}
    seen: set[str] = set()
    for item in specs:
        try:
            example_of(item)
            strangers = set(example_names(item)) - known - seen
        except ConformanceError as error:
            yield _fault(item.namespace, item.full_name, str(error), "Correct the specification.")
            continue
        seen |= strangers
        for name in sorted(strangers):
            cause = f"{item.spec.example} has an example of {name!r}, which is not registered"
            yield _fault(item.namespace, item.spec.example, cause, "Correct the name.")


def _is_installed(item: Registered[Any]) -> bool:
    return item.spec.extra is None or not lacking(item.distribution, item.spec.extra)


def _fault(namespace: str, subject: str, cause: str, cure: str) -> Finding:
    return Finding(level="error", namespace=namespace, subject=subject, cause=cause, cure=cure)
