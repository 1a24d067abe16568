"""Export a table as training data: streamed, and written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core.errors import ColumnError, ConfigurationError, StorageError, did_you_mean
from dataflow_core.export.conversion import convert, table_of_rows
from dataflow_core.export.formats import format_called
from dataflow_core.export.layouts import (
    DATASET_INFO,
    TEST,
    TRAIN,
    Layout,
    describe_datasets,
    layout_of,
)
from dataflow_core.export.names import TABLE_FORMATS, LayoutName
from dataflow_core.export.rejects import Rejects
from dataflow_core.export.roles import Roles, assign_roles
from dataflow_core.export.row_source import RowBatch, RowSource
from dataflow_core.export.training_format import TrainingFormat
from dataflow_core.storage.formats import SchemaMisfit, Writer, writer_for
from dataflow_core.storage.formats.atomic import write_bytes
from dataflow_core.storage.formats.endings import format_of
from dataflow_core.table.identity import RowIds, child_ids, formatted
from dataflow_core.table.types import is_json, visible
from dataflow_core.wording import counted

EXTRA_INFO = "extra_info"
"""verl's column of what tells a row from others: its split, place and id, and what is kept."""

_EXTRA = {"split": pa.string(), "index": pa.int64(), "row_id": pa.string()}


@dataclass(frozen=True)
class ExportOptions:
    """How to export.

    Attributes:
        format: A training format, or ``jsonl``, ``parquet`` or ``csv`` for the table as it is.
        output: A file or folder; see `layout_of`.
        layout: How the files of a folder lie; None for what reads the format.
        columns: Columns by role; see `assign_roles`.
        constants: Texts by role, the same in all rows.
        keep: Further columns that go along as they are; for verl, into ``extra_info``.
        test_share: The share of rows, above 0 and below 1, that go into a test split; 0 for none.
        seed: Which rows those are; with the same seed, always the same ones.
        name: What LLaMA-Factory calls the data set; None for the folder's name.
        ignore_keys: Keys that messages may have, which go nowhere.
        tool_calls: Whether messages may call tools where columns have fixed types.
        on_bad_row: What to do with a row that does not fit, or that the storage could not read and
            has set aside.
        force: Whether files that are there are replaced.
    """

    format: str
    output: str
    layout: LayoutName | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    test_share: float = 0.0
    seed: int = 0
    name: str | None = None
    ignore_keys: tuple[str, ...] = ()
    tool_calls: bool = False
    on_bad_row: Literal["error", "quarantine"] = "error"
    force: bool = False


@dataclass(frozen=True)
class ExportSummary:
    """What an export did.

    Attributes:
        source: Where the rows came from.
        format: The format.
        layout: How the files lie.
        rows_in: How many rows were read, unreadable ones included.
        files: The file of each split, with its rows.
        columns: The column of each role.
        constants: The roles with one text in all rows.
        rejected: How many rows were set aside, by reason.
        rejects: The file of those; None without any.
        dataset_info: LLaMA-Factory's list of data sets; None in other layouts.
        datasets: What it calls the data sets.
    """

    source: str
    format: str
    layout: LayoutName
    rows_in: int
    files: Mapping[str, tuple[Path, int]]
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    rejected: Mapping[str, int]
    rejects: Path | None
    dataset_info: Path | None
    datasets: tuple[str, ...]

    @property
    def rows_out(self) -> int:
        """How many rows were written."""
        return sum(rows for _, rows in self.files.values())

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "source": self.source,
            "format": self.format,
            "layout": self.layout,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "rows_rejected": sum(self.rejected.values()),
            "rejected": dict(self.rejected),
            "rejects": None if self.rejects is None else str(self.rejects),
            "files": [
                {"split": split, "path": str(path), "rows": rows}
                for split, (path, rows) in self.files.items()
            ],
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "dataset_info": None if self.dataset_info is None else str(self.dataset_info),
            "datasets": list(self.datasets),
        }


def export(rows: RowSource, options: ExportOptions) -> ExportSummary:
    """Write rows as training data.

    Args:
        rows: The rows.
        options: How.

    Raises:
        ConfigurationError: The options do not go together.
        ColumnError: What the format needs is not among the columns.
        BadRowError: A row does not fit, and such rows are not set aside.
        StorageError: Files are there already, cannot be written, or there is no row to write.
    """
    if not 0 <= options.test_share < 1:
        raise ConfigurationError(f"test_share is {options.test_share}; from 0 to below 1 wanted.")
    layout = layout_of(
        options.output,
        options.format,
        options.layout,
        name=options.name,
        has_test=options.test_share > 0,
    )
    _require_free(layout, rows, force=options.force)
    try:
        return _Export(rows, options, layout, exact=False).run()
    except SchemaMisfit:
        return _Export(rows, options, layout, exact=True).run()


