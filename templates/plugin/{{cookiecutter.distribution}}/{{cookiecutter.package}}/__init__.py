"""{{ cookiecutter.description | sentence }}"""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Import a class that the plugin registers when it is first used."""
    homes = _homes()
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """Return the module of each operator and pipeline."""
    plugin = importlib.import_module(f"{__name__}._plugin")
    hooks = ("dataflow_register_operators", "dataflow_register_pipelines")
    specs = [spec for hook in hooks if hasattr(plugin, hook) for spec in getattr(plugin, hook)()]
    targets = (spec.target.partition(":") for spec in specs)
    return {name: module for module, _, name in targets}
