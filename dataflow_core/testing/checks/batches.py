"""The result does not depend on how rows are cut into batches, nor on chance."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pandas as pd

from dataflow_core.errors import ConformanceError
from dataflow_core.operators.base import Operator
from dataflow_core.operators.dataset import DatasetEvaluator, TwoPhase
from dataflow_core.storage.base import Storage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.storage.outcome import as_json
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.testing.checks.accounts import Account, account_of, difference
from dataflow_core.testing.checks.elsewhere import first_difference
from dataflow_core.testing.subject import Subject

_SIZES = (1, 2, 5)


def may_be_batched(subject: Subject) -> bool:
    """Tell whether an engine runs it batch by batch."""
    scope = subject.cls.scope
    return scope == "row" or not isinstance(scope, str) or _has_phases(subject)


def check_batch_independence(subject: Subject) -> None:
    """Batches of one, two or five rows give what all rows at once give, findings too.

    Each batch has an operator of its own, as in workers. Of an operator in two phases, the sketches
    of batches decide as those of the whole table, and findings are the same, merged or not.
    """
    whole = account_of([subject.run()])
    frame = MemoryStorage(subject.table).frame
    for size in _SIZES:
        parts = [
            TableStorage(frame.slice(start, min(size, len(frame) - start)))
            for start in range(0, len(frame), size)
        ]
        with _made_anew(subject) as make:
            operator = make()
            if isinstance(operator, TwoPhase):
                found = _run_in_phases(make, subject, parts)
            elif operator.scope == "row":
                for part in parts:
                    make().run(part, **subject.bindings())
                found = [{}]
            else:
                return
        account = account_of(parts)
        for findings in found:
            account.findings = findings
            _compare(whole, account, f"in batches of {size}")


def check_deterministic(subject: Subject) -> None:
    """Two operators of one configuration give the same result, if they are answered the same.

    One of a plugin that is installed gives it in another process too, where the hashes of texts,
    and with them the order of sets, are others.
    """
    one, other = (account_of([subject.run()]) for _ in range(2))
    if found := difference(one, other, ("once", "a second time")):
        raise ConformanceError(
            f"a second run gives another result. {found}. Take what is random from a field such as "
            "seed, and from the rows' ids."
        )
    if told := first_difference(subject, one):
        raise ConformanceError(
            f"in another process it gives another result: {told}. Take no hash() of a text, but "
            "hashlib's, and sort what comes out of a set."
        )


@contextmanager
def _made_anew(subject: Subject) -> Iterator[Callable[[], Operator]]:
    """Lend what makes the operator, all with one serving, which is closed in the end."""
    serving = subject.answers() if subject.serving_fields else None
    try:
        yield lambda: subject.make(serving)
    finally:
        if serving is not None:
            serving.close()


def _compare(whole: Account, account: Account, name: str) -> None:
    if found := difference(whole, account, ("at once", name)):
        raise ConformanceError(
            f"the result depends on the batch. {found}. Keep nothing in the operator from one "
            "batch to the next; one that needs other rows declares scope = 'dataset', best in two "
            "phases (TwoPhase)."
        )


def _run_in_phases(
    make: Callable[[], Operator], subject: Subject, parts: list[TableStorage]
) -> list[dict[str, Any]]:
    """Run the phases over batches, and return the findings, of sketches as they are and merged."""
    phases = cast("Callable[[], TwoPhase]", make)
    operator = phases()
    bound = operator.bind(**subject.bindings())
    if any(isinstance(value, Storage) for value in bound.values()):
        return []
    sketches = [phases().sketch(TableStorage(part.frame), **bound) for part in parts]
    found = [_findings(operator, pd.concat(sketches))]
    if isinstance(operator, DatasetEvaluator):
        merged = functools.reduce(lambda *two: operator.merge(pd.concat(two)), sketches)
        found.append(_findings(operator, merged))
    decision = operator.decide(pd.concat(sketches))
    for part in parts:
        mine = decision[decision.index.isin(part.frame.ids)]
        part.perform(operator, bound, functools.partial(_apply, phases(), mine, bound))
    return found


def _findings(operator: TwoPhase, sketches: pd.DataFrame) -> dict[str, Any]:
    return as_json(operator.step_name(), operator.findings(sketches))


def _apply(
    operator: TwoPhase, decision: pd.DataFrame, bound: dict[str, Any], storage: Storage
) -> None:
    operator.apply(storage, decision, **bound)


def _has_phases(subject: Subject) -> bool:
    return issubclass(subject.cls, TwoPhase)
