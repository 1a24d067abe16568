"""Former names that a plugin understands still, and those that were to be gone by now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataflow_core.deprecations import Former, by_former_name, former_names_of, overdue
from dataflow_core.plugins import PluginManager, Registered
from dataflow_core.plugins.catalogue import KINDS


def formers_of(item: Registered[Any], target: Any) -> Iterator[tuple[Former, str]]:
    """Yield former names of something registered, of its fields and columns, or its parameters.

    Args:
        item: What is registered.
        target: What its specification's target names.

    Yields:
        The former name, and the name now.
    """
    yield from ((one, item.full_name) for one in item.spec.aliases if isinstance(one, Former))
    for base in getattr(target, "__mro__", ()):
        yield from by_former_name(vars(base).get("former_names", {})).values()
    if isinstance(target, type):
        yield from by_former_name(former_names_of(target.__init__)).values()  # type: ignore[misc]


def late_names(manager: PluginManager, namespace: str) -> list[str]:
    """Return the former names that were to be gone in the version that is installed.

    Args:
        manager: The plugin manager.
        namespace: The plugin's namespace.
    """
    found = [one for kind in KINDS for one in manager.all_of(kind) if one.namespace == namespace]
    return [
        f"{former!s} of {item.full_name}, now {name} (to go in {former.removed_in})"
        for item in found
        for former, name in formers_of(item, manager.load(item))
        if overdue(former.removed_in, item.version)
    ]
