"""Doubles that make servings, operators and pipelines testable without a model.

`ScriptedServing` answers as a function or a table says; `CassetteServing` records a serving's
answers and plays them again; `FaultServer` is an OpenAI-compatible server that fails as it is told.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_core.testing.cassettes import CassetteServing
    from dataflow_core.testing.scripted import ScriptedServing
    from dataflow_core.testing.server import Faults, FaultServer
    from dataflow_core.testing.surface import check_surface, surface_of

_HOMES = {
    "CassetteServing": "dataflow_core.testing.cassettes",
    "FaultServer": "dataflow_core.testing.server",
    "Faults": "dataflow_core.testing.server",
    "ScriptedServing": "dataflow_core.testing.scripted",
    "check_surface": "dataflow_core.testing.surface",
    "surface_of": "dataflow_core.testing.surface",
}

__all__ = [
    "CassetteServing",
    "FaultServer",
    "Faults",
    "ScriptedServing",
    "check_surface",
    "surface_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
