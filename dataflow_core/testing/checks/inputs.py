"""Unusual input is ordinary: no rows, one row, nulls, empty, very long and foreign texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import ConformanceError
from dataflow_core.storage.bindings import inputs
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.checks.tables import promise
from dataflow_core.testing.subject import Subject

LONG = 50_000
"""Characters of a very long text."""

_SCRIPTS = (
    "这是一个没有空格的句子，里面有标点。",
    "これは日本語の文章です。",
    "هذه جملة قصيرة باللغة العربية.",
    "Это предложение написано по-русски.",
    "यह हिन्दी में एक वाक्य है।",
    "👩‍👩‍👧 e\u0301 \u200b\ufeff \U0001f600 ﷽ ﬁ \x00 \u2028",
)


def reads_texts(subject: Subject) -> bool:
    """Tell whether it reads columns of texts."""
    return not subject.lack and bool(_text_columns(subject))


def check_empty_table(subject: Subject) -> None:
    """A table without rows gives one without rows, with the columns that were promised."""
    table = subject.table.slice(0, 0)
    storage = subject.run(table)
    operator = subject.make()
    if len(storage) and not subject.bound(operator)[1]:
        raise ConformanceError(f"a table without rows becomes one with {len(storage)}.")
    promised = promise(operator, subject, dict(MemoryStorage(table).columns()))
    if set(storage.columns()) != set(promised):
        raise ConformanceError(
            f"without rows the table has the columns {', '.join(storage.columns())} afterwards, "
            f"and {', '.join(promised)} were promised."
        )


def check_one_row(subject: Subject) -> None:
    """A table of one row is an ordinary table."""
    subject.run(subject.table.slice(0, 1))


def check_null_values(subject: Subject) -> None:
    """Nulls in the columns that it reads, one or all, make no run fail, and no other columns."""
    names = [name for name in _read_columns(subject) if name in subject.table.column_names]
    usual = set(subject.run().columns())
    for positions in ({0}, set(range(subject.table.num_rows))):
        found = subject.run(
            _replaced(subject, names, lambda at, old, p=positions: None if at in p else old)
        )
        if others := usual.symmetric_difference(found.columns()):
            raise ConformanceError(
                f"the column {min(others)!r} is there only with nulls, or only without. Make the "
                "same columns of all rows."
            )


def check_empty_texts(subject: Subject) -> None:
    """Empty texts and such of white space alone make no run fail."""
    texts = ("", " ", "\n\t ", "\u00a0\u3000")
    _with_texts(subject, lambda at, _: texts[at % len(texts)])


def check_long_texts(subject: Subject) -> None:
    """Texts of 50,000 characters, with and without spaces, make no run fail."""
    word = "abcdefghijklmnopqrstuvwxyz"
    texts = ((word[:7] + " ") * (LONG // 8), word * (LONG // 26))
    _with_texts(subject, lambda at, old: texts[at] if at < len(texts) else old)


def check_other_scripts(subject: Subject) -> None:
    """Texts in other scripts, joined emoji and control characters make no run fail."""
    _with_texts(subject, lambda at, _: _SCRIPTS[at % len(_SCRIPTS)])


def _with_texts(subject: Subject, value: Callable[[int, Any], Any]) -> None:
    subject.run(_replaced(subject, _text_columns(subject), value))


def _replaced(subject: Subject, names: list[str], value: Callable[..., Any]) -> pa.Table:
    """Return the example's rows with other values in some columns, whose types stay."""
    table = subject.table
    for name in names:
        at = table.column_names.index(name)
        values = [value(row, old) for row, old in enumerate(table[name].to_pylist())]
        table = table.set_column(at, table.schema.field(at), pa.array(values, table[name].type))
    return table


def _text_columns(subject: Subject) -> list[str]:
    return [
        name
        for name in _read_columns(subject)
        if name in subject.table.column_names and pat.is_string(subject.table[name].type)
    ]


def _read_columns(subject: Subject) -> list[str]:
    """Return the columns that it reads; all of the example where it says of none."""
    return read_columns(subject) or list(subject.table.column_names)


def read_columns(subject: Subject) -> list[str]:
    """Return the columns that it declares to read, by its parameters and by `Operator.reads`."""
    operator = subject.standing_in()
    named, _ = subject.bound(operator)
    read = [*inputs(named).values(), *operator.reads(named).values()]
    return list(dict.fromkeys(name for names in read for name in names))
