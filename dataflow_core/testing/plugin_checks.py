"""Checks of a plugin as a whole: its entry point, its hook module, all that it registers."""

from __future__ import annotations

from dataflow_core.errors import ConformanceError, PluginError
from dataflow_core.plugins import Finding, PluginManager, examine
from dataflow_core.prompts.examination import prompt_findings


def check_plugin(namespace: str, plugins: PluginManager | None = None) -> None:
    """Check a plugin as a whole.

    Its entry point names a hook module that imports nothing heavy, prints nothing and is quick; all
    specifications resolve, prompts are templates, extras are declared, and the installed core is
    one that it is made for. `check_operator` checks its operators.

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
    return [one for one in found if one.level != "note"]
