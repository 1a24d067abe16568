"""Rule sets: several rules of one paper as one filter, with every reason kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core import Filter, Storage
from dataflow_core.operators import TextColumn
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
    them with their measures as its value. A null text goes with reason ``"no_value"``.
    """

    @abstractmethod
    def checks(self) -> Sequence[Check]:
        """Return the rules, with bounds from the fields."""

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Drop the texts that break a rule.

        Args:
            storage: The table.
            input_text: The column of texts.
        """
        analysis = storage.analysis(input_text, TextAnalysis)
        broken: dict[int, dict[str, float]] = {
            row: {} for row in np.flatnonzero(analysis.is_null).tolist()
        }
        for check in self.checks():
            found = numbers(analysis, check.measure).cast(pa.float64()).to_numpy(False)
            for row in np.flatnonzero(check.breaks(found)).tolist():
                broken.setdefault(row, {})[check.reason] = round(float(found[row]), 4)
        rows = sorted(broken)
        storage.drop(
            np.asarray(storage.read([]).index)[rows],
            [next(iter(broken[row]), "no_value") for row in rows],
            value=[broken[row] or None for row in rows],
        )
