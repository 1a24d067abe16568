"""The step under way in a storage: what its operator did so far, and whether it may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dataflow_core.errors import FormatError, OperatorError
from dataflow_core.storage.outcome import NO_IDS, Outcome, Removed, listed, positions_of
from dataflow_core.table.distributions import Distribution
from dataflow_core.table.frames import Frame

if TYPE_CHECKING:
    from dataflow_core.operators.base import Operator

MADE_NO_ROWS = "made_no_rows"
"""Why a row was dropped that an operator made no others of."""


class RunningStep:
    """What is noted while one operator runs, and the rules that it must keep.

    Args:
        operator: The operator; None for a table that is written outside of any.
        name: The step's name in a plan; None for the operator's own.
        before: The rows that go in.
    """

    def __init__(self, operator: Operator | None, name: str | None, before: Frame) -> None:
        self.owner = operator
        # New rows' ids derive from the operator, not from the name that a plan gives its step.
        self.key = "write" if operator is None else operator.step_name()
        self.name = name or self.key
        self.makes_rows = operator is not None and operator.makes_rows
        self.may_reorder = operator is None or operator.scope == "dataset"
        self.may_drop = operator is None or operator.function in ("filter", "generate")
        self.may_lose = operator is None or operator.function == "filter" or self.makes_rows
        self.before = before
        self.read: set[str] = set()
        self.read_all = False
        self.texts: set[str] = set()
        self.dropped, self.failed = Removed(), Removed()
        self.parents = self.children = self.joined = NO_IDS
        self.measures: dict[str, Distribution] = {}
        self.findings: dict[str, Any] = {}
        self.started = time.perf_counter()

    def check_order(self, positions: npt.NDArray[np.int64]) -> None:
        """Refuse rows that come twice or in another order, unless the operator declares it."""
        if (np.diff(positions) > 0).all():
            return
        if len(np.unique(positions)) < len(positions):
            if not self.makes_rows:
                raise OperatorError(
                    f"step {self.name!r}: a row id comes more than once. An operator that "
                    "makes several rows of one declares `makes_rows: ClassVar[bool] = True`."
                )
        elif not self.may_reorder:
            raise OperatorError(
                f"step {self.name!r}: the rows came back in another order. An operator of scope "
                "'row' keeps the order; one that sorts declares `scope: ClassVar = 'dataset'`."
            )

    def settle(self, after: Frame) -> Outcome:
        """Return the account of the step, after checking it."""
        self._convert(after)
        self._note_silent_drops(after)
        if len(self.dropped) and not self.may_drop:
            raise OperatorError(
                f"step {self.name!r}: an operator of function {self._function()!r} keeps every "
                f"row, but it dropped {len(self.dropped):,}. Derive it from Filter, or write a "
                "RowFailure for a row that cannot be handled."
            )
        outcome = Outcome(
            self.name, self.before, after, self.dropped, self.failed,
            self.parents, self.children, self.joined, time.perf_counter() - self.started,
            self.measures, self.findings,
        )  # fmt: skip
        outcome.check_sums()
        return outcome

    def _convert(self, after: Frame) -> None:
        # Now, while it is known whose values they are.
        for name, column in after.columns.items():
            try:
                column.convert()
            except (FormatError, ValueError) as error:
                raise OperatorError(f"step {self.name!r}, column {name!r}: {error}") from error

    def _note_silent_drops(self, after: Frame) -> None:
        gone = len(self.dropped) + len(self.failed)
        # Where the numbers agree, the checksums of the ledger see to the rest.
        if len(after) + gone == len(self.before) and not len(self.parents) + len(self.joined):
            return
        ended = np.concatenate([after.ids, self.dropped.ids, self.failed.ids, self.parents])
        lost = np.setdiff1d(self.before.ids, ended)
        if not len(lost):
            return
        if not self.may_lose:
            raise OperatorError(
                f"step {self.name!r}: {len(lost):,} of {len(self.before):,} rows were lost "
                f"({listed(lost)}). An operator of function {self._function()!r} returns every "
                "row; write a RowFailure for one that cannot be handled, or derive from Filter."
            )
        rows = self.before.take(np.sort(positions_of(self.before.ids, lost)))
        reason = MADE_NO_ROWS if self.makes_rows else self.name
        self.dropped.add(rows, [reason] * len(rows))

    def _function(self) -> str:
        return self.owner.function if self.owner is not None else "write"
