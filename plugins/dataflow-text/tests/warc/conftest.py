"""WARC records and HTTP answers, put together by hand."""

from __future__ import annotations

import gzip
import itertools

import pytest

from dataflow_text import WarcStorage

_numbers = itertools.count(1)


def made_record(block, kind="response", content_type="application/http; msgtype=response", **more):
    """Return the bytes of a record; ``length`` gives it a wrong Content-Length."""
    number = next(_numbers)
    fields = {
        "WARC-Type": kind,
        "WARC-Target-URI": f"http://example.org/{number}",
        "WARC-Date": "2024-01-02T03:04:05Z",
        "WARC-Record-ID": f"<urn:uuid:{number}>",
        "Content-Type": content_type,
        "Content-Length": str(more.pop("length", len(block))),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + block + b"\r\n\r\n"


def made_answer(body=b"<html><p>Hello</p></html>", content_type="text/html", **headers):
    """Return an HTTP answer; ``status`` is its first line."""
    first = headers.pop("status", "HTTP/1.1 200 OK")
    fields = {"Content-Type": content_type, **headers}
    lines = [first, *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def record():
    """Return a function that makes the bytes of a record."""
    return made_record


@pytest.fixture
def answer():
    """Return a function that makes an HTTP answer."""
    return made_answer


@pytest.fixture
def packed():
    """Return a function that packs records, each as a gzip member of its own."""
    return lambda *records: b"".join(gzip.compress(one, mtime=0) for one in records)


@pytest.fixture
def row_of(tmp_path):
    """Return a function that reads the one row of some bytes, as a dict."""

    def read(data, **options):
        path = tmp_path / "one.warc"
        path.write_bytes(data)
        source = WarcStorage(path, **options).source
        (batch,) = source.batches(source.schema())
        (row,) = batch.table.to_pylist()
        return row

    return read
