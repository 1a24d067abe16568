"""A storage that holds its table: the one implementation of reading, writing and accounting."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from dataflow_core.errors import (
    ColumnError,
    ConfigurationError,
    DataflowError,
    FormatError,
    OperatorError,
    PlanError,
)
from dataflow_core.storage.base import COMPILING, ROWS, Bindings, Storage
from dataflow_core.storage.bindings import missing_column
from dataflow_core.storage.formats import SchemaMisfit
from dataflow_core.storage.memory_source import MemorySource
from dataflow_core.storage.outcome import (
    NO_IDS,
    Outcome,
    Removed,
    as_json,
    listed,
    positions_of,
)
from dataflow_core.storage.running_step import MADE_NO_ROWS, RunningStep
from dataflow_core.storage.source import Source, unreadable_rows
from dataflow_core.table.columns import A, Column, Selection, column_arrays, to_pandas
from dataflow_core.table.distributions import Distribution
from dataflow_core.table.failures import RowFailure
from dataflow_core.table.frames import Frame, concat_frames
from dataflow_core.table.identity import SOURCE_KEY, RowIds, child_ids, ordinals, source_ids
from dataflow_core.table.types import HIDDEN, concat

if TYPE_CHECKING:
    from dataflow_core.operators.base import Operator
    from dataflow_core.operators.columns import ColumnKind


class TableStorage(Storage):
    """A storage over one frame, which it loads when first asked.

    After each operator it checks row identity and sums, and keeps an `Outcome` in `outcomes`.

    Args:
        frame: The rows, or None when `load` is overridden.
    """

    source: Source | None = None
    """Where the rows come from, for engines that stream them; None for rows in memory alone."""

    def __init__(self, frame: Frame | None = None) -> None:
        self._frame = frame
        self._step: RunningStep | None = None
        self.step_name: str | None = None
        """The name of the next step, where a plan gives it one."""
        self.outcomes: list[Outcome] = []
        self._unreadable: list[pa.Table] = []

    def load(self) -> Frame:
        """Return the rows that the storage starts with: all of its source."""
        if self.source is None:
            raise NotImplementedError(f"{type(self).__name__} has neither a frame nor a source")
        try:
            return self._read_source(self.source, self.source.schema())
        except SchemaMisfit:
            return self._read_source(self.source, self.source.exact_schema())

    def as_source(self) -> Source:
        """Return where an engine reads the table from: as it stands now."""
        if self.source is not None and not self.outcomes:
            return self.source
        return MemorySource(self.frame.to_arrow())

    @property
    def frame(self) -> Frame:
        """The rows as they stand."""
        if self._frame is None:
            self._frame = self.load()
        return self._frame

    def __len__(self) -> int:
        return len(self.frame)

    def __bool__(self) -> bool:
        # Without this, `if storage:` would load the table to count its rows.
        return True

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the table; see `Storage.read`."""
        names = self.frame.names if columns is None else list(dict.fromkeys(columns))
        for name in names:
            if name not in self.frame.columns or name in HIDDEN:
                raise missing_column(self._where(), name, self.frame.names)
        if self._step is not None:
            self._step.read.update(names)
            self._step.read_all |= columns is None
        return self.frame.to_pandas(names, self._step.texts if self._step is not None else ())

    def analysis(self, column: str, cls: type[A]) -> A:
        """Return what operators share about a column; see `Storage.analysis`."""
        if column not in self.frame.names:
            raise missing_column(self._where(), column, self.frame.names)
        return self.frame.columns[column].analysis(cls)

    def write(self, table: pd.DataFrame) -> None:
        """Replace the table; see `Storage.write`."""
        with self._stepping(None) as step:
            positions = self._positions(table, step)
            columns = self._carried(table, step, positions)
            for name, array in column_arrays(table):
                columns[name] = self._written(str(name), array, positions)
            ids = self.frame.ids[positions]
            if len(step.children):
                self._drop_children(step, positions)
            order = (
                [*table.columns, *HIDDEN]
                if step.read_all
                else [*self.frame.columns, *table.columns]
            )
            self._frame = Frame(_ordered(columns, order), ids)
            if step.makes_rows:
                self._name_children(step)
            self._quarantine_failures(step)

    def drop(
        self,
        rows: Sequence[int] | pd.Index,
        reason: str | Sequence[str],
        *,
        value: Any = None,
        duplicate_of: Sequence[int] | None = None,
    ) -> None:
        """Drop rows and say why; see `Storage.drop`."""
        ids = np.asarray(rows, dtype=np.uint64)
        if not len(ids):
            return
        with self._stepping(None) as step:
            positions = positions_of(self.frame.ids, ids)
            if (positions < 0).any():
                raise OperatorError(
                    f"{self._where()}: cannot drop rows that are not in the table: "
                    f"{listed(ids[positions < 0])}. Pass ids from the index of the table."
                )
            step.dropped.add(
                self.frame.take(positions),
                _per_row(reason, len(ids), str),
                None if value is None else _per_row(value, len(ids), (str, int, float)),
                duplicate_of,
            )
            self._keep_others(positions)

    def assign(self, column: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Set one column; see `Storage.assign`."""
        with self._stepping(None):
            self._refuse_reserved(column)
            if len(values) != len(self.frame):
                raise OperatorError(
                    f"{self._where()}, column {column!r}: {len(values):,} values for "
                    f"{len(self.frame):,} rows. Give one value a row."
                )
            one = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
            made = Column(arrow=one)
            self._frame = Frame({**self.frame.columns, column: made}, self.frame.ids)

    def observe(
        self,
        measure: str,
        values: npt.NDArray[np.float64],
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """Tell how a measure is distributed; see `Storage.observe`."""
        with self._stepping(None) as step:
            step.measures[measure] = made = Distribution(low, high)
            made.add(values)

    def note(self, findings: Mapping[str, Any]) -> None:
        """Tell what was found out about the table; see `Storage.note`."""
        with self._stepping(None) as step:
            if step.owner is not None and step.owner.scope == "row":
                raise OperatorError(
                    f"{self._where()}: an operator of scope 'row' sees one batch of the table, and "
                    "cannot note what the whole is like. Derive it from DatasetEvaluator, or tell "
                    "a measure of each row with storage.observe."
                )
            step.findings.update(as_json(step.name, findings))

    def rename(self, names: Mapping[str, str]) -> None:
        """Give columns other names; see `Storage.rename`."""
        with self._stepping(None):
            for name in names:
                if name not in self.frame.names:
                    raise missing_column(self._where(), name, self.frame.names)
            after = [names.get(name, name) for name in self.frame.names]
            for name in after:
                if after.count(name) > 1:
                    raise OperatorError(f"{self._where()}: two columns would be named {name!r}.")
                self._refuse_reserved(name)
            self._frame = self.frame.rename(names)

    def row_ids(self) -> RowIds:
        """Return the ids of the rows; see `Storage.row_ids`."""
        return self.frame.ids

    def extend(self, other: Storage) -> None:
        """Append the rows of another table; they get ids of their own.

        Args:
            other: The other table, such as a fork of this one.
        """
        if not isinstance(other, TableStorage):
            raise OperatorError(f"{self._where()}: cannot append rows of {type(other).__name__}")
        with self._stepping(None) as step:
            ids = self._fresh_ids(other.frame.ids, step.key)
            step.joined = np.concatenate([step.joined, ids])
            try:
                self._frame = concat_frames([self.frame, Frame(other.frame.columns, ids)])
            except FormatError as error:
                raise FormatError(f"{self._where()}: {error}") from error

    def perform(
        self, operator: Operator, bindings: Bindings, body: Callable[[Storage], None]
    ) -> None:
        """Run an operator, check its contract and keep its account; see `Storage.perform`."""
        if (pipeline := COMPILING.get()) is not None:
            raise PlanError(
                f"{pipeline}: forward() applies {operator.step_name()} to a storage that is "
                "neither the pipeline's own, nor a fork of it, nor an attribute of the pipeline. "
                "Make such a storage in __init__ and keep it as an attribute (self.lookup = …)."
            )
        with self._stepping(operator) as step:
            for clash in operator.clashes(bindings):
                raise ColumnError(f"{self._where()}: {clash}")
            kinds = {parameter.name: parameter.kind for parameter in operator.parameters()}
            for parameter, names in operator.reads(bindings).items():
                if parameter in kinds and kinds[parameter].name == "text":
                    step.texts.update(names)
                for name in names:
                    if name not in self.frame.columns:
                        where = f"{self._where()}, {parameter}"
                        raise missing_column(where, name, self.frame.names)
                if parameter in kinds and self.step_name is None and step.owner is operator:
                    self._require_kind(operator, parameter, kinds[parameter], names)
            if step.owner is operator:
                token = ROWS.set(self.frame.ids)
                try:
                    body(self)
                finally:
                    ROWS.reset(token)
            else:
                self._nested(step, body)

    def columns(self) -> Mapping[str, pa.DataType]:
        """Return the columns of the table and their types."""
        if self._frame is None and self.source is not None:
            schema = self.source.schema()
        else:
            schema = self.frame.schema()
        return dict(zip(schema.names, schema.types, strict=True))

    def fork(self) -> TableStorage:
        """Return an independent table that starts as this one does."""
        return TableStorage(self.frame)

    def dropped(self) -> pd.DataFrame:
        """Return the rows dropped so far, with step, reason and value; newest last."""
        return _as_rows([o.dropped.table(o.step) for o in self.outcomes if len(o.dropped)])

    def quarantined(self) -> pd.DataFrame:
        """Return the rows that failed so far, unreadable ones first, with their reasons."""
        failed = [o.failed.table(o.step) for o in self.outcomes if len(o.failed)]
        return _as_rows([*self._unreadable, *failed])

    def measures(self) -> pd.DataFrame:
        """Return how the measures taken so far are distributed, a row a step and measure.

        Returns:
            The columns step, measure, the quantiles (``"0.5"`` is the median), rows, absent (rows
            without a value), minimum, maximum, low and high (the bounds), below and above (rows
            beyond them).
        """
        rows = [
            {"step": outcome.step, "measure": name, **_flat(distribution.as_dict())}
            for outcome in self.outcomes
            for name, distribution in outcome.measures.items()
        ]
        return pd.DataFrame(rows)

    def findings(self) -> dict[str, dict[str, Any]]:
        """Return what steps found out so far about the table as a whole, by step."""
        return {outcome.step: outcome.findings for outcome in self.outcomes if outcome.findings}

    def _read_source(self, source: Source, schema: pa.Schema) -> Frame:
        frames, self._unreadable = [], []
        for batch in source.batches(schema):
            frames.append(Frame.from_arrow(batch.table, source_ids(SOURCE_KEY, batch.positions)))
            if batch.bad_rows:
                ids = source_ids(SOURCE_KEY, np.array(batch.bad_positions, np.int64))
                self._unreadable.append(unreadable_rows(batch, ids, SOURCE_KEY))
        return concat_frames(frames or [Frame.from_arrow(schema.empty_table(), NO_IDS)])

    @contextmanager
    def _stepping(self, operator: Operator | None) -> Iterator[RunningStep]:
        """Work within the running step, or begin one and settle its account in the end."""
        if self._step is not None:
            yield self._step
            return
        self._step = step = RunningStep(operator, self.step_name, self.frame)
        try:
            yield step
            self.outcomes.append(step.settle(self.frame))
        except BaseException as error:
            self._frame = step.before
            if isinstance(error, ModuleNotFoundError) and operator is not None:
                # No row can help that: the run ends here, with what to install.
                from dataflow_core.plugins.manager import PluginManager

                told = PluginManager(strict=False).needing(type(operator), error.name or str(error))
                raise ConfigurationError(f"step {step.name!r} {told}") from error
            if isinstance(error, Exception) and not isinstance(error, DataflowError):
                raise OperatorError(
                    f"step {step.name!r} failed: {type(error).__name__}: {error}"
                ) from error
            raise
        finally:
            self._step = None

    def _fresh_ids(self, ids: RowIds, step: str) -> RowIds:
        """Return ids for copies of rows, other ones for each time that the same rows come in."""
        for time in itertools.count():
            fresh = child_ids(ids, step, np.full(len(ids), time))
            if not np.isin(fresh, self.frame.ids).any():
                break
        return fresh

    def _nested(self, step: RunningStep, body: Callable[[Storage], None]) -> None:
        outer, step.read = step.read, set()
        try:
            body(self)
        finally:
            step.read |= outer

    def _require_kind(
        self, operator: Operator, parameter: str, kind: ColumnKind, names: Sequence[str]
    ) -> None:
        """Refuse columns of another type, as a check of a plan does: in a plan, it has done so."""
        for name in names:
            if told := kind.misfit(name, self.frame.columns[name].kind(), operator.step_name()):
                raise ColumnError(f"{self._where()}, {parameter}: {told}")

    def _where(self) -> str:
        return f"step {self._step.name!r}" if self._step is not None else "storage"

    def _positions(self, table: pd.DataFrame, step: RunningStep) -> npt.NDArray[np.int64]:
        if not isinstance(table, pd.DataFrame):
            raise OperatorError(
                f"{self._where()}: write takes a DataFrame, found {type(table).__name__}."
            )
        if not table.columns.is_unique:
            twice = table.columns[table.columns.duplicated()][0]
            raise OperatorError(f"{self._where()}: the column {twice!r} stands twice in the table.")
        ids = _ids_of(table.index)
        positions = positions_of(self.frame.ids, ids) if ids is not None else np.array([-1])
        if ids is None or (positions < 0).any():
            raise OperatorError(
                f"{self._where()}: the index of the written table does not hold the row ids of "
                "the table that was read. The index is each row's identity: keep it (no "
                "reset_index, no merge without index, no concat with ignore_index)."
            )
        step.check_order(positions)
        return positions

    def _carried(
        self, table: pd.DataFrame, step: RunningStep, positions: npt.NDArray[np.int64]
    ) -> dict[str, Column]:
        written = set(table.columns)
        chosen = Selection(positions)
        same = len(positions) == len(self.frame) and chosen.is_ascending
        return {
            name: column if same else column.take(chosen)
            for name, column in self.frame.columns.items()
            if name in HIDDEN or (name not in written and name not in step.read)
        }

    def _written(self, name: str, array: Any, positions: npt.NDArray[np.int64]) -> Column:
        self._refuse_reserved(name)
        known = self.frame.columns.get(name)
        if known is None:
            return Column(array=array)
        if known.holds_json() and not isinstance(array, pd.arrays.ArrowExtensionArray):
            return known.take(Selection(positions)).rewritten(array)
        return known.replaced_by(array)

    def _refuse_reserved(self, name: str) -> None:
        if name.startswith("__dataflow_"):
            raise OperatorError(
                f"{self._where()}: the column name {name!r} is reserved; choose another."
            )

    def _name_children(self, step: RunningStep) -> None:
        parents = self.frame.ids
        children = child_ids(parents, step.key, ordinals(parents))
        step.parents = np.concatenate([step.parents, parents])
        step.children = np.concatenate([step.children, children])
        self._frame = Frame(self.frame.columns, children)

    def _drop_children(self, step: RunningStep, positions: npt.NDArray[np.int64]) -> None:
        """Drop what the step made before and now leaves out, as it does for rows that came in."""
        gone = np.isin(self.frame.ids, step.children)
        gone[positions] = False
        lost = np.flatnonzero(gone)
        if len(lost):
            step.dropped.add(self.frame.take(lost), [MADE_NO_ROWS] * len(lost))

    def _quarantine_failures(self, step: RunningStep) -> None:
        failures, sound = _failures(self.frame)
        if not failures:
            return
        positions = np.array(sorted(failures), dtype=np.int64)
        found = [failures[position] for position in positions]
        step.failed.add(
            Frame(sound, self.frame.ids).take(positions),
            [failure.reason for failure in found],
            [failure.raw for failure in found],
            messages=[failure.message or None for failure in found],
        )
        self._keep_others(positions)

    def _keep_others(self, positions: npt.NDArray[np.int64]) -> None:
        keep = np.ones(len(self.frame), dtype=bool)
        keep[positions] = False
        self._frame = self.frame.take(np.flatnonzero(keep))


def _ids_of(index: pd.Index) -> RowIds | None:
    if index.dtype == np.uint64:
        return index.to_numpy()
    if not len(index):
        return NO_IDS
    return None


def _failures(frame: Frame) -> tuple[dict[int, RowFailure], dict[str, Column]]:
    """Return the failed rows by position, and the columns that hold no failure."""
    found: dict[int, RowFailure] = {}
    sound = {}
    for name, column in frame.columns.items():
        failures = dict(column.failures())
        found = {**failures, **found}
        if not failures:
            sound[name] = column
    return found, sound


def _flat(distribution: dict[str, Any]) -> dict[str, Any]:
    return {**distribution.pop("quantiles"), **distribution}


def _ordered(columns: dict[str, Column], order: Sequence[str]) -> dict[str, Column]:
    return {name: columns[name] for name in dict.fromkeys([*order, *columns]) if name in columns}


def _per_row(value: Any, rows: int, single: type | tuple[type, ...]) -> list[Any]:
    return [value] * rows if isinstance(value, single) else list(value)


def _as_rows(parts: list[pa.Table]) -> pd.DataFrame:
    merged = concat(parts) if parts else Removed().table("")
    columns = {name: to_pandas(merged[name]) for name in merged.column_names if name != "row_id"}
    return pd.DataFrame(columns, index=pd.Index(merged["row_id"].to_pylist(), name="row_id"))
