"""Doubles that make servings, operators and pipelines testable without a model.

`ScriptedServing` answers as a function or a table says; `cassettes` record a serving's answers and
play them again; `server` is an OpenAI-compatible server with faults.
"""

from __future__ import annotations

from dataflow_core.testing.scripted import ScriptedServing

__all__ = ["ScriptedServing"]
