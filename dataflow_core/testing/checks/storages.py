"""What every storage does, whatever stands behind it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from dataflow_core.engine import run_plan
from dataflow_core.errors import ColumnError, ConformanceError, OperatorError
from dataflow_core.operators.filters import Filter
from dataflow_core.storage.base import Storage
from dataflow_core.storage.source import Batch, Source
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.table.values import rows_of
from dataflow_core.testing.checks.suite import make_checks, require, without_nulls
from dataflow_core.testing.steps import Steps
from dataflow_core.testing.temporary_runs import written_rows

Make = Callable[[], Storage]


def check_storage(make: Make) -> None:
    """Check a storage: what operators see of it, and what engines stream.

    Args:
        make: Returns a new storage of the same rows each time, two or more of them.

    Raises:
        ConformanceError: It does not do as the core relies on; the message has all that was found.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> check_storage(lambda: MemoryStorage([{"text": "one"}, {"text": None}]))
    """
    make_checks(f"{type(make()).__name__}", STORAGE_CHECKS, make)


class EverySecond(Filter):
    """Keep every second row, by id."""

    def run(self, storage: Storage) -> None:
        """Drop the others."""
        storage.drop(storage.row_ids()[1::2].tolist(), "every_second")


class All(Filter):
    """Keep all rows."""

    def run(self, storage: Storage) -> None:
        """Keep them."""
        storage.write(storage.read())


def check_storage_reads_the_same(make: Make) -> None:
    """Two storages of one source have the same rows and ids, in the same order."""
    one, other = make(), make()
    require(len(one.row_ids()) >= 2, "it has less than two rows; the suite needs two or more.")
    require(np.array_equal(one.row_ids(), other.row_ids()), "the ids differ from one to the other.")
    require(_rows(one) == _rows(other), "the rows differ from one to the other.")


def check_storage_row_ids(make: Make) -> None:
    """The index of what `read` returns holds the rows' ids: unsigned integers, each once."""
    index = make().read().index
    require(index.dtype == np.uint64, f"the index is {index.dtype}, uint64 is wanted.")
    require(index.is_unique, "an id comes more than once.")


def check_storage_columns(make: Make) -> None:
    """`columns` tells those that `read` returns, and their types; each can be read alone."""
    storage = make()
    names = list(storage.read().columns)
    told = storage.columns()
    require(
        told is None or list(told) == names,
        f"columns() tells {list(told or ())}, and read() returns {names}.",
    )
    if isinstance(storage, TableStorage) and told is not None:
        found = {one.name: one.type for one in storage.frame.to_arrow().schema}
        wrong = [f"{name} is {found[name]}, not {told[name]}" for name in names
                 if told[name] not in (found[name], pa.null())]  # fmt: skip
        require(not wrong, f"columns() tells other types than there are: {'; '.join(wrong)}.")
    for name in names:
        alone = make().read([name])
        require(list(alone.columns) == [name], f"read([{name!r}]) returns {list(alone.columns)}.")
        same = repr(alone[name].tolist()) == repr(storage.read()[name].tolist())
        require(same, f"the column {name!r} has other values when it is read alone.")


def check_storage_missing_column(make: Make) -> None:
    """A column that is not there is a `ColumnError` with its name and the nearest that is."""
    name = str(make().read().columns[0])
    try:
        make().read([f"{name}_"])
    except ColumnError as error:
        require(
            repr(f"{name}_") in str(error) and repr(name) in str(error),
            f"the error does not name the column, and {name!r} as the nearest: {error}",
        )
    else:
        raise ConformanceError("reading a column that is not there raises no ColumnError.")


def check_storage_lends_copies(make: Make) -> None:
    """What `read` returns is the operator's own: to change it changes nothing in the storage."""
    storage = make()
    before = _rows(storage)
    table = storage.read()
    table[table.columns[0]] = None
    require(_rows(storage) == before, "a change of the DataFrame changes the storage's rows.")


