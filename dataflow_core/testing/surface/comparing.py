"""Compare a distribution's public surface with the file in which it is written down."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from dataflow_core.plugins import PluginManager
from dataflow_core.testing.surface.core import core_lines, public_classes
from dataflow_core.testing.surface.formers import late_names
from dataflow_core.testing.surface.objects import module_lines
from dataflow_core.testing.surface.registered import registered_lines

CORE = "core"
COMMAND = "python -m dataflow_core.testing.surface"


def surface_of(namespace: str, manager: PluginManager | None = None) -> str:
    """Return the public surface of the core or of a plugin, as text.

    Args:
        namespace: The plugin's namespace, or ``"core"``.
        manager: The plugin manager; default: one that sees what is installed.

    Raises:
        PluginError: The plugin cannot be loaded.
    """
    manager = manager or PluginManager(discover=namespace != CORE)
    lines = [
        f"# The public surface of {namespace!r}, written by: {COMMAND} {namespace}",
        *_lines(namespace, manager),
    ]
    return "\n".join(lines) + "\n"


def check_surface(namespace: str, path: Path, manager: PluginManager | None = None) -> None:
    """Compare the public surface of the core or of a plugin with what a file has written down.

    Args:
        namespace: The plugin's namespace, or ``"core"``.
        path: The file.
        manager: The plugin manager; default: one that sees what is installed.

    Raises:
        AssertionError: They differ, and the message has the lines, and says what to do; or a former
            name is understood in the version that was to drop it.
    """
    manager = manager or PluginManager(discover=namespace != CORE)
    kept = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = surface_of(namespace, manager)
    if late := late_names(manager, namespace):
        raise AssertionError(f"remove what was to go in this version: {'; '.join(late)}")
    if kept == found:
        return
    lines = difflib.unified_diff(
        kept.splitlines(), found.splitlines(), str(path), "now", n=1, lineterm=""
    )
    changes = "\n".join(lines)
    raise AssertionError(
        f"the public surface of {namespace!r} has changed:\n{changes}\n\n"
        "What is new (+): write a line in the changelog. What is gone or changed (-): keep it "
        "working for the versions that docs/compatibility.md promises, with a deprecation "
        "(dataflow_core.deprecations), and write that in the changelog too. Then write the file "
        f"anew: {COMMAND} {namespace} > {path}"
    )


def _lines(namespace: str, manager: PluginManager) -> Iterator[str]:
    if namespace == CORE:
        yield from core_lines(manager)
    else:
        manager.require_namespace(namespace)
        claims = {plugin.claim.namespace: plugin.claim for plugin in manager.plugins()}
        package = claims[namespace].module.partition(".")[0]
        if hasattr(importlib.import_module(package), "__all__"):
            yield from module_lines(package, public_classes(), _registered(namespace, manager))
    yield from registered_lines(manager, namespace)


def _registered(namespace: str, manager: PluginManager) -> dict[type, str]:
    """Return a plugin's registered classes, with their full names."""
    found = [*manager.operators(), *manager.pipelines(), *manager.storages(), *manager.servings()]
    own = [(manager.load(one), one.full_name) for one in found if one.namespace == namespace]
    return {target: name for target, name in own if inspect.isclass(target)}
