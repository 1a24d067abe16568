"""Dataset operators in two phases: a small sketch of each batch, then one global decision.

Only the sketches of all rows are in memory at once, so such an operator runs beyond memory, and in
parallel. A dataset operator without phases gets the whole table at once. One that only looks, and
decides nothing about rows, keeps no row waiting.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import pandas as pd

from dataflow_core.operators.base import Evaluator, Operator, Scope
from dataflow_core.operators.filters import Filter
from dataflow_core.storage.base import Storage


class TwoPhase(Operator):
    """An operator over all rows that an engine may run batch by batch.

    A subclass defines `run` with its columns, as ``self.run_phases(storage,
    input_text=input_text)``.
    """

    scope: ClassVar[Scope] = "dataset"

    @abstractmethod
    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return what the decision needs to know of some rows.

        Args:
            storage: Some of the rows.
            **bindings: The columns of `run`.

        Returns:
            A small table indexed by row id, in numpy or Arrow dtypes.
        """

    @abstractmethod
    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the decision over all rows, indexed by the ids of the rows that it concerns.

        Args:
            sketches: The sketches of all rows, in order. The table is the operator's own: it may
                take columns out to save memory.
        """

    @abstractmethod
    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Give the decision effect on some rows.

        Args:
            storage: Some of the rows.
            decision: The part of the decision that concerns them.
            **bindings: The columns of `run`.
        """

    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return what the report says of the data set as a whole: values that JSON has, by name.

        Args:
            sketches: The sketches of all rows, in order.
        """
        return {}

    def run_phases(self, storage: Storage, **bindings: Any) -> None:
        """Run all phases on one table."""
        sketches = self.sketch(storage, **bindings)
        storage.note(self.findings(sketches))
        self.apply(storage, self.decide(sketches), **bindings)


class DatasetEvaluator(TwoPhase, Evaluator):
    """An evaluator of the data set as a whole: it writes what it finds to the report of the run.

    A subclass defines `run`, `sketch` and `findings`, and `merge` where sketches of many batches
    can be made one that is smaller. Every row goes through as it is, and at once: in a run, the
    rows flow on while they are sketched, and the findings are made of the sketches in the end.

    Example:
        >>> class Counted(DatasetEvaluator):
        ...     '''Count the rows that have a text.'''
        ...
        ...     def run(self, storage: Storage, input_text: str = "text") -> None:
        ...         self.run_phases(storage, input_text=input_text)
        ...
        ...     def sketch(self, storage, **bindings):
        ...         texts = storage.read([bindings["input_text"]])[bindings["input_text"]]
        ...         return pd.DataFrame({"texts": [texts.notna().sum()]})
        ...
        ...     def findings(self, sketches):
        ...         return {"texts": int(sketches["texts"].sum())}
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "one"}, {"text": None}])
        >>> Counted().run(table)
        >>> table.findings()
        {'counted': {'texts': 1}}
    """

    @abstractmethod
    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return what the report says of the data set: values that JSON has, by name.

        Args:
            sketches: The sketches of all batches, one after the other, the first of them merged
                perhaps (see `merge`); they need not have a line for each row.
        """

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return a smaller sketch that stands for all so far, so that memory stays small.

        An engine calls it now and then, or never: the findings must not depend on that.

        Args:
            sketches: The sketches of all batches so far: what `merge` returned last, if it was
                called before, and then what `sketch` returned for each batch since.
        """
        return sketches

    @final
    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Decide nothing about single rows."""
        return pd.DataFrame(index=pd.Index([], dtype="uint64"))

    @final
    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Leave the rows as they are."""


class DatasetFilter(TwoPhase, Filter):
    """A filter whose verdict on a row depends on other rows.

    `decide` returns the rows to drop, with a column ``reason`` and, if they apply, ``value`` and
    ``duplicate_of`` (the id of the row that each repeats).
    """

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Drop the rows that the decision names."""
        if len(decision):
            storage.drop(
                decision.index,
                decision["reason"].tolist(),
                value=decision["value"].tolist() if "value" in decision else None,
                duplicate_of=decision["duplicate_of"].tolist()
                if "duplicate_of" in decision
                else None,
            )
