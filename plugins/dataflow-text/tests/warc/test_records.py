"""Records of WARC files: which are rows, and what happens where a file is damaged."""

from __future__ import annotations

import gzip
import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core.errors import BadRowError, ConfigurationError, SourceError
from dataflow_text import WarcStorage

SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def three(record, answer):
    """Three records whose pages are the letters a, b and c."""
    return [record(answer(letter * 500)) for letter in (b"a", b"b", b"c")]


def letters(storage):
    return [page[0] for page in storage.read()["html"]]


def written(path, data):
    path.write_bytes(data)
    return path


def test_each_record_of_the_usual_types_is_a_row(tmp_path, record, answer, packed):
    path = written(
        tmp_path / "crawl.warc.gz",
        packed(
            record(b"software: x\r\n", "warcinfo", "application/warc-fields"),
            record(b"GET / HTTP/1.1\r\n\r\n", "request", "application/http; msgtype=request"),
            record(answer()),
            record(answer(b""), "revisit"),
            record(b"a note", "resource", "text/plain; charset=utf-8"),
            record(b"fetchTimeMs: 5", "metadata", "application/warc-fields"),
            record(
                "Füße".encode(), "conversion", "text/plain",
                WARC_Identified_Content_Language="deu,eng",
            ),
        ),
    )  # fmt: skip
    table = WarcStorage(path).read()
    assert table["warc_type"].tolist() == ["response", "resource", "conversion"]
    assert table["html"].tolist()[0] == "<html><p>Hello</p></html>"
    assert table["text"].tolist()[1:] == ["a note", "Füße"]
    assert table["language"].tolist()[2] == "deu,eng"
    assert table["http_status"].isna().tolist() == [False, True, True]
    assert table["date"].unique().tolist() == ["2024-01-02T03:04:05Z"]
    assert table["url"].str.startswith("http://example.org/").all()

    others = WarcStorage(path, record_types=["request", "warcinfo", "revisit"]).read()
    assert others["warc_type"].tolist() == ["warcinfo", "request", "revisit"]
    assert others["text"].tolist()[0] == "software: x\r\n"
    assert others["problem"].tolist()[2] == "no_payload"


def test_packing_makes_no_difference(tmp_path, three, packed):
    whole = b"".join(three)
    forms = {
        "plain.warc": whole,
        "members.warc.gz": packed(*three),
        "one_member.warc.gz": gzip.compress(whole),
        "split.warc.gz": packed(whole[:700], whole[700:705], whole[705:]),
        "frames.warc.zst": b"".join(pa.compress(one, "zstd", asbytes=True) for one in three),
    }
    for name, data in forms.items():
        assert letters(WarcStorage(written(tmp_path / name, data))) == ["a", "b", "c"], name


