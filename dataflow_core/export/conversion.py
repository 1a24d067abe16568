"""Rows of a table into a training format, batch by batch: those that fit, and those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dataflow_core.export.misfit import Misfit
from dataflow_core.export.roles import Roles
from dataflow_core.export.training_format import TrainingFormat
from dataflow_core.table.types import is_json, json_array
from dataflow_core.table.values import python_values


@dataclass(frozen=True)
class Converted:
    """What became of the rows of a batch.

    Attributes:
        rows: The rows that fit, in the format.
        places: The number of each in the batch.
        misfits: Why others do not fit, by their number in the batch.
    """

    rows: list[dict[str, Any]]
    places: list[int]
    misfits: dict[int, Misfit]


def convert(
    form: TrainingFormat, roles: Roles, columns: Mapping[str, pa.ChunkedArray]
) -> Converted:
    """Return the rows of a batch in a format.

    Args:
        form: The format.
        roles: What plays its roles.
        columns: The columns of the batch, those of the roles at least.
    """
    names = list(roles.columns)
    cells = [python_values(columns[roles.columns[name]]) for name in names]
    rows, places, misfits = [], [], {}
    for place, values in enumerate(zip(*cells, strict=True)):
        try:
            row = form.row({**dict(zip(names, values, strict=True)), **roles.constants})
        except Misfit as misfit:
            misfits[place] = misfit
        else:
            rows.append(row)
            places.append(place)
    return Converted(rows, places, misfits)


def table_of_rows(form: TrainingFormat, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows in a format as an Arrow table of the format's types."""
    return pa.table(
        {name: cells_of([row[name] for row in rows], kind) for name, kind in form.columns().items()}
    )


def cells_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values as an Arrow array of a type."""
    return json_array(values) if is_json(kind) else pa.array(values, kind)
