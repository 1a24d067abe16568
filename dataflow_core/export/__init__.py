"""Training data in the formats that training libraries read: conversions of rows, and files.

`format_called` returns a format, a pure conversion of the cells of a row; `assign_roles` finds
which columns play its roles; `export` writes files. ``dataflow export`` and
``core/format_training`` share them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.export.formats import FORMATS, format_called
    from dataflow_core.export.misfit import Misfit
    from dataflow_core.export.roles import Roles, assign_roles
    from dataflow_core.export.row_source import RowBatch, RowSource, StorageRows
    from dataflow_core.export.training_format import TrainingFormat
    from dataflow_core.export.writing import ExportOptions, ExportSummary, export

_FILES = {
    "ExportOptions": "writing",
    "ExportSummary": "writing",
    "FORMATS": "formats",
    "Misfit": "misfit",
    "Roles": "roles",
    "RowBatch": "row_source",
    "RowSource": "row_source",
    "StorageRows": "row_source",
    "TrainingFormat": "training_format",
    "assign_roles": "roles",
    "export": "writing",
    "format_called": "formats",
}

__all__ = [
    "FORMATS",
    "ExportOptions",
    "ExportSummary",
    "Misfit",
    "Roles",
    "RowBatch",
    "RowSource",
    "StorageRows",
    "TrainingFormat",
    "assign_roles",
    "export",
    "format_called",
]

__getattr__, __dir__ = lazy_names(__name__, _FILES, within=__name__)
