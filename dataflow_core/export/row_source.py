"""Rows to export, with their ids: of anything that a storage opens, or of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core.errors import ConfigurationError
from dataflow_core.storage.base import Storage
from dataflow_core.storage.formats import BadRow
from dataflow_core.storage.source import Source
from dataflow_core.storage.table_storage import TableStorage
from dataflow_core.storage.targets import refuse_to_overwrite
from dataflow_core.table.identity import SOURCE_KEY, RowIds, source_ids


@dataclass(frozen=True)
class RowBatch:
    """Rows.

    Attributes:
        table: The rows.
        ids: The id of each.
        positions: The number of each in its source, from 0.
        unreadable: Rows in between that could not be read.
        unreadable_ids: The id of each of those.
        unreadable_positions: The number of each of those.
    """

    table: pa.Table
    ids: RowIds
    positions: npt.NDArray[np.int64]
    unreadable: tuple[BadRow, ...] = ()
    unreadable_ids: RowIds | None = None
    unreadable_positions: tuple[int, ...] = ()


class RowSource(ABC):
    """Rows with ids that can be read again and again, always the same and in the same order."""

    @abstractmethod
    def describe(self) -> str:
        """Return where the rows come from, for people."""

    @abstractmethod
    def schema(self, *, exact: bool = False) -> pa.Schema:
        """Return the columns and types.

        Args:
            exact: Whether to read all rows for them, if need be.
        """

    @abstractmethod
    def batches(self, *, exact: bool = False) -> Iterator[RowBatch]:
        """Yield the rows in order.

        Args:
            exact: Whether their types are those of `schema` with ``exact``.

        Raises:
            SchemaMisfit: A row does not fit the types: begin again with ``exact``.
        """

    @abstractmethod
    def refuse_to_overwrite(self, path: Path) -> None:
        """Refuse a file that the rows are read from.

        Raises:
            StorageError: They are.
        """


class StorageRows(RowSource):
    """The rows of a storage.

    Args:
        storage: The storage.

    Raises:
        ConfigurationError: Its rows cannot be streamed.
    """

    def __init__(self, storage: Storage) -> None:
        if not isinstance(storage, TableStorage):
            raise ConfigurationError(
                f"the rows of a {type(storage).__name__} cannot be streamed; derive it from "
                "TableStorage and give it a source."
            )
        self._source: Source = storage.as_source()

    def describe(self) -> str:
        """Return the path or URL."""
        return self._source.describe()

    def schema(self, *, exact: bool = False) -> pa.Schema:
        """Return the columns and types."""
        return self._source.exact_schema() if exact else self._source.schema()

    def batches(self, *, exact: bool = False) -> Iterator[RowBatch]:
        """Yield the rows, with the ids that they have as a pipeline's main source."""
        for batch in self._source.batches(self.schema(exact=exact)):
            places = np.array(batch.bad_positions, np.int64)
            yield RowBatch(
                batch.table,
                source_ids(SOURCE_KEY, batch.positions),
                batch.positions,
                batch.bad_rows,
                source_ids(SOURCE_KEY, places),
                batch.bad_positions,
            )

    def refuse_to_overwrite(self, path: Path) -> None:
        """Refuse one of the storage's own files."""
        refuse_to_overwrite(str(path), self._source)
