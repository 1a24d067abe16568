"""Versions: of Python, the core, its plugins, and what they require, and which extras are here."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataflow_core
from dataflow_core.plugins.discovery import CORE_DISTRIBUTION
from dataflow_core.plugins.doctor import Finding
from dataflow_core.plugins.requirements import (
    added_by,
    applying,
    extras_of,
    requirement_lines,
    version_of,
)

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from dataflow_core.plugins import PluginManager


def program() -> dict[str, str]:
    """Return what Python this is, and which core."""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        CORE_DISTRIBUTION: dataflow_core.__version__,
        "folder": str(Path(dataflow_core.__file__).parent),
    }


def plugins(manager: PluginManager) -> list[dict[str, str]]:
    """Return the installed plugins, those that are broken or disabled too."""
    broken = {one.namespace: one for one in manager.problems}
    claims = [(one.claim, "loaded") for one in manager.plugins()]
    claims += [(claim, "disabled") for claim in manager.disabled()]
    told = [
        _plugin(claim.namespace, claim.distribution, claim.version, state)
        for claim, state in claims
        if claim.namespace not in broken
    ]
    told += [
        _plugin(one.namespace, one.distribution, one.version, "broken") for one in broken.values()
    ]
    return told


def distributions(manager: PluginManager) -> dict[str, str]:
    """Return the namespace of each distribution whose requirements count: the core, the plugins."""
    return {CORE_DISTRIBUTION: "core"} | {
        plugin.claim.distribution: plugin.claim.namespace for plugin in manager.plugins()
    }


def requirements(manager: PluginManager) -> list[dict[str, Any]]:
    """Return what is always required: the version that is here, and whether it is one wanted."""
    return [
        {"needed_by": distribution, **_standing(item)}
        for distribution in distributions(manager)
        for item in applying(requirement_lines(distribution))
    ]


def extras(manager: PluginManager) -> list[dict[str, Any]]:
    """Return the extras of the core and the plugins: what of each is missing, and how to get it."""
    return [
        _extra(distribution, extra)
        for distribution in distributions(manager)
        for extra in sorted(extras_of(distribution))
    ]


def findings(
    manager: PluginManager,
    required: Iterable[dict[str, Any]],
    of_extras: Iterable[dict[str, Any]],
) -> Iterator[Finding]:
    """Yield what is wrong with what is required, and with what of an extra is here.

    Args:
        manager: The plugin manager.
        required: What `requirements` tells.
        of_extras: What `extras` tells.
    """
    namespaces = distributions(manager)
    for one in required:
        if not one["met"]:
            yield _unmet(one, namespaces[one["needed_by"]], one["needed_by"], "error")
    for extra in of_extras:
        for one in extra["requirements"]:
            if one["installed"] is not None and not one["met"]:
                wanted = f"{extra['distribution']}[{extra['extra']}]"
                yield _unmet(one, namespaces[extra["distribution"]], wanted, "warning")


def _plugin(namespace: str, distribution: str, version: str, state: str) -> dict[str, str]:
    return {
        "namespace": namespace,
        "distribution": distribution,
        "version": version,
        "state": state,
    }


def _standing(item: Requirement) -> dict[str, Any]:
    installed = version_of(item.name)
    met = installed is not None and item.specifier.contains(installed, prereleases=True)
    return {
        "name": item.name,
        "wanted": str(item.specifier) or "any",
        "installed": installed,
        "met": met,
    }


def _extra(distribution: str, extra: str) -> dict[str, Any]:
    standings = [_standing(item) for item in added_by(distribution, extra)]
    return {
        "distribution": distribution,
        "extra": extra,
        "installed": all(one["installed"] is not None for one in standings),
        "missing": [one["name"] for one in standings if one["installed"] is None],
        "requirements": standings,
        "install": f"pip install '{distribution}[{extra}]'",
    }


def _unmet(one: dict[str, Any], namespace: str, by: str, level: Any) -> Finding:
    found = "not installed" if one["installed"] is None else f"found {one['installed']}"
    wanted = one["name"] if one["wanted"] == "any" else f"{one['name']}{one['wanted']}"
    return Finding(
        level=level,
        namespace=namespace,
        subject=one["name"],
        cause=f"{by} requires {wanted}, {found}",
        cure=f"pip install '{wanted}'",
    )
