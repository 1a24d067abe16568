"""Any rows that JSON can say come back exactly, whatever the sizes of blocks and batches."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core.storage.formats import ReadOptions, SchemaMisfit, reader_for, writer_for
from dataflow_core.table.types import concat
from dataflow_core.table.values import rows_of

QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"a":', '" :', "\x00", "\u2028", "a\nb", "\\", '"', "é", "😀", "null", "{", "}\n{"]
)
numbers = (
    st.integers(-3, 3)
    | st.integers(-(1 << 70), 1 << 70)
    | st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63)])
    | st.floats(allow_nan=False, allow_infinity=False)
)
scalars = st.none() | st.booleans() | numbers | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["a", "b", "c d", 'q"', "é"]) | text.filter(
    lambda key: not key.startswith("__dataflow_")
)
ragged_rows = st.lists(st.dictionaries(keys, values, max_size=4), min_size=1, max_size=8).filter(
    any
)


@st.composite
def flat_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows as most files have them: the same keys, one kind of scalar a column, some nulls."""
    kinds = [text, st.integers(-(1 << 63), (1 << 63) - 1), numbers, st.booleans()]
    columns = draw(st.dictionaries(keys, st.sampled_from(kinds), min_size=1, max_size=4))
    missing = st.none() if draw(st.booleans()) else st.nothing()
    count = draw(st.integers(1, 8))
    return [{n: draw(kind | missing) for n, kind in columns.items()} for _ in range(count)]


rows_of_any_kind = ragged_rows | flat_rows()


@given(rows=rows_of_any_kind, spaced=st.booleans(), ascii_only=st.booleans(), data=st.data())
@pytest.mark.parametrize("ending", [".jsonl", ".json"])
@QUICK
def test_rows_come_back_exactly(
    ending: str, rows: list[dict[str, Any]], spaced: bool, ascii_only: bool, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder, f"source{ending}")
        separators = (", ", ": ") if spaced else (",", ":")
        source.write_text(
            "\n".join(
                json.dumps(row, ensure_ascii=ascii_only, separators=separators) for row in rows
            ),
            encoding="utf-8",
        )
        table = read(source, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 400)))
        assert same(rows_of(table), rows)

        target = Path(folder, f"target{ending}")
        write(target, table, data.draw(st.integers(1, 9)))
        assert same(rows_of(read(target)), rows)
        assert same(parsed(target), rows)


@given(rows=rows_of_any_kind, sizes=st.lists(st.integers(1, 300), min_size=2, max_size=2))
@pytest.mark.parametrize("ending", [".jsonl", ".json"])
@QUICK
def test_block_and_batch_sizes_change_nothing(
    ending: str, rows: list[dict[str, Any]], sizes: list[int]
) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder, f"source{ending}")
        source.write_text("\n".join(json.dumps(row) for row in rows))
        outputs = set()
        for number, size in enumerate(sizes):
            table = read(source, batch_rows=size % 5 + 1, batch_bytes=size)
            target = Path(folder, f"{number}{ending}")
            write(target, table, size % 7 + 1)
            outputs.add((str(table.schema), target.read_bytes()))
        assert len(outputs) == 1


@given(rows=rows_of_any_kind)
@QUICK
def test_the_exact_schema_fits_every_row(rows: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder, "rows.jsonl")
        source.write_text("\n".join(json.dumps(row) for row in rows))
        reader = reader_for(source, ReadOptions())
        assert reader.sample_schema().equals(reader.exact_schema())  # all rows are in the sample
        tables = [b.table for b in reader.batches(reader.exact_schema(), 3, 40)]
        assert sum(table.num_rows for table in tables) == len(rows)


def read(path: Path, batch_rows: int = 100, batch_bytes: int = 1 << 20) -> pa.Table:
    """Read a file as its storage does: again with the exact schema where the sample's misfits."""
    reader = reader_for(path, ReadOptions())
    try:
        batches = list(reader.batches(reader.sample_schema(), batch_rows, batch_bytes))
    except SchemaMisfit:
        batches = list(reader.batches(reader.exact_schema(), batch_rows, batch_bytes))
    positions = [number for batch in batches for number in batch.positions.tolist()]
    assert positions == list(range(len(positions)))
    assert all(batch.table.num_rows <= batch_rows for batch in batches)
    return concat([batch.table for batch in batches])


def write(path: Path, table: pa.Table, batch_rows: int) -> None:
    """Write a table in batches."""
    with writer_for(path, table.schema) as writer:
        for start in range(0, table.num_rows, batch_rows):
            writer.write(table.slice(start, batch_rows))


def parsed(path: Path) -> list[Any]:
    """Return what the standard library reads from a file."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return list(json.loads(content))
    return [json.loads(line) for line in content.split("\n") if line]


def same(found: Any, wanted: Any) -> bool:
    """Compare strictly: 1 is neither True nor 1.0, unless it stands in a column of floats."""
    if type(wanted) is int and type(found) is float:
        return found == wanted
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)