def check_storage_write(make: Make) -> None:
    """What was read can be written back; a table without the ids is refused."""
    storage = make()
    before = _rows(storage)
    All().run(storage)
    require(_rows(storage) == before, "rows differ after they were written back as they are.")
    try:
        storage.write(storage.read().reset_index(drop=True))
    except OperatorError:
        return
    raise ConformanceError("a table whose index was reset is taken: ids would be guessed at.")


def check_storage_account(make: Make) -> None:
    """Rows that an operator drops are gone from the table, and the source stays as it is."""
    storage = make()
    ids = storage.row_ids().tolist()
    before = _rows(make())
    EverySecond().run(storage)
    require(storage.row_ids().tolist() == ids[::2], "other rows stayed than were kept.")
    if isinstance(storage, TableStorage):
        require(len(storage.dropped()) == len(ids[1::2]), "the account lacks dropped rows.")
    require(_rows(make()) == before, "the source has other rows after a run.")


def check_storage_streams(make: Make) -> None:
    """Engines read the same rows in batches of any size, and some columns alone."""
    storage = make()
    source, expected = _source(storage), _rows(storage)
    for size in (1, 2, 1000):
        batches = list(source.batches(source.exact_schema(), batch_rows=size))
        require(all(one.table.num_rows <= size for one in batches), f"batches exceed {size} rows.")
        require(_rows_in(batches) == expected, f"in batches of {size}, the rows are others.")
        positions = [at for one in batches for at in one.positions.tolist()]
        require(positions == sorted(set(positions)), "positions are not ascending, each once.")
    first = storage.read().columns[0]
    part = source.project([first])
    found = rows_of(next(part.batches(part.exact_schema())).table)
    require([row.get(first) for row in found] == [row.get(first) for row in expected][: len(found)],
            f"a projection to {first!r} has other values.")  # fmt: skip


def check_storage_limit(make: Make) -> None:
    """A limit is the most rows that are read."""
    source = _source(make())
    found = sum(one.table.num_rows for one in source.batches(source.exact_schema(), limit=1))
    require(found == 1, f"with a limit of 1 there are {found} rows.")


def check_storage_fingerprint(make: Make) -> None:
    """Fingerprint and description are the same for the same content: by these a run resumes."""
    one, other = _source(make()), _source(make())
    require(one.fingerprint() == other.fingerprint(), "the fingerprint differs each time.")
    require(one.describe() and one.describe() == other.describe(), "the description differs.")


def check_storage_runs(make: Make) -> None:
    """A run over it, in batches, keeps the rows and their order."""
    expected = _rows(make())
    with tempfile.TemporaryDirectory(prefix="dataflow-conformance-") as folder:
        plan = Steps(make(), All()).compile()
        report = run_plan(plan, run_dir=Path(folder, "run"), batch_size=2)
        found = without_nulls(written_rows(report))
    require(found == expected, f"of a run that keeps all {expected}, come out {found}.")


STORAGE_CHECKS: tuple[Callable[[Make], None], ...] = (
    check_storage_reads_the_same,
    check_storage_row_ids,
    check_storage_columns,
    check_storage_missing_column,
    check_storage_lends_copies,
    check_storage_write,
    check_storage_account,
    check_storage_streams,
    check_storage_limit,
    check_storage_fingerprint,
    check_storage_runs,
)


def _source(storage: Storage) -> Source:
    if not isinstance(storage, TableStorage):
        raise ConformanceError(
            f"{type(storage).__name__} derives from Storage alone, and no engine can stream it. "
            "Derive it from TableStorage, with a Source as its source."
        )
    return storage.as_source()


def _rows(storage: Storage) -> list[dict[str, Any]]:
    if isinstance(storage, TableStorage):
        return without_nulls(rows_of(storage.frame.to_arrow()))
    return without_nulls(cast("list[dict[str, Any]]", storage.read().to_dict("records")))


def _rows_in(batches: list[Batch]) -> list[dict[str, Any]]:
    return without_nulls([row for one in batches for row in rows_of(one.table)])
