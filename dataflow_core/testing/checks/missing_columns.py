"""Columns that are not there, and columns that are read without being declared."""

from __future__ import annotations

import pyarrow as pa

from dataflow_core.errors import ColumnError, ConformanceError
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.testing.checks.accounts import account_of, difference
from dataflow_core.testing.checks.inputs import read_columns
from dataflow_core.testing.checks.tables import promise
from dataflow_core.testing.steps import Steps
from dataflow_core.testing.subject import Subject


def reads_columns(subject: Subject) -> bool:
    """Tell whether it declares to read columns."""
    return not subject.lack and bool(read_columns(subject))


def check_missing_column(subject: Subject) -> None:
    """A column that is not there is named with the nearest that is, by the plan and by a run."""
    for name in read_columns(subject):
        if name not in subject.table.column_names:
            continue
        near = f"{name}_"
        names = [near if one == name else one for one in subject.table.column_names]
        table = subject.table.rename_columns(names)
        _check_plan(subject, table, name, near)
        try:
            subject.run(table)
        except ColumnError as error:
            if repr(name) not in str(error) or repr(near) not in str(error):
                raise ConformanceError(
                    f"without the column {name!r}, but with {near!r}, the error names not both: "
                    f"{error}"
                ) from error
        else:
            raise ConformanceError(
                f"it declares to read the column {name!r}, and does without it. Declare in reads() "
                "what it reads."
            )


def check_reads_what_it_declares(subject: Subject) -> None:
    """It needs no column but those that it declares to read, and others change nothing.

    A plan that finds all of these is one that runs, and workers get no others.
    """
    if _reads_all(subject):
        return
    declared = [one for one in read_columns(subject) if one in subject.table.column_names]
    table = subject.table.select(declared)
    if not declared:
        table = pa.table({"kit_other": pa.array(["one", "two"])})
    try:
        storage = subject.run(table)
    except ColumnError as error:
        raise ConformanceError(
            f"with the columns that it declares to read alone ({', '.join(declared) or 'none'}) it "
            f"fails: "
            f"{error} Let an input_… parameter of run name that column, or override reads()."
        ) from error
    _check_others_change_nothing(subject, table, storage)
    promised = promise(subject.make(), subject, dict(MemoryStorage(table).columns()))
    if set(storage.columns()) - set(promised):
        raise ConformanceError("with these columns alone it makes others than it declares.")


def _check_others_change_nothing(subject: Subject, table: pa.Table, alone: TableStorage) -> None:
    """Compare with a run over a table that has a column more, which it knows nothing of."""
    more = table.append_column("kit_more", pa.array([f"more {at}" for at in range(len(table))]))
    storage = subject.run(more)
    found = account_of([storage])
    for row in found.rows.values():
        row.pop("kit_more", None)
    told = difference(account_of([alone]), found, ("alone", "beside a column 'kit_more'"))
    by_chance = told and difference(account_of([alone]), account_of([subject.run(table)]), ("", ""))
    if told and not by_chance:  # which check_deterministic tells
        raise ConformanceError(
            f"what it does depends on a column that it does not declare to read. {told}. Read "
            "what the input_… parameters name, and no more."
        )


def _reads_all(subject: Subject) -> bool:
    """Tell whether it takes several columns, and is given none, which stands for all."""
    bound = subject.cls.bind(**subject.bindings())
    parameters = [one for one in subject.cls.parameters() if one.is_input]
    return any(one.takes == "columns" and bound[one.name] is None for one in parameters)


def _check_plan(subject: Subject, table: pa.Table, name: str, near: str) -> None:
    operator = subject.standing_in()
    storage = MemoryStorage(table)
    plan = Steps(storage, (operator, subject.bindings())).compile(check=False)
    told = [
        problem
        for problem in check_plan(plan, storage.columns())
        if problem.code == "missing_column" and problem.column == name
    ]
    if not told or told[0].nearest != near:
        raise ConformanceError(
            f"a plan without the column {name!r} does not say that {near!r} is there."
        )
