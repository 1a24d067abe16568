"""What an operator sees of a table: read it, change it, write it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from dataflow_core.downloads import Download
    from dataflow_core.operators.base import Operator
    from dataflow_core.table.columns import A

Bindings: TypeAlias = "Mapping[str, str | tuple[str, ...] | Storage | None]"
"""The columns (or second table) that a step gives to an operator's ``input_*`` and ``output_*``."""


COMPILING: ContextVar[str | None] = ContextVar("COMPILING", default=None)
"""The pipeline whose plan is being recorded in this context, in which no operator may run."""


ROWS: ContextVar[npt.NDArray[np.uint64] | None] = ContextVar("ROWS", default=None)
"""The ids of the rows that the operator of this context works on."""


class Storage(ABC):
    """A table that operators read and replace.

    The index of every DataFrame is the row's id. An operator keeps it: the ids that come back say
    which rows were kept and dropped, and in which order. What stands behind the table (a whole
    dataset, one batch, a recorder that only traces) is none of the operator's business.
    """

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return the files that it may need and that are fetched; override where there are any.

        Whatever its configuration. Nothing is opened for this, fetched or imported that is large.
        """
        return ()

    @abstractmethod
    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the table.

        Args:
            columns: The columns wanted; None for all. Columns that are not read are carried along
                unchanged when the table is written.

        Returns:
            A DataFrame of the operator's own, indexed by row id (uint64). Strings and nested values
            are Arrow-backed; numbers and booleans have pandas' nullable dtypes.

        Raises:
            ColumnError: A column is not there.
        """

    @abstractmethod
    def write(self, table: pd.DataFrame) -> None:
        """Replace the table.

        Rows whose ids are missing are dropped; a repeated id makes child rows, where the operator
        declares `makes_rows`. A `RowFailure` in a cell sends its row to quarantine.

        Args:
            table: The new table, indexed by the ids that `read` gave.

        Raises:
            OperatorError: The index is not made of row ids, or rows appear that were never read.
            FormatError: A column mixes values that cannot be carried unaltered.
        """

    @abstractmethod
    def drop(
        self,
        rows: Sequence[int] | pd.Index,
        reason: str | Sequence[str],
        *,
        value: Any = None,
        duplicate_of: Sequence[int] | None = None,
    ) -> None:
        """Drop rows and say why.

        Args:
            rows: The ids of the rows to drop.
            reason: One reason for all, or one for each row: a short snake-case word.
            value: The measured value that decided, one for all or one for each row.
            duplicate_of: For duplicates, the id of the row that each repeats.
        """

    @abstractmethod
    def perform(
        self, operator: Operator, bindings: Bindings, body: Callable[[Storage], None]
    ) -> None:
        """Run one operator on this table; `Operator.run` calls it, nobody else needs to.

        Args:
            operator: The operator.
            bindings: Its columns.
            body: What the operator's ``run`` does, given the storage to work on.
        """

    def row_ids(self) -> npt.NDArray[np.uint64]:
        """Return the ids of the rows, in order."""
        return self.read([]).index.to_numpy()

    def extend(self, other: Storage) -> None:
        """Append the rows of another table, which get ids of their own.

        Args:
            other: The other table; it stays as it is.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be extended")

    def analysis(self, column: str, cls: type[A]) -> A:
        """Return what operators share about a column, worked out once for all of them.

        A table remembers it for as long as the column's values stay the same, and follows the rows
        that other operators keep. The column counts as carried along, not as read.

        Args:
            column: The column.
            cls: The class of the analysis.

        Raises:
            ColumnError: The column is not there.
        """
        from dataflow_core.table.columns import to_arrow

        return cls.of(to_arrow(self.read([column])[column].array, None))

    def assign(self, column: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Set one column, all others and the rows as they are: what is quicker than `write`.

        Args:
            column: The column, new or not.
            values: Its values, one a row in the order of the table.

        Raises:
            OperatorError: The number of values is not that of the rows, or the name is reserved.
        """
        from dataflow_core.table.columns import as_series

        table = self.read()
        table[column] = as_series(values, table.index)
        self.write(table)

    def observe(  # noqa: B027 - a storage need not keep an account
        self,
        measure: str,
        values: npt.NDArray[np.float64],
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """Tell how a measure is distributed, and where bounds cut, for the report of the run.

        A storage that keeps no account ignores it.

        Args:
            measure: The measure's name; told again in the same step, the last one counts.
            values: Its value for each row; NaN for none.
            low: The smallest value kept; None for no bound.
            high: The largest value kept; None for no bound.
        """

    def note(self, findings: Mapping[str, Any]) -> None:  # noqa: B027 - nor this one
        """Tell what was found out about the table as a whole, for the report of the run.

        A storage that keeps no account ignores it.

        Args:
            findings: Values that JSON has, by name.

        Raises:
            OperatorError: The operator is of scope ``"row"``, or JSON has no such value.
        """

    def rename(self, names: Mapping[str, str]) -> None:
        """Give columns other names; their places, values and missing keys stay as they are.

        Args:
            names: The new name of each column to rename.

        Raises:
            ColumnError: A column is not there.
            OperatorError: A new name is taken or reserved.
        """
        self.write(self.read().rename(columns=dict(names)))

    def columns(self) -> Mapping[str, pa.DataType] | None:
        """Return the columns and types as far as a cheap look tells; None if unknown."""
        return None

    def fork(self) -> Storage:
        """Return an independent table that starts as this one does: the beginning of a branch."""
        raise NotImplementedError(f"{type(self).__name__} cannot be forked")
