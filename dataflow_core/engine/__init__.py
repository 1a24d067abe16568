"""Engines run plans; `run_plan` is the one way in for Python and the command line."""

from dataflow_core.engine.local import EngineOptions, LocalEngine
from dataflow_core.engine.report import Report
from dataflow_core.engine.run import run_plan
from dataflow_core.engine.rundir import RunDirectory

__all__ = ["EngineOptions", "LocalEngine", "Report", "RunDirectory", "run_plan"]
