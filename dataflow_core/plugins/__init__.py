"""Plugins: what an author of a plugin imports, and the manager that finds plugins.

A hook module imports from here, and listing operators imports every hook module, so each name is
imported when it is first used: `dataflow_core.plugins` itself costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_core.plugins.catalogue import Kind, Plugin, Registered
    from dataflow_core.plugins.discovery import Claim
    from dataflow_core.plugins.doctor import Finding, examine
    from dataflow_core.plugins.hookspecs import hookimpl
    from dataflow_core.plugins.manager import PluginManager
    from dataflow_core.plugins.problems import PluginProblem
    from dataflow_core.plugins.specs import (
        CommandSpec,
        EngineSpec,
        OperatorSpec,
        PipelineSpec,
        PromptSpec,
        ServingSpec,
        Spec,
        StorageSpec,
        TemplateSpec,
    )

_HOMES = {
    "Claim": "discovery",
    "CommandSpec": "specs",
    "EngineSpec": "specs",
    "Finding": "doctor",
    "Kind": "catalogue",
    "OperatorSpec": "specs",
    "PipelineSpec": "specs",
    "Plugin": "catalogue",
    "PluginManager": "manager",
    "PluginProblem": "problems",
    "PromptSpec": "specs",
    "Registered": "catalogue",
    "ServingSpec": "specs",
    "Spec": "specs",
    "StorageSpec": "specs",
    "TemplateSpec": "specs",
    "examine": "doctor",
    "hookimpl": "hookspecs",
}

__all__ = [
    "Claim",
    "CommandSpec",
    "EngineSpec",
    "Finding",
    "Kind",
    "OperatorSpec",
    "PipelineSpec",
    "Plugin",
    "PluginManager",
    "PluginProblem",
    "PromptSpec",
    "Registered",
    "ServingSpec",
    "Spec",
    "StorageSpec",
    "TemplateSpec",
    "examine",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
