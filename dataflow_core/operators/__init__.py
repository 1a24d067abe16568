"""What an operator's author imports; each name is imported when it is used.

`Operator` and its four functions; what columns must hold; filters, dataset operators in two phases,
and operators that ask a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.deprecations import Former
    from dataflow_core.operators.base import Evaluator, Generator, Operator, Refiner
    from dataflow_core.operators.cells import set_aside
    from dataflow_core.operators.columns import (
        AnyColumn,
        BooleanColumn,
        ColumnKind,
        IntegerColumn,
        ListColumn,
        NumberColumn,
        TextColumn,
        TextOrNumberColumn,
    )
    from dataflow_core.operators.dataset import DatasetEvaluator, DatasetFilter, TwoPhase
    from dataflow_core.operators.expressions import Expression
    from dataflow_core.operators.filters import BoundsFilter, Filter, truth
    from dataflow_core.operators.general.hashing import first_of_equals, row_digests
    from dataflow_core.operators.prompted import Prompted, SamplingChanges
    from dataflow_core.operators.retrievers import Retriever
    from dataflow_core.table.columns import Analysis, arrow_column, as_floats, as_series, to_arrow
    from dataflow_core.table.failures import RowFailure, ValueRefused
    from dataflow_core.table.values import python_values

_HOMES = {
    "Analysis": "table.columns",
    "AnyColumn": "operators.columns",
    "BooleanColumn": "operators.columns",
    "BoundsFilter": "operators.filters",
    "ColumnKind": "operators.columns",
    "DatasetEvaluator": "operators.dataset",
    "DatasetFilter": "operators.dataset",
    "Evaluator": "operators.base",
    "Expression": "operators.expressions",
    "Filter": "operators.filters",
    "Former": "deprecations",
    "Generator": "operators.base",
    "IntegerColumn": "operators.columns",
    "ListColumn": "operators.columns",
    "NumberColumn": "operators.columns",
    "Operator": "operators.base",
    "Prompted": "operators.prompted",
    "Refiner": "operators.base",
    "Retriever": "operators.retrievers",
    "RowFailure": "table.failures",
    "SamplingChanges": "operators.prompted",
    "TextColumn": "operators.columns",
    "TextOrNumberColumn": "operators.columns",
    "TwoPhase": "operators.dataset",
    "ValueRefused": "table.failures",
    "arrow_column": "table.columns",
    "as_floats": "table.columns",
    "as_series": "table.columns",
    "first_of_equals": "operators.general.hashing",
    "python_values": "table.values",
    "row_digests": "operators.general.hashing",
    "set_aside": "operators.cells",
    "to_arrow": "table.columns",
    "truth": "operators.filters",
}

__all__ = [
    "Analysis",
    "AnyColumn",
    "BooleanColumn",
    "BoundsFilter",
    "ColumnKind",
    "DatasetEvaluator",
    "DatasetFilter",
    "Evaluator",
    "Expression",
    "Filter",
    "Former",
    "Generator",
    "IntegerColumn",
    "ListColumn",
    "NumberColumn",
    "Operator",
    "Prompted",
    "Refiner",
    "Retriever",
    "RowFailure",
    "SamplingChanges",
    "TextColumn",
    "TextOrNumberColumn",
    "TwoPhase",
    "ValueRefused",
    "arrow_column",
    "as_floats",
    "as_series",
    "first_of_equals",
    "python_values",
    "row_digests",
    "set_aside",
    "to_arrow",
    "truth",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within="dataflow_core")
