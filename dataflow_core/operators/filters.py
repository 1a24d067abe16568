"""Filters: operators that drop rows, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import model_validator

from dataflow_core.operators.base import Evaluator, Function, Operator
from dataflow_core.storage.base import Storage


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
        measure = storage.read([output])[output]
        self.keep(
            storage,
            pd.Series(self.within(measure), index=measure.index),
            reason=self.reasons(measure),
            value=measure,
        )

    def make_evaluator(self) -> Evaluator:
        """Return the evaluator, configured by the fields that it shares with this filter."""
        shared = type(self).model_fields.keys() & self.evaluator.model_fields.keys()
        return self.evaluator(**{name: getattr(self, name) for name in shared})

    def within(self, measure: pd.Series) -> npt.NDArray[np.bool_]:
        """Tell for each measure whether it lies within the bounds; null does not."""
        values = measure.to_numpy(dtype=np.float64, na_value=np.nan)
        inside: npt.NDArray[np.bool_] = ~np.isnan(values)
        if self.min_value is not None:
            inside &= values >= self.min_value
        if self.max_value is not None:
            inside &= values <= self.max_value
        return inside

    def reasons(self, measure: pd.Series) -> pd.Series:
        """Return why each measure would be outside the bounds."""
        values = measure.to_numpy(dtype=np.float64, na_value=np.nan)
        low = self.min_value if self.min_value is not None else -np.inf
        reasons = np.where(values < low, "below_minimum", "above_maximum").astype(object)
        reasons[np.isnan(values)] = "no_value"
        return pd.Series(reasons, index=measure.index)


def truth(mask: pd.Series) -> npt.NDArray[np.bool_]:
    """Return a column of booleans as a numpy mask in which null is false."""
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False))


def _where(values: Any, mask: npt.NDArray[np.bool_]) -> Any:
    if isinstance(values, pd.Series):
        return [None if value is pd.NA else value for value in values[mask]]
    if isinstance(values, str):
        return values
    return [value for value, wanted in zip(values, mask, strict=True) if wanted]
