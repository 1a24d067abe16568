"""Files as such: packed, mislabelled, missing; found by name; written whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow_core.errors import FormatError, SourceError, StorageError
from dataflow_core.storage.formats import ReadOptions, expand_source, reader_for, writer_for
from dataflow_core.storage.formats.atomic import AtomicFile

TABLE = pa.table({"a": [f"text number {n}" for n in range(50_000)]})
PACKED = [".gz", ".zst", ".bz2"]
TEXTS = [".jsonl", ".json", ".csv", ".tsv"]


def write(path: Path, table: pa.Table = TABLE, size: int = 10_000) -> None:
    with writer_for(path, table.schema) as writer:
        for start in range(0, table.num_rows, size):
            writer.write(table.slice(start, size))


def read(path: Path) -> pa.Table:
    reader = reader_for(path, ReadOptions())
    batches = reader.batches(reader.sample_schema(), 10_000, 1 << 18)
    return pa.concat_tables([batch.table for batch in batches])


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as raised:
        read(path)
    assert str(raised.value).startswith(str(path))
    return str(raised.value)


def pack(data: bytes, ending: str) -> bytes:
    sink = pa.BufferOutputStream()
    codec = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}[ending]
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("ending", TEXTS)
def test_packed_files_come_back(tmp_path: Path, ending: str, packed: str) -> None:
    path = tmp_path / f"rows{ending}{packed}"
    table = TABLE.slice(0, 2000)
    write(path, table)
    assert path.stat().st_size < table.nbytes / 2
    assert read(path).equals(table)


def test_other_tools_read_what_is_packed(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl")
    plain = (tmp_path / "rows.jsonl").read_bytes()
    for packed, unpack in ((".gz", gzip.decompress), (".bz2", bz2.decompress)):
        write(tmp_path / f"rows.jsonl{packed}")
        assert unpack((tmp_path / f"rows.jsonl{packed}").read_bytes()) == plain


@pytest.mark.parametrize("packed", PACKED)
def test_packed_bytes_do_not_depend_on_the_batches(tmp_path: Path, packed: str) -> None:
    outputs = set()
    for size in (999, 50_000):
        write(tmp_path / f"rows.jsonl{packed}", TABLE, size)
        outputs.add((tmp_path / f"rows.jsonl{packed}").read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("packed", PACKED)
def test_files_packed_in_several_parts_are_read_whole(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"rows.jsonl{packed}"
    parts = [b'{"a":"1"}\n', b"", b'{"a":"2"}\n', b'{"a":', b'"3"}\n', b""]
    # Arrow stops at an empty part amid bzip2, loudly; no tool makes one.
    parts = [part for part in parts if part or packed != ".bz2"]
    path.write_bytes(b"".join(pack(part, packed) for part in parts))
    assert read(path)["a"].to_pylist() == ["1", "2", "3"]


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, -8, -1])
def test_a_packed_file_cut_short_is_an_error_not_a_short_table(
    tmp_path: Path, packed: str, kept: float
) -> None:
    path = tmp_path / f"rows.jsonl{packed}"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if kept > 0 else int(kept)])
    assert "cannot be unpacked: it was cut short" in refusal(path)


@pytest.mark.parametrize("ending", [".csv.gz", ".json.zst"])
def test_every_text_format_notices_a_file_cut_short(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    write(path)
    path.write_bytes(path.read_bytes()[:-4])
    assert "cut short" in refusal(path)


def test_a_damaged_packed_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    write(path)
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "cannot be unpacked" in refusal(path)
    assert "Fetch or pack it again" in refusal(path)


@pytest.mark.parametrize("ending", [".parquet.gz", ".arrow.zst"])
def test_packed_columnar_files_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    with pytest.raises(SourceError, match="unpack the file"):
        reader_for(path, ReadOptions())
    with pytest.raises(FormatError, match="leave"):
        writer_for(path, TABLE.schema)


def contents() -> dict[str, bytes]:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE.slice(0, 3), sink)
    with pa.BufferOutputStream() as arrow, pa.ipc.new_file(arrow, TABLE.schema) as writer:
        writer.write_table(TABLE.slice(0, 3))
    lines = b'{"a":"1"}\n'
    return {
        "Parquet": sink.getvalue().to_pybytes(),
        "JSON": lines,
        "a JSON array": b'[{"a":"1"}]',
        "text": b"a,b\n1,2\n",
        "gzip": gzip.compress(lines),
        "zstd": pack(lines, ".zst"),
        "bzip2": bz2.compress(lines),
        "a ZIP archive": b"PK\x03\x04rest",
        "text in UTF-16": '{"a":"1"}'.encode("utf-16"),
        "a PDF document": b"%PDF-1.7",
    }


@pytest.mark.parametrize(
    ("ending", "found", "advice"),
    [
        (".jsonl", "Parquet", "rename it to end in .parquet"),
        (".jsonl", "gzip", "rename it to end in .gz (such as .jsonl.gz), or unpack it"),
        (".json", "zstd", "rename it to end in .zst"),
        (".csv", "bzip2", "rename it to end in .bz2"),
        (".csv", "a ZIP archive", "convert it"),
        (".jsonl", "text in UTF-16", "convert it"),
        (".tsv", "a PDF document", "name another file"),
        (".parquet", "JSON", "rename it to end in .jsonl"),
        (".parquet", "a JSON array", "rename it to end in .json"),
        (".parquet", "text", "rename it to end in .csv"),
        (".arrow", "Parquet", "rename it to end in .parquet"),
        (".arrows", "Parquet", "rename it to end in .parquet"),
        (".jsonl.gz", "JSON", "rename it to end in .jsonl"),
        (".jsonl.gz", "zstd", "rename it to end in .zst"),
        (".csv.zst", "text", "rename it to end in .csv"),
    ],
)
def test_an_ending_that_lies_is_told(tmp_path: Path, ending: str, found: str, advice: str) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_bytes(contents()[found])
    message = refusal(path)
    assert f"but looks like {found}:" in message
    assert advice in message


def test_a_packed_file_that_holds_another_format_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(contents()["Parquet"]))
    assert "looks like Parquet" in refusal(path)


ALL = [*TEXTS, ".parquet", ".arrow", ".feather", ".arrows", ".jsonl.gz", ".csv.bz2"]


@pytest.mark.parametrize("ending", ALL)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    assert "does not exist" in refusal(path)
    path.touch()
    assert "is empty (0 bytes)" in refusal(path)
    write(path, TABLE.slice(0, 3))
    path.chmod(0)
    with unprivileged():
        assert "permission denied; allow reading it" in refusal(path)
    folder = tmp_path / f"folder{ending}"
    folder.mkdir()
    assert "is a folder; name a file in it" in refusal(folder)


def test_text_that_only_begins_like_a_magic_number_is_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("BZh,ORC\n1,2\n")
    assert read(path).to_pylist() == [{"BZh": "1", "ORC": "2"}]


@pytest.mark.parametrize("name", ["rows.jsnl", "rows", "rows.txt.gz"])
def test_an_unknown_ending_lists_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        SourceError, match=r"names no known format.*Known endings: \.jsonl .*\.parquet"
    ):
        reader_for(tmp_path / name, ReadOptions())
    with pytest.raises(FormatError, match="names no known format"):
        writer_for(tmp_path / name, TABLE.schema)


def test_the_nearest_ending_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Did you mean '\.jsonl'\?"):
        reader_for(tmp_path / "rows.jsnl", ReadOptions())


def test_endings_may_be_in_capitals(tmp_path: Path) -> None:
    write(tmp_path / "ROWS.JSONL.GZ", TABLE.slice(0, 2))
    assert read(tmp_path / "ROWS.JSONL.GZ").num_rows == 2


# Finding files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ["b.jsonl", "a.jsonl.gz", "sub/c.ndjson", ".hidden.jsonl", "_part.jsonl"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    for name in [".git/d.jsonl", "_work/e.jsonl", "sub/notes.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    return tmp_path


def names(tree: Path, source: str) -> list[str]:
    return [path.relative_to(tree).as_posix() for path in expand_source(f"{tree}{source}")]


def test_files_are_found_by_file_glob_and_folder(tree: Path) -> None:
    assert names(tree, "/b.jsonl") == ["b.jsonl"]
    assert names(tree, "/.hidden.jsonl") == [".hidden.jsonl"]
    assert names(tree, "") == ["a.jsonl.gz", "b.jsonl", "sub/c.ndjson"]
    assert names(tree, "/*.jsonl*") == ["_part.jsonl", "a.jsonl.gz", "b.jsonl"]
    assert names(tree, "/**/*.*json*") == [
        "_part.jsonl",
        "_work/e.jsonl",
        "a.jsonl.gz",
        "b.jsonl",
        "sub/c.ndjson",
    ]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "rows[1].jsonl").write_text("{}\n")
    assert names(tmp_path, "/rows[1].jsonl") == ["rows[1].jsonl"]


def test_a_missing_file_names_the_nearest(tree: Path) -> None:
    with pytest.raises(SourceError, match=r"bb\.jsonl does not exist\. Did you mean 'b\.jsonl'\?"):
        expand_source(str(tree / "bb.jsonl"))
    with pytest.raises(SourceError, match=r"there is no folder .*nowhere"):
        expand_source(str(tree / "nowhere" / "b.jsonl"))


def test_a_folder_or_glob_without_data_files_lists_the_known_endings(tree: Path) -> None:
    (tree / "empty").mkdir()
    for source in ("/empty", "/*.nothing"):
        with pytest.raises(SourceError, match=r"has no data files.*\.jsonl.*\.parquet.*\.gz"):
            expand_source(f"{tree}{source}")


def test_mixed_formats_are_refused_by_name(tree: Path) -> None:
    (tree / "x.csv").write_text("a\n")
    with pytest.raises(
        SourceError, match=r"several formats \(CSV: .*x\.csv; JSONL: .*a\.jsonl\.gz"
    ):
        expand_source(str(tree))


# Writing whole or not at all


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "out.jsonl"
    writer = writer_for(path, TABLE.schema)
    writer.write(TABLE)
    assert not path.exists()
    writer.close()
    assert [p.name for p in path.parent.iterdir()] == ["out.jsonl"]
    assert read(path).equals(TABLE)


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(link, TABLE.slice(0, 1))
    assert link.is_symlink()
    assert read(real).num_rows == 1
    assert real.stat().st_mode & 0o777 == 0o640


def test_new_files_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "out.jsonl", TABLE.slice(0, 1))
    finally:
        os.umask(before)
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".parquet", ".arrow"])
def test_a_file_that_outgrows_the_disk_leaves_nothing(tmp_path: Path, ending: str) -> None:
    table = pa.table({"a": [os.urandom(600).hex() for _ in range(2000)]})
    path = tmp_path / f"out{ending}"
    with at_most(100_000), pytest.raises(StorageError) as raised:
        write(path, table, 100)
    assert f"cannot write {path}" in str(raised.value)
    assert "File too large" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_how_to_go_on(tmp_path: Path) -> None:
    file = AtomicFile(tmp_path / "out.bin")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._descriptor)
    os.close(full)
    with pytest.raises(StorageError, match=r"No space left.*Free some space"):
        file.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_forbidden_folder_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with unprivileged(), pytest.raises(StorageError, match=r"denied\. Allow writing to the folder"):
        writer_for(folder / "out.jsonl", TABLE.schema)


def test_a_folder_or_device_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"it is a folder.*Name a file inside"):
        writer_for(tmp_path / "out.jsonl", TABLE.schema)
    (tmp_path / "null.jsonl").symlink_to("/dev/null")
    with pytest.raises(StorageError, match="not a regular file"):
        writer_for(tmp_path / "null.jsonl", TABLE.schema)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="is a file, not a folder"):
        writer_for(tmp_path / "file" / "out.jsonl", TABLE.schema)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as a user who may not do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before: Any = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
