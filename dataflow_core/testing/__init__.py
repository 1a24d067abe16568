"""Doubles that make servings, operators and pipelines testable without a model.

`ScriptedServing` answers as a function or a table says; `CassetteServing` records a serving's
answers and plays them again; `server` is an OpenAI-compatible server with faults.
"""

from __future__ import annotations

from dataflow_core.testing.cassettes import CassetteServing
from dataflow_core.testing.scripted import ScriptedServing

__all__ = ["CassetteServing", "ScriptedServing"]
