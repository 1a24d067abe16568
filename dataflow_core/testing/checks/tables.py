"""What an operator does to a table: the columns that it declares, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import ConformanceError, did_you_mean
from dataflow_core.operators.base import Operator
from dataflow_core.operators.columns import PRODUCED, ColumnKind
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.types import is_json
from dataflow_core.table.values import rows_of
from dataflow_core.testing.checks.accounts import account_of
from dataflow_core.testing.subject import Subject, closing


def check_input_is_not_mutated(subject: Subject) -> None:
    """The rows that an operator read are afterwards as they were, those of second tables too.

    It works on DataFrames of its own; what is behind them, and second tables, others read too.
    """
    storage = MemoryStorage(subject.table)
    bindings = subject.bindings()
    others = [value for value in bindings.values() if isinstance(value, MemoryStorage)]
    kept = [storage.fork(), *others]
    before = [_as_it_is(one) for one in kept]
    with closing(subject.make()) as operator:
        operator.run(storage, **bindings)
    if before != [_as_it_is(one) for one in kept]:
        raise ConformanceError(
            "it changes a table that it read, which other branches of the pipeline read too. Write "
            "to the storage of run alone, and copy lists and arrays before you change them."
        )


def check_declared_columns(subject: Subject) -> None:
    """After a run the table has the columns that the plan promised, of these types, and no others.

    The plan asks `Operator.columns_after`, which knows the ``output_*`` columns; override `writes`
    or `columns_after` where fields name columns. A promised type of null stands for any.
    """
    storage = subject.run()
    operator = subject.make()
    promised = promise(operator, subject, dict(MemoryStorage(subject.table).columns()))
    found = dict(storage.columns())
    if beside := [name for name in found if name not in promised]:
        raise ConformanceError(
            f"it makes the column {beside[0]!r}, which it does not declare."
            f"{did_you_mean(beside[0], promised)} Declare it: an output_… parameter of run, or "
            "override writes() or columns_after()."
        )
    if lacking := [name for name in promised if name not in found]:
        raise ConformanceError(
            f"it declares the column {lacking[0]!r}, and the table does not have it afterwards: "
            f"{', '.join(found)}."
        )
    for name, kind in promised.items():
        if not fits(found[name], kind):
            raise ConformanceError(
                f"the column {name!r} is {found[name]}, and {kind} was promised. Annotate the "
                "output_… parameter with what it writes, such as IntegerColumn."
            )


def check_other_columns_stay(subject: Subject) -> None:
    """Columns that it does not write go through as they are, also such as it knows nothing of."""
    table = subject.table
    extra = {"kit_text": "007", "kit_number": 2**60 + 1, "kit_list": [{"a": None}]}
    for name, value in extra.items():
        table = table.append_column(name, pa.array([value] * table.num_rows))
    operator = subject.make()
    storage = MemoryStorage(table)
    kept = promise(operator, subject, dict(storage.columns()))
    named, _ = subject.bound(operator)
    written = {name for names in operator.writes(named).values() for name in names}
    before = account_of([storage.fork()]).rows
    subject.run(storage, operator=operator)
    for row_id, row in account_of([storage]).rows.items():
        for name, value in (before.get(row_id) or {}).items():
            if name in kept and name not in written and repr(row.get(name)) != repr(value):
                raise ConformanceError(
                    f"the column {name!r} had {value!r} in a row, and has {row.get(name)!r} now, "
                    "although it is not among those that it writes."
                )


def check_row_identity(subject: Subject) -> None:
    """Rows keep their ids and their order; rows that are made get the same ids every time.

    The index of the table that is written says which row is which: it is the one that was read. No
    row is lost in silence, and only filters drop rows.
    """
    ids = MemoryStorage(subject.table).row_ids().tolist()
    first, second = (subject.run() for _ in range(2))
    found = first.row_ids().tolist()
    if found != second.row_ids().tolist():
        raise ConformanceError("a second run gives other row ids. Nothing random may name rows.")
    outcome = first.outcomes[0]
    if len(outcome.parents) or len(outcome.joined):
        return
    if strangers := set(found) - set(ids):
        raise ConformanceError(
            f"{len(strangers)} rows have ids that no row had before, and are no children of any."
        )
    if subject.make().scope == "row" and found != [one for one in ids if one in set(found)]:
        raise ConformanceError("the rows come in another order, which scope 'row' does not allow.")


def promise(
    operator: Operator, subject: Subject, columns: Mapping[str, pa.DataType]
) -> dict[str, pa.DataType]:
    """Return the columns and types that a plan expects after an operator.

    Args:
        operator: The operator.
        subject: Its bindings and second tables.
        columns: The columns of the table.
    """
    named, others = subject.bound(operator)
    before = dict(columns)
    for other in others:
        before = operator.columns_joined(before, dict(other.columns() or {}))
    return operator.columns_after(before, named)


def fits(found: pa.DataType, promised: pa.DataType) -> bool:
    """Tell whether a column is of the type that was promised, as far as a promise goes.

    Texts and numbers are promised by kind, lists without the type of their items; a column of
    nulls alone, and one that holds JSON of several shapes, may stand for any.
    """
    if pat.is_null(promised) or pat.is_null(found) or is_json(found) or found == promised:
        return True
    kinds = [kind for kind, type_ in PRODUCED.items() if kind != "any" and type_ == promised]
    if any(ColumnKind(cast("Any", kind)).accepts(found) for kind in kinds):
        return True
    return bool(pat.is_list(promised) and pat.is_list(found) and pat.is_null(promised.value_type))


def _as_it_is(storage: TableStorage) -> str:
    ids, rows = storage.row_ids().tolist(), rows_of(storage.frame.to_arrow())
    return repr((ids, rows, storage.read().to_dict("list")))
