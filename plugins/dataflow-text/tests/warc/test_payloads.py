"""Payloads of records: codings are undone, and what has no text says why."""

from __future__ import annotations

import gzip
import zlib

import pyarrow as pa
import pytest

PAGE = b"<html><body>" + b"".join(b"<p>Line %d of a page.</p>" % n for n in range(200)) + b"</body>"


@pytest.fixture
def read(record, row_of):
    """Return a function that reads a record with a given block."""

    def row(block, max_payload=1 << 20, **fields):
        return row_of(record(block, **fields), max_payload=max_payload)

    return row


def chunked(data, size=100):
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%X;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def bare_deflate(data):
    return zlib.compress(data)[2:-4]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PAGE, {}),
        (chunked(PAGE), {"Transfer_Encoding": "chunked"}),
        (
            chunked(gzip.compress(PAGE)),
            {"Transfer_Encoding": "Chunked", "Content_Encoding": "GZIP"},
        ),
        (chunked(gzip.compress(PAGE), 1), {"Transfer_Encoding": "gzip, chunked"}),
        (gzip.compress(PAGE), {"Content_Encoding": "x-gzip"}),
        (gzip.compress(PAGE[:99]) + gzip.compress(PAGE[99:]), {"Content_Encoding": "gzip"}),
        (gzip.compress(PAGE) + b"\0\0junk", {"Content_Encoding": "gzip"}),
        (gzip.compress(gzip.compress(PAGE)), {"Content_Encoding": "gzip, gzip"}),
        (zlib.compress(PAGE), {"Content_Encoding": "deflate"}),
        (bare_deflate(PAGE), {"Content_Encoding": "deflate"}),
        (pa.compress(PAGE, "brotli", asbytes=True), {"Content_Encoding": "br"}),
        (pa.compress(PAGE, "zstd", asbytes=True), {"Content_Encoding": "zstd"}),
        # Crawlers that undo a coding often leave its header.
        (PAGE, {"Content_Encoding": "gzip"}),
        (PAGE, {"Content_Encoding": "br"}),
        (PAGE, {"Content_Encoding": "deflate"}),
        (PAGE, {"Transfer_Encoding": "chunked"}),
        (PAGE, {"Content_Encoding": "UTF-8"}),
    ],
)
def test_codings_are_undone(read, answer, body, headers):
    row = read(answer(body, **headers))
    assert row["html"] == PAGE.decode()
    assert row["problem"] is None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(PAGE)[:-30], {"Content_Encoding": "gzip"}),
        (zlib.compress(PAGE)[:-30], {"Content_Encoding": "deflate"}),
        (chunked(PAGE)[:700], {"Transfer_Encoding": "chunked"}),
        (chunked(PAGE)[:-5], {"Transfer_Encoding": "chunked"}),
        (chunked(PAGE)[:550] + b"zz\r\n" + PAGE, {"Transfer_Encoding": "chunked"}),
    ],
)
def test_of_a_payload_that_was_cut_short_what_is_there_is_kept(read, answer, body, headers):
    row = read(answer(body, **headers))
    assert row["problem"] == "truncated"
    assert row["html"].startswith("<html><body><p>Line 0")
    assert PAGE.decode().startswith(row["html"])


def test_a_crawler_that_kept_a_part_says_so(read, answer):
    assert read(answer(PAGE), WARC_Truncated="length")["problem"] == "truncated"
    assert read(answer(PAGE), WARC_Segment_Number="1")["problem"] == "truncated"


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (b"", "no_payload"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Type: text/html\r\n\r\n", "no_payload"),
        (b"HTTP/1.1 304 Not Modified", "no_payload"),
        (PAGE, "no_http"),
    ],
)
def test_answers_without_content_have_a_reason(read, block, problem):
    row = read(block)
    assert (row["html"], row["text"], row["problem"]) == (None, None, problem)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"%PDF-1.7 all of it is ASCII", "application/pdf"),
        (b"%PDF-1.7\n\0\1\2\3\4", "text/html"),
        (gzip.compress(PAGE), "text/plain"),
    ],
)
def test_what_is_not_text_has_none(read, answer, body, content_type):
    row = read(answer(body, content_type))
    assert (row["html"], row["text"], row["problem"]) == (None, None, "not_text")
    assert row["content_type"] == content_type


def test_a_coding_that_cannot_be_undone_has_a_reason(read, answer):
    row = read(answer(b"\x1f\x8b\x00\x01\x02\x03" * 9, Content_Encoding="gzip"))
    assert (row["html"], row["problem"]) == (None, "bad_coding")


@pytest.mark.parametrize(
    ("content_type", "column"),
    [
        ("text/html", "html"),
        ("TEXT/HTML;charset=utf-8", "html"),
        ("application/xhtml+xml; charset=utf-8", "html"),
        ("", "html"),
        ("application/octet-stream", "html"),
        ("text/plain", "text"),
        ("application/ld+json", "text"),
        ("application/rss+xml", "text"),
    ],
)
def test_pages_and_other_texts_have_columns_of_their_own(read, answer, content_type, column):
    row = read(answer(b" <!-- a --> <!doctype html>\n" + PAGE, content_type))
    assert row[column].endswith("</body>")
    assert row[{"html": "text", "text": "html"}[column]] is None


def test_a_payload_beyond_the_bound_is_left_out_with_its_type_known(read, answer):
    row = read(answer(PAGE), max_payload=1000)
    assert (row["problem"], row["html"]) == ("too_large", None)
    assert (row["http_status"], row["content_type"]) == (200, "text/html")
    bomb = gzip.compress(b"<html>" + b" " * 10**7)
    assert read(answer(bomb, Content_Encoding="gzip"), max_payload=10**6)["problem"] == "too_large"
    assert read(answer(bomb, Content_Encoding="gzip"), max_payload=2 * 10**7)["problem"] is None
    for codec, name in (("brotli", "br"), ("zstd", "zstd")):
        packed = pa.compress(b"<html>" + b" " * 10**7, codec, asbytes=True)
        row = read(answer(packed, Content_Encoding=name), max_payload=10**6)
        assert row["problem"] == "too_large"


def test_statuses_are_numbers_and_odd_heads_are_read(read, answer):
    assert read(answer(PAGE, status="HTTP/1.0 404"))["http_status"] == 404
    assert read(answer(PAGE, status="HTTP/2 503 é"))["http_status"] == 503
    row = read(b"HTTP/1.0 200 OK\ncontent-type: text/html\n\n" + PAGE)
    assert row["html"] == PAGE.decode()
    row = read(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Type:\r\n text/html\r\n\r\n" + PAGE)
    assert row["content_type"] == "text/html"


def test_hostile_beginnings_cost_no_time(read, answer):
    for body in (b"<!--" * 30_000, b"<!-- -->" * 30_000, b"<" * 200_000, b"\xff<" * 100_000):
        assert read(answer(body, ""))["html"] is None
        assert read(answer(body, "text/html"))["warc_type"] == "response"
