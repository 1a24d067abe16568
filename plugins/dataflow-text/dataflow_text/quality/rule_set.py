"""Rule sets: several rules of one paper as one filter, with every reason kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core import Filter, Storage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators import AnyColumn, TextColumn, arrow_column, as_floats
from dataflow_text.analysis.shared import Measure, TextAnalysis
from dataflow_text.quality.rule import numbers


@dataclass(frozen=True)
class Check:
    """One rule of a set.

    Attributes:
        reason: Why a text that breaks it goes, in a short snake-case word.
        measure: What it measures; a text that it does not apply to breaks nothing.
        at_least: The smallest measure of a good text, or None.
        at_most: The largest, or None.
    """

    reason: str
    measure: Measure
    at_least: float | None = None
    at_most: float | None = None

    def breaks(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which measures are out of bounds."""
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return (values < low) | (values > high)


class RuleSet(Filter):
    """A filter that drops the texts which break any of several rules.

    A dropped row has the first rule that it breaks, in the paper's order, as its reason, and all of
    them with their measures as its value. A null text goes with reason ``"no_value"``. The report
    says how each measure is distributed over all texts, and how many each bound alone would cut.

    Attributes:
        drop: Whether texts that break a rule go; False to measure alone.
    """

    drop: bool = True

    @abstractmethod
    def checks(self) -> Sequence[Check]:
        """Return the rules, with bounds from the fields."""

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_measures: AnyColumn | None = None,
        input_measures: AnyColumn | None = None,
    ) -> None:
        """Drop the texts that break a rule.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_measures: A column for the measures, a struct with a number for each reason; None
                for none.
            input_measures: Such a column, as this operator left it on these texts: to try other
                bounds without measuring again. None to measure.

        Raises:
            ConfigurationError: ``input_measures`` has not the measure of each rule.
        """
        checks, is_null = self.checks(), storage.analysis(input_text, TextAnalysis).is_null
        if input_measures is None:
            measures = self._measured(storage, input_text, checks)
        else:
            measures = _given(storage, input_measures, checks)
        for check in checks:
            found = as_floats(measures[check.reason])
            storage.observe(check.reason, found, low=check.at_least, high=check.at_most)
        if output_measures is not None:
            storage.assign(output_measures, _as_struct(measures, is_null))
        if self.drop:
            self._drop_broken(storage, checks, measures, is_null)

    def _drop_broken(
        self,
        storage: Storage,
        checks: Sequence[Check],
        measures: Mapping[str, pa.Array],
        is_null: npt.NDArray[np.bool_],
    ) -> None:
        broken: dict[int, dict[str, float]] = {row: {} for row in np.flatnonzero(is_null).tolist()}
        for check in checks:
            found = as_floats(measures[check.reason])
            for row in np.flatnonzero(check.breaks(found)).tolist():
                broken.setdefault(row, {})[check.reason] = round(float(found[row]), 4)
        rows = sorted(broken)
        storage.drop(
            storage.row_ids()[rows],
            [next(iter(broken[row]), "no_value") for row in rows],
            value=[broken[row] or None for row in rows],
        )

    def _measured(
        self, storage: Storage, input_text: str, checks: Sequence[Check]
    ) -> dict[str, pa.Array]:
        analysis = storage.analysis(input_text, TextAnalysis)
        return {
            check.reason: numbers(analysis, check.measure).cast(pa.float64()) for check in checks
        }


def _as_struct(measures: Mapping[str, pa.Array], is_null: npt.NDArray[np.bool_]) -> pa.Array:
    mask = pa.array(is_null)
    return pa.StructArray.from_arrays(list(measures.values()), list(measures), mask=mask)


def _given(storage: Storage, column: str, checks: Sequence[Check]) -> dict[str, pa.Array]:
    """Return the measures that a column holds."""
    measures = arrow_column(storage.read([column])[column])
    reasons = [check.reason for check in checks]
    if pa.types.is_null(measures.type):  # there are null texts alone
        return dict.fromkeys(reasons, pa.nulls(len(measures), pa.float64()))
    fields = list(measures.type) if pa.types.is_struct(measures.type) else []
    has = {field.name for field in fields if _may_hold_numbers(field.type)}
    missing = [reason for reason in reasons if reason not in has]
    if missing:
        raise ConfigurationError(
            f"input_measures: column {column!r} ({measures.type}) has no measure {missing[0]!r}. "
            "Give the column that this operator, with the same settings, was given as "
            "output_measures."
        )
    found = {reason: pc.struct_field(measures, reason) for reason in reasons}
    return {reason: values.cast(pa.float64()) for reason, values in found.items()}


def _may_hold_numbers(kind: pa.DataType) -> bool:
    return pa.types.is_null(kind) or pa.types.is_floating(kind) or pa.types.is_integer(kind)