def is_test(ids: RowIds, share: float, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Tell which rows belong to a test split: by their ids alone, so that they always do.

    Args:
        ids: The ids.
        share: About the share of rows that do.
        seed: With another one, others do.
    """
    mixed = child_ids(ids, f"test split {seed}", np.zeros(len(ids), np.int64))
    return mixed < np.uint64(int(share * 2.0**64))


class _Export:
    """One pass over the rows."""

    def __init__(
        self, rows: RowSource, options: ExportOptions, layout: Layout, *, exact: bool
    ) -> None:
        self._rows = rows
        self._options = options
        self._layout = layout
        self._exact = exact
        self._schema = visible(rows.schema(exact=exact))
        self._form, self._roles = self._understood()
        self._kept = self._kept_types()
        self._writers: dict[str, Writer] = {}
        self._counts = dict.fromkeys(layout.files, 0)
        self._read = 0
        stop = options.on_bad_row == "error"
        self._rejects = Rejects(layout.rejects, rows.describe(), stop=stop)

    def run(self) -> ExportSummary:
        """Write the files.

        Raises:
            StorageError: There is no row to write.
        """
        info = self._dataset_info()
        with ExitStack() as undo:
            undo.callback(self._discard)
            for split, path in self._layout.files.items():
                self._writers[split] = writer_for(path, self._written_schema())
            for batch in self._rows.batches(exact=self._exact):
                self._take(batch)
            self._rejects.close()
            self._require_rows()
            for writer in self._writers.values():
                writer.close()
            undo.pop_all()
        if info is not None and self._layout.info is not None:
            write_bytes(self._layout.info, info)
        for path in self._layout.stale:
            path.unlink(missing_ok=True)
        return self._summary()

    def _understood(self) -> tuple[TrainingFormat | None, Roles]:
        """Return the format, None for the table as it is, and what plays its roles."""
        asked = self._options
        if asked.format in TABLE_FORMATS:
            if asked.columns or asked.constants or asked.keep:
                raise ConfigurationError(
                    f"--format {asked.format} takes the table as it is: leave --column, --constant "
                    "and --keep out. core/select_columns chooses columns."
                )
            return None, Roles({})
        kind = format_called(asked.format)
        columns = {one.name: one.type for one in self._schema}
        roles = assign_roles(kind, columns, asked.columns, asked.constants)
        llama = self._layout.kind == "llama-factory"
        if llama and asked.tool_calls:
            raise ConfigurationError(
                "the layout llama-factory has calls of tools in --format sharegpt; leave "
                "--tool-calls out."
            )
        typed = llama or not _is_json_file(self._layout.files[TRAIN])
        form = kind(roles.names, asked.ignore_keys, typed=typed, tool_calls=asked.tool_calls)
        return form, roles

    def _kept_types(self) -> dict[str, pa.DataType]:
        """Return the columns that go along, with their types."""
        kinds = {one.name: one.type for one in self._schema}
        own = {} if self._form is None else self._form.columns()
        if self._is_verl:
            own = {**own, **_EXTRA}
        for name in self._options.keep:
            if name not in kinds:
                raise ColumnError(
                    f"--keep: no column {name!r}.{did_you_mean(name, kinds)} The table has: "
                    f"{', '.join(kinds)}."
                )
            if name in own:
                raise ColumnError(
                    f"--keep: {self._options.format} has {name!r} itself. Rename the table's "
                    "first, with core/rename_columns."
                )
        return {name: kinds[name] for name in self._options.keep}

    def _written_schema(self) -> pa.Schema:
        if self._form is None:
            return self._schema
        own = self._form.columns()
        beside = {EXTRA_INFO: self._extra_type()} if self._is_verl else self._kept
        return pa.schema(list({**own, **beside}.items()))

    @property
    def _is_verl(self) -> bool:
        return self._form is not None and self._form.name == "verl"

    def _extra_type(self) -> pa.DataType:
        kept = {name: _storable(kind) for name, kind in self._kept.items()}
        return pa.struct([*_EXTRA.items(), *kept.items()])

    def _take(self, batch: RowBatch) -> None:
        """Write the rows of a batch that fit, and set the others aside."""
        self._read += batch.table.num_rows + len(batch.unreadable)
        if self._form is None:
            self._rejects.add(batch, {})
            self._write_split(batch.table, batch.ids, None)
            return
        columns = {name: batch.table[name] for name in self._schema.names}
        done = convert(self._form, self._roles, columns)
        self._rejects.add(batch, done.misfits)
        places = np.array(done.places, np.int64)
        kept = batch.table.select(list(self._kept)).take(pa.array(places))
        self._write_split(table_of_rows(self._form, done.rows), batch.ids[places], kept)

    def _write_split(self, table: pa.Table, ids: RowIds, kept: pa.Table | None) -> None:
        share = self._options.test_share
        tested = is_test(ids, share, self._options.seed)
        for split, writer in self._writers.items():
            chosen = np.flatnonzero(tested == (split == TEST))
            rows = table.take(pa.array(chosen))
            if kept is not None:
                rows = self._with_kept(rows, kept.take(pa.array(chosen)), ids[chosen], split)
            writer.write(rows)
            self._counts[split] += len(chosen)

    def _with_kept(self, rows: pa.Table, kept: pa.Table, ids: RowIds, split: str) -> pa.Table:
        """Return rows with the columns that go along."""
        if not self._is_verl:
            for name in kept.column_names:
                rows = rows.append_column(name, kept[name])
            return rows
        start = self._counts[split]
        arrays = [
            pa.array([split] * len(ids), pa.string()),
            pa.array(range(start, start + len(ids)), pa.int64()),
            formatted(ids),
            *(_stored(kept[name].combine_chunks()) for name in kept.column_names),
        ]
        fields = list(self._extra_type())
        return rows.append_column(EXTRA_INFO, pa.StructArray.from_arrays(arrays, fields=fields))

    def _dataset_info(self) -> bytes | None:
        if self._layout.kind != "llama-factory" or self._form is None:
            return None
        description = self._form.description() or {}
        return describe_datasets(self._layout, description, replace=self._options.force)

    def _require_rows(self) -> None:
        """Refuse to write a split without rows."""
        empty = [split for split, rows in self._counts.items() if not rows]
        if not empty:
            return
        written = sum(self._counts.values())
        if written:
            raise StorageError(
                f"of {counted(written, 'row')}, none fell into the {empty[0]} split. Choose "
                "another --test-share or --seed."
            )
        aside = ""
        if self._rejects.count:
            aside = f" {counted(self._rejects.count, 'row')} did not fit; see {self._rejects.path}."
        raise StorageError(
            f"{self._rows.describe()}: no row is left to write as {self._options.format}.{aside}"
        )

    def _discard(self) -> None:
        for writer in self._writers.values():
            writer.discard()
        self._rejects.discard()

    def _summary(self) -> ExportSummary:
        layout = self._layout
        return ExportSummary(
            self._rows.describe(),
            self._options.format,
            layout.kind,
            self._read,
            {split: (path, self._counts[split]) for split, path in layout.files.items()},
            self._roles.columns,
            self._roles.constants,
            dict(self._rejects.reasons.most_common()),
            layout.rejects if self._rejects.count else None,
            layout.info,
            tuple(layout.datasets.values()) if layout.info else (),
        )


def _require_free(layout: Layout, rows: RowSource, *, force: bool) -> None:
    """Refuse to replace files, unless that is asked for, and always those that are read."""
    paths = (*layout.files.values(), *layout.stale, layout.rejects)
    for path in paths:
        rows.refuse_to_overwrite(path)
    there = [path for path in paths if path.exists()]
    if there and not force:
        raise StorageError(
            f"{', '.join(map(str, there))}: there already. Name another output, or replace with "
            f"--force{f'; other data sets of {DATASET_INFO} stay' if layout.info else ''}."
        )


def _is_json_file(path: Path) -> bool:
    found = format_of(path)
    return found is not None and found.name in ("JSON", "JSONL")


def _storable(kind: pa.DataType) -> pa.DataType:
    """Return the type of a kept value inside ``extra_info``: JSON is its text."""
    return pa.string() if is_json(kind) else kind


def _stored(array: pa.Array) -> pa.Array:
    return array.storage.cast(pa.string()) if is_json(array.type) else array