def test_fields_may_be_folded_in_any_case_and_in_utf8(tmp_path):
    head = (
        "WARC/1.1\r\nwarc-type: RESPONSE\r\nWARC-TARGET-URI:\r\n <http://ü.example/中>\r\n"
        "no field\r\ncontent-length: 4\r\n\r\n"
    )
    (row,) = WarcStorage(written(tmp_path / "a.warc", head.encode() + b"text\r\n\r\n")).read().iloc
    assert row["url"] == "http://ü.example/中"
    assert row["problem"] == "not_text"


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_file_that_was_cut_short_is_told_apart_from_a_whole_one(tmp_path, three, packed, name):
    data = packed(*three) if name.endswith("gz") else b"".join(three)
    last = len(data) - len(packed(three[2]) if name.endswith("gz") else three[2])
    for end in (last + 3, last + 40, last + (len(data) - last) * 2 // 3):
        path = written(tmp_path / name, data[:end])
        with pytest.raises(BadRowError, match="cut short") as caught:
            WarcStorage(path).read()
        assert f"{path}, record at byte {last:,}" in str(caught.value)
        assert "--on-bad-row quarantine" in str(caught.value)
        storage = WarcStorage(path, on_bad_row="quarantine")
        assert letters(storage) == ["a", "b"]
        (row,) = storage.quarantined().iloc
        assert (row["reason"], row["path"]) == ("unreadable", str(path))
        assert row["raw"] == data[last:end]


def test_reading_goes_on_after_a_damaged_member(tmp_path, three, packed):
    first, second, third = (packed(one) for one in three)
    for place in (0, 12, len(second) // 2, len(second) - 6):
        damaged = bytearray(second)
        damaged[place] ^= 0xFF
        path = written(tmp_path / "a.warc.gz", first + damaged + third)
        storage = WarcStorage(path, on_bad_row="quarantine")
        assert letters(storage) == ["a", "c"]
        assert storage.quarantined()["raw"].tolist() == [bytes(damaged)]
        assert f"begins at byte {len(first + second):,}" in storage.quarantined()["message"].iloc[0]


def test_a_wrong_length_costs_its_own_record_alone(tmp_path, three, record, answer):
    for length in (10, 700, 1000):
        wrong = record(answer(b"x" * 500), length=length)
        path = written(tmp_path / "a.warc", three[0] + wrong + three[1] + three[2])
        storage = WarcStorage(path, on_bad_row="quarantine")
        assert letters(storage) == ["a", "b", "c"]
        assert storage.quarantined()["raw"].tolist() == [wrong]
        assert f"Content-Length is {length:,}" in storage.quarantined()["message"].iloc[0]


@pytest.mark.parametrize("size", [500, 200_000])
def test_within_one_gzip_member_reading_goes_on_with_the_next_record(
    tmp_path, record, answer, size
):
    noise = random.Random(3).randbytes(size).hex().encode()
    parts = [record(answer(letter + noise)) for letter in (b"a", b"b", b"c", b"d")]
    for wrong in (
        parts[1].replace(b"Content-Length", b"Content-Lengtx"),
        record(answer(b"x" * 500), length=900),
        record(answer(b"x" * 500), length=10**9),
        b"XARC/1.0" + parts[1][8:],
    ):
        data = gzip.compress(b"".join([parts[0], wrong, *parts[2:]]))
        storage = WarcStorage(written(tmp_path / "a.warc.gz", data), on_bad_row="quarantine")
        assert letters(storage) == ["a", "c", "d"]
        (row,) = storage.quarantined().iloc
        start, end = len(parts[0]), len(parts[0] + wrong)
        member = "of the gzip member there"
        assert f"record at byte 0, unpacked byte {start:,} {member}: " in row["message"]
        assert f"the next one begins at byte 0, unpacked byte {end:,} {member}" in row["message"]
        assert row["raw"] == wrong[: 1 << 20]


def test_what_cannot_be_unpacked_of_a_gzip_member_is_told(tmp_path, record, answer, packed):
    noise = random.Random(4).randbytes(400_000).hex().encode()
    one = bytearray(gzip.compress(b"".join(record(answer(mark + noise)) for mark in (b"a", b"b"))))
    place = len(one) * 3 // 4
    one[place : place + 64] = b"\xff" * 64
    path = written(tmp_path / "a.warc.gz", one + packed(record(answer(b"c"))))
    storage = WarcStorage(path, on_bad_row="quarantine")
    assert letters(storage) == ["a", "c"]
    (row,) = storage.quarantined().iloc
    assert "unpacked byte" in row["message"]
    assert "the rest of its gzip member cannot be read" in row["message"]
    assert f"the next one begins at byte {len(one):,}" in row["message"]


@SETTINGS
@given(share=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_no_flipped_byte_of_a_member_hides_what_comes_after_it(
    tmp_path, record, answer, packed, share, flipped
):
    one = bytearray(gzip.compress(b"".join(record(answer(b"%d" % n * 300)) for n in range(4))))
    one[int(share * len(one))] ^= flipped
    path = written(tmp_path / "a.warc.gz", packed(record(answer(b"a"))) + one)
    with path.open("ab") as file:
        file.write(packed(record(answer(b"z"))))
    read = letters(WarcStorage(path, on_bad_row="quarantine"))
    assert (read[0], read[-1]) == ("a", "z")


@pytest.mark.parametrize(
    ("junk", "fault"),
    [
        (b"junk\r\n", "a record wanted"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "Content-Length is ''"),
        (b"WARC/1.0\r\nContent-Length: -1\r\n\r\n", "Content-Length is '-1'"),
        (b"WARC/1.0\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", "too long to be one"),
    ],
)
def test_what_is_no_record_is_set_aside(tmp_path, three, junk, fault):
    path = written(tmp_path / "a.warc", three[0] + junk + three[1])
    storage = WarcStorage(path, on_bad_row="quarantine")
    assert letters(storage) == ["a", "b"]
    (row,) = storage.quarantined().iloc
    assert fault in row["message"]
    assert row["raw"] == junk


def test_damage_to_zstd_ends_the_file(tmp_path, record, answer):
    noise = random.Random(5).randbytes(50_000).hex().encode()
    records = [record(answer(page)) for page in (b"a", b"b", b"c" + 4 * noise)]
    data = b"".join(pa.compress(one, "zstd", asbytes=True) for one in records)
    storage = WarcStorage(written(tmp_path / "a.warc.zst", data[:-9]), on_bad_row="quarantine")
    assert letters(storage) == ["a", "b"]
    assert "none after it was found" in storage.quarantined()["message"].iloc[0]


def test_a_file_of_several_that_is_damaged_from_its_beginning_stops_no_other(
    tmp_path, three, packed
):
    written(tmp_path / "1.warc.gz", packed(three[0])[:9])
    written(tmp_path / "2.warc.gz", packed(three[1]))
    storage = WarcStorage(tmp_path, on_bad_row="quarantine")
    assert letters(storage) == ["b"]
    assert storage.quarantined()["path"].tolist() == [str(tmp_path / "1.warc.gz")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"<html></html>", "is no WARC file: it begins with b'<html>"),
        (gzip.compress(b"PK\x03\x04"), "is no WARC file"),
        (b"filedesc://a.arc 0.0.0.0 20010101000000 text/plain 9\n", "ARC files must be converted"),
        (b"\x5d\x2a\x4d\x18rest", "dictionary of its own"),
    ],
)
def test_what_is_no_warc_file_is_refused_before_reading(tmp_path, data, message):
    with pytest.raises(SourceError, match=message):
        WarcStorage(written(tmp_path / "a.warc", data)).columns()


def test_a_file_without_pages_is_an_empty_table(tmp_path, record, packed):
    path = written(tmp_path / "a.warc.gz", packed(record(b"x: y", "warcinfo", "text/plain")))
    assert len(WarcStorage(path)) == 0


def test_patterns_and_folders_name_several_files(tmp_path, three, packed):
    (tmp_path / "crawl/deep").mkdir(parents=True)
    written(tmp_path / "crawl/1.warc.gz", packed(three[0]))
    written(tmp_path / "crawl/deep/2.WARC", three[1])
    written(tmp_path / "crawl/deep/3.warc.wet.gz", packed(three[2]))
    written(tmp_path / "crawl/notes.txt", b"no crawl")
    assert letters(WarcStorage(tmp_path / "crawl")) == ["a", "b", "c"]
    assert letters(WarcStorage(f"warc:{tmp_path}/crawl/*.gz")) == ["a"]
    assert letters(WarcStorage(f"WARC://{tmp_path}/crawl/**/*.WARC")) == ["b"]
    with pytest.raises(SourceError, match=r"no data files. Known endings: .warc"):
        WarcStorage(tmp_path / "crawl/*.arc").read()
    with pytest.raises(SourceError, match="does not exist"):
        WarcStorage(tmp_path / "none.warc").read()


def test_wrong_arguments_are_told():
    with pytest.raises(ConfigurationError, match="Did you mean 'response'"):
        WarcStorage("a.warc", record_types=["respnse"])
    with pytest.raises(ConfigurationError, match="a list of types wanted"):
        WarcStorage("a.warc", record_types="response")
    with pytest.raises(ConfigurationError, match="max_payload is 0"):
        WarcStorage("a.warc", max_payload=0)
    with pytest.raises(ConfigurationError, match="the source is empty"):
        WarcStorage("warc:")


def test_only_wanted_columns_are_read(tmp_path, three):
    path = written(tmp_path / "a.warc", b"".join(three))
    table = WarcStorage(path, columns=["http_status", "url"]).read()
    assert table.columns.tolist() == ["http_status", "url"]
    assert table["http_status"].tolist() == [200, 200, 200]


@SETTINGS
@given(
    sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12),
    damaged=st.sets(st.integers(0, 11)),
    plain=st.booleans(),
    batch_rows=st.integers(1, 5),
    limit=st.none() | st.integers(1, 12),
)
def test_rows_and_positions_do_not_depend_on_batches(
    tmp_path, record, answer, packed, sizes, damaged, plain, batch_rows, limit
):
    parts = []
    for number, size in enumerate(sizes):
        length = {"length": 5} if number in damaged else {}
        parts.append(record(answer(b"%d " % number + b"x" * size), **length))
    # The first record must be sound for the file to be known as WARC, whatever it is.
    path = written(tmp_path / "a.warc", b"".join(parts) if plain else packed(*parts))
    source = WarcStorage(path, on_bad_row="quarantine").source

    def read(**limits):
        rows, bad = [], []
        for batch in source.batches(source.schema(), limit=limit, **limits):
            rows += zip(batch.positions.tolist(), batch.table["html"].to_pylist(), strict=True)
            bad += batch.bad_positions
        return rows, bad

    rows, bad = read()
    assert read(batch_rows=batch_rows) == (rows, bad)
    assert read(batch_bytes=1) == (rows, bad)
    kept = len(sizes) if limit is None else min(limit, len(sizes))
    assert [position for position, _ in rows] == [n for n in range(kept) if n not in damaged]
    assert bad == [n for n in range(kept) if n in damaged]
    assert all(page.startswith(f"{position} ") for position, page in rows)
