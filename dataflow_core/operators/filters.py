"""Filters: operators that drop rows, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import model_validator

from dataflow_core.operators.base import Evaluator, Function, Operator
from dataflow_core.serving.messages import is_null
from dataflow_core.storage.base import Storage
from dataflow_core.table.columns import arrow_column, as_floats


class Filter(Operator):
    """An operator that keeps some rows and drops the others with a reason.

    Example:
        >>> class ShortEnough(Filter):
        ...     '''Keep texts of at most ``limit`` characters.'''
        ...
        ...     limit: int = 1000
        ...
        ...     def run(self, storage: Storage, input_text: str = "text") -> None:
        ...         lengths = storage.read([input_text])[input_text].str.len()
        ...         self.keep(storage, lengths <= self.limit, reason="too_long", value=lengths)
    """

    function: ClassVar[Function] = "filter"

    def keep(
        self,
        storage: Storage,
        keep: pd.Series,
        *,
        reason: str | Sequence[str] | pd.Series | None = None,
        value: pd.Series | None = None,
    ) -> None:
        """Drop the rows where ``keep`` is not true.

        Args:
            storage: The storage of `run`.
            keep: Booleans indexed by row id; null counts as false.
            reason: Why rows go, one for all or a Series like ``keep``; default: the operator's
                name.
            value: The measure that decided, a Series like ``keep``.
        """
        dropped = ~truth(keep)
        rows = keep.index[dropped]
        storage.drop(
            rows,
            _where(reason, dropped) if reason is not None else self.step_name(),
            value=None if value is None else _where(value, dropped),
        )


class BoundsFilter(Filter):
    """A filter that runs an evaluator and keeps the rows whose measure lies within bounds.

    The measure stays as a column. A row whose measure is null (of a null text, say) is dropped with
    reason ``"no_value"``.

    Class attributes:
        evaluator: The evaluator's class; fields of the same name are passed to it.

    Attributes:
        min_value: The smallest measure kept; None for no bound.
        max_value: The largest measure kept; None for no bound.
    """

    evaluator: ClassVar[type[Evaluator]]

    min_value: float | None = None
    max_value: float | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "evaluator" in cls.__dict__ and "needs" not in cls.__dict__:
            cls.needs = cls.evaluator.needs

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.min_value, self.max_value
        if low is not None and high is not None and low > high:
            raise ValueError(f"min_value ({low}) is larger than max_value ({high})")
        return self

    def keep_within_bounds(self, storage: Storage, output: str, **bindings: Any) -> None:
        """Measure with the evaluator, then drop the rows outside the bounds.

        Args:
            storage: The storage of `run`.
            output: The column that holds the measure.
            **bindings: The evaluator's columns.
        """
        self.make_evaluator().run(storage, **bindings)
        measure = arrow_column(storage.read([output])[output])
        self.drop_outside(storage, output, measure)

    def make_evaluator(self) -> Evaluator:
        """Return the evaluator, configured by the fields that it shares with this filter."""
        shared = type(self).model_fields.keys() & self.evaluator.model_fields.keys()
        return self.evaluator(**{name: getattr(self, name) for name in shared})

    def drop_outside(
        self,
        storage: Storage,
        name: str,
        measure: pa.Array,
        spared: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Drop the rows whose measure lies outside the bounds.

        Args:
            storage: The storage of `run`.
            name: The measure's name in the report.
            measure: The measure of each row; null or NaN for none.
            spared: Rows to keep whatever their measure.
        """
        low = -np.inf if self.min_value is None else self.min_value
        high = np.inf if self.max_value is None else self.max_value
        numbers = as_floats(measure)
        storage.observe(name, numbers, low=self.min_value, high=self.max_value)
        outside = ~((numbers >= low) & (numbers <= high))
        if spared is not None:
            outside &= ~spared
        if not outside.any():
            return
        gone = numbers[outside]
        reasons = np.where(gone < low, "below_minimum", "above_maximum")
        reasons = np.where(np.isnan(gone), "no_value", reasons)
        values = gone.tolist()
        if pa.types.is_integer(measure.type):
            values = measure.filter(pa.array(outside)).to_pylist()
        for position in np.flatnonzero(np.isnan(gone)).tolist():
            values[position] = None
        storage.drop(storage.row_ids()[outside], reasons.tolist(), value=values)


def truth(mask: pd.Series) -> npt.NDArray[np.bool_]:
    """Return a column of booleans as a numpy mask in which null is false."""
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False))


def _where(values: Any, mask: npt.NDArray[np.bool_]) -> Any:
    if isinstance(values, pd.Series):
        return [None if is_null(value) else value for value in values[mask]]
    if isinstance(values, str):
        return values
    return [value for value, wanted in zip(values, mask, strict=True) if wanted]
