"""The result does not depend on how rows are cut into batches, nor on chance."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from dataflow_core.errors import ConformanceError
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.storage.base import Storage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.testing.checks.accounts import account_of, difference
from dataflow_core.testing.subject import Subject, closing

_SIZES = (1, 2, 5)


def may_be_batched(subject: Subject) -> bool:
    """Tell whether an engine runs it batch by batch."""
    scope = subject.cls.scope
    return scope == "row" or not isinstance(scope, str) or _has_phases(subject)


def check_batch_independence(subject: Subject) -> None:
    """Batches of one, two or five rows give what all rows at once give: rows, drops and failures.

    Of an operator in two phases, the sketches of batches decide as those of the whole table.
    """
    whole = account_of([subject.run()])
    frame = MemoryStorage(subject.table).frame
    for size in _SIZES:
        parts = [
            TableStorage(frame.slice(start, min(size, len(frame) - start)))
            for start in range(0, len(frame), size)
        ]
        with closing(subject.make()) as operator:
            if isinstance(operator, TwoPhase):
                _run_in_phases(operator, subject, parts)
            elif operator.scope == "row":
                for part in parts:
                    operator.run(part, **subject.bindings())
            else:
                return
        if found := difference(whole, account_of(parts), ("at once", f"in batches of {size}")):
            raise ConformanceError(
                f"the result depends on the batch. {found}. An operator that needs other rows "
                "declares scope = 'dataset', best in two phases (TwoPhase)."
            )


def check_deterministic(subject: Subject) -> None:
    """Two operators of one configuration give the same result, if they are answered the same."""
    one, other = (account_of([subject.run()]) for _ in range(2))
    if found := difference(one, other, ("once", "a second time")):
        raise ConformanceError(
            f"a second run gives another result. {found}. Take what is random from a field such as "
            "seed, and from the rows' ids."
        )


def _run_in_phases(operator: TwoPhase, subject: Subject, parts: list[TableStorage]) -> None:
    bound = operator.bind(**subject.bindings())
    if any(isinstance(value, Storage) for value in bound.values()):
        return
    sketches = [operator.sketch(TableStorage(part.frame), **bound) for part in parts]
    decision = operator.decide(pd.concat(sketches))
    for part in parts:
        mine = decision[decision.index.isin(part.frame.ids)]
        part.perform(operator, bound, partial(_apply, operator, mine, bound))


def _apply(
    operator: TwoPhase, decision: pd.DataFrame, bound: dict[str, Any], storage: Storage
) -> None:
    operator.apply(storage, decision, **bound)


def _has_phases(subject: Subject) -> bool:
    return issubclass(subject.cls, TwoPhase)
