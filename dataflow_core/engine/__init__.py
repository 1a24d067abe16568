"""Engines run plans; `run_plan` is the one way in for Python and the command line.

Each name is imported when it is used, so that asking about runs stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_core.engine.estimate import Estimate, estimate_plan
    from dataflow_core.engine.local import LocalEngine
    from dataflow_core.engine.options import EngineOptions
    from dataflow_core.engine.progress import Update
    from dataflow_core.engine.report import Report
    from dataflow_core.engine.run import run_plan
    from dataflow_core.engine.rundir import RunDirectory

_HOMES = {
    "EngineOptions": "options",
    "Estimate": "estimate",
    "LocalEngine": "local",
    "Report": "report",
    "RunDirectory": "rundir",
    "Update": "progress",
    "estimate_plan": "estimate",
    "run_plan": "run",
}

__all__ = [
    "EngineOptions",
    "Estimate",
    "LocalEngine",
    "Report",
    "RunDirectory",
    "Update",
    "estimate_plan",
    "run_plan",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
