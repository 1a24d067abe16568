"""Engines run plans; `run_plan` is the one way in for Python and the command line.

Each name is imported when it is used, so that asking about runs stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within=__name__)
