"""Plugins: what an author of a plugin imports, and the manager that finds plugins.

A hook module imports from here, and listing operators imports every hook module, so each name is
imported when it is first used: `dataflow_core.plugins` itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within=__name__)
