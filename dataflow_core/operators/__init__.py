"""What an operator's author imports."""

from dataflow_core.operators.base import Evaluator, Generator, Operator, Refiner
from dataflow_core.operators.columns import (
    AnyColumn,
    BooleanColumn,
    IntegerColumn,
    ListColumn,
    NumberColumn,
    TextColumn,
    TextOrNumberColumn,
)
from dataflow_core.operators.filters import BoundsFilter, Filter, truth
from dataflow_core.table.columns import Analysis, arrow_column
from dataflow_core.table.failures import RowFailure, ValueRefused
from dataflow_core.table.values import python_values

__all__ = [
    "Analysis",
    "AnyColumn",
    "BooleanColumn",
    "BoundsFilter",
    "Evaluator",
    "Filter",
    "Generator",
    "IntegerColumn",
    "ListColumn",
    "NumberColumn",
    "Operator",
    "Refiner",
    "RowFailure",
    "TextColumn",
    "TextOrNumberColumn",
    "ValueRefused",
    "arrow_column",
    "python_values",
    "truth",
]
