"""DataFlow: generate, evaluate, filter and refine training data for language models, reproducibly.

Importing this package imports nothing else; each public name is imported when it is used, so that
the command line and plugins' hook modules stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.errors import DataflowError
    from dataflow_core.operators.base import Evaluator, Generator, Operator, Refiner
    from dataflow_core.operators.filters import Filter
    from dataflow_core.pipeline.base import Pipeline
    from dataflow_core.storage.base import Storage
    from dataflow_core.storage.file import FileStorage
    from dataflow_core.storage.memory import MemoryStorage
    from dataflow_core.storage.repeated import RepeatedStorage

__version__ = "0.1.0"

_HOMES = {
    "DataflowError": "dataflow_core.errors",
    "Evaluator": "dataflow_core.operators.base",
    "FileStorage": "dataflow_core.storage.file",
    "Filter": "dataflow_core.operators.filters",
    "Generator": "dataflow_core.operators.base",
    "MemoryStorage": "dataflow_core.storage.memory",
    "Operator": "dataflow_core.operators.base",
    "Pipeline": "dataflow_core.pipeline.base",
    "Refiner": "dataflow_core.operators.base",
    "RepeatedStorage": "dataflow_core.storage.repeated",
    "Storage": "dataflow_core.storage.base",
}

__all__ = [
    "DataflowError",
    "Evaluator",
    "FileStorage",
    "Filter",
    "Generator",
    "MemoryStorage",
    "Operator",
    "Pipeline",
    "Refiner",
    "RepeatedStorage",
    "Storage",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, besides=["__version__"])
