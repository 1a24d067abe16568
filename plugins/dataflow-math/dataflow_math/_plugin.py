"""What this plugin registers; it imports no operator."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, hookimpl
from dataflow_math.registered import answers

OPERATORS = (*answers.OPERATORS,)


@hookimpl
def dataflow_register_operators() -> list[OperatorSpec]:
    """Register the operators for mathematics."""
    return list(OPERATORS)
