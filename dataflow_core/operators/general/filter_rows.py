"""Keep the rows for which an expression over their columns is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
from pydantic import Field, field_validator

from dataflow_core.errors import ExpressionError
from dataflow_core.operators.expressions import Expression, columns_for
from dataflow_core.operators.filters import Filter
from dataflow_core.storage.base import Bindings, Storage


class FilterRows(Filter):
    """Keep the rows for which a condition over their columns holds.

    The condition is an SQL expression (`dataflow_core.operators.expressions`): comparison, ``AND``,
    ``OR``, ``NOT``, ``IN``, ``BETWEEN``, ``IS NULL``, ``LIKE``, arithmetic, ``CASE``, ``CAST`` and
    functions such as ``len``, ``contains`` and ``regexp_matches``. As in SQL, a comparison with
    null is null, and such a row is dropped with reason ``"condition_is_null"``; the others with
    ``"condition_is_false"``. A row with a value on which the condition fails, such as a ``CAST`` of
    ``'abc'`` to a number, goes to quarantine in a run.

    Attributes:
        where: The condition.
        reason: The reason for which rows are dropped, a word such as ``"no_page"``; None for those
            above.

    Raises:
        ExpressionError: The condition does not parse or does not fit the columns.
        ColumnError: It names a column that is not there.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"n": 1, "lang": "en"}, {"n": 5, "lang": "en"}])
        >>> FilterRows(where="n >= 3 AND lang IN ('en', 'de')").run(table)
        >>> table.rows()
        [{'n': 5, 'lang': 'en'}]
    """

    modality: ClassVar = "any"

    where: str
    reason: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("where")
    @classmethod
    def _parses(cls, where: str) -> str:
        _ = Expression(where).columns
        return where

    def run(self, storage: Storage) -> None:
        """Drop the rows for which the condition does not hold."""
        verdict = self.verdict(storage)
        unknown = pc.is_null(verdict).to_numpy(zero_copy_only=False)
        reasons = np.where(unknown, "condition_is_null", "condition_is_false")
        index = pd.Index(storage.row_ids())
        self.keep(
            storage,
            pd.Series(pc.fill_null(verdict, False).to_numpy(zero_copy_only=False), index=index),
            reason=self.reason or pd.Series(reasons, index=index, dtype=object),
        )

    def verdict(self, storage: Storage) -> pa.Array:
        """Return what the condition says of each row, as booleans and nulls.

        Args:
            storage: The rows.

        Raises:
            ExpressionError: It is no condition, or does not fit the columns.
        """
        condition = Expression(self.where)
        table = storage.read(condition.columns)
        verdict = condition.evaluate(columns_for(condition.columns, table), len(table))
        self._require_condition(verdict.type)
        return pc.cast(verdict, pa.bool_())  # A column of nulls has no type.

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the condition does not fit the columns, or is none."""
        try:
            self._require_condition(Expression(self.where).known_type(columns) or pa.null())
        except ExpressionError as error:
            return [str(error)]
        return []

    def _require_condition(self, kind: pa.DataType) -> None:
        if not (pat.is_boolean(kind) or pat.is_null(kind)):
            raise ExpressionError(f"{self.where!r} is {kind}, not a condition. Compare it.")

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that the condition names."""
        return {"where": Expression(self.where).columns}
