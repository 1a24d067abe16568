"""Doubles that make servings, operators and pipelines testable without a model.

`ScriptedServing` answers as a function or a table says; `cassettes` record a serving's answers and
play them again; `FaultServer` is an OpenAI-compatible server with faults.

Each name is imported when it is used, so that the server starts without the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_core.testing.scripted import ScriptedServing
    from dataflow_core.testing.server import Faults, FaultServer

_HOMES = {"FaultServer": "server", "Faults": "server", "ScriptedServing": "scripted"}

__all__ = ["FaultServer", "Faults", "ScriptedServing"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
