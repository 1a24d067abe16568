"""The evaluators."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec

OPERATORS: tuple[OperatorSpec, ...] = ()
