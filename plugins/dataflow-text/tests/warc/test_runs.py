"""Crawls through the engine and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow_core import FileStorage, MemoryStorage, Pipeline
from dataflow_core.errors import StorageError
from dataflow_core.operators.general import FilterRows
from dataflow_text import WarcStorage, WebExtract

SAMPLE = (
    Path(os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[4].parent / "shared")
    / "data/text/warc_sample-0000.warc.gz"
)
STORY = "".join(
    f"<p>Chapter {n} tells of {n} boats on the river, and of those who rowed them home.</p>"
    for n in range(1, 20)
)
ARTICLE = f"""<!doctype html><html lang="en-GB"><head><title>Rivers</title>
<meta name="author" content="Ada Brook"><meta name="date" content="2019-05-31"></head>
<body><nav><a href="/">Home</a></nav><article><h1>Rivers</h1>{STORY}</article></body></html>"""


class Answered(Pipeline):
    """Keep what was answered with 200."""

    def __init__(self, storage=None):
        super().__init__(storage)
        self.answered = FilterRows(where="http_status = 200")

    def forward(self):
        self.answered.run(self.storage)


@pytest.fixture
def crawl(tmp_path, record, answer, packed):
    """Two files with 40 answers, every fourth an error."""
    (tmp_path / "crawl").mkdir()
    status = ["HTTP/1.1 404 Not Found", *["HTTP/1.1 200 OK"] * 3]
    records = [record(answer(b"<html>%d" % n, status=status[n % 4])) for n in range(40)]
    (tmp_path / "crawl/a.warc.gz").write_bytes(packed(*records[:25]))
    (tmp_path / "crawl/b.warc").write_bytes(b"".join(records[25:]))
    return tmp_path / "crawl"


def rows_of(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def ledger_of(report):
    table = FileStorage(report.run_dir / "ledger.parquet").read()
    return table[["row_id", "fate"]].values.tolist()


def dataflow(*arguments):
    command = [sys.executable, "-m", "dataflow_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rows_and_ids_do_not_depend_on_the_batch_size(crawl, tmp_path):
    reports = [
        Answered(WarcStorage(crawl)).run(tmp_path / f"{size}.jsonl", batch_size=size)
        for size in (1, 7, 1000)
    ]
    assert [(report.rows_in, report.rows_out) for report in reports] == [(40, 30)] * 3
    assert len({(tmp_path / f"{size}.jsonl").read_bytes() for size in (1, 7, 1000)}) == 1
    assert ledger_of(reports[0]) == ledger_of(reports[1]) == ledger_of(reports[2])
    pages = [row["html"] for row in rows_of(tmp_path / "7.jsonl")]
    assert pages == [f"<html>{n}" for n in range(40) if n % 4]


def test_a_limit_reads_no_further(crawl, tmp_path):
    report = Answered(WarcStorage(crawl)).run(tmp_path / "out.jsonl", limit=26)
    assert (report.rows_in, report.rows_out) == (26, 19)


def test_the_run_notes_where_its_rows_come_from(crawl, tmp_path):
    source = WarcStorage(f"warc:{crawl}").source
    before = source.fingerprint()
    assert source.describe() == f"warc:{crawl}"
    with (crawl / "b.warc").open("ab") as file:
        file.write(b"\r\n")
    assert WarcStorage(crawl).source.fingerprint() != before
    assert source.would_read(crawl / "new.warc.gz")
    assert not source.would_read(crawl / "new.jsonl")
    with pytest.raises(StorageError, match="would overwrite"):
        Answered(WarcStorage(crawl / "*")).run(crawl / "a.warc.gz")


def test_damage_is_quarantined_on_the_command_line(crawl, tmp_path):
    (tmp_path / "good.yaml").write_text(
        "dataflow: 1\n"
        "steps:\n"
        "  - operator: core/filter_rows\n"
        "    config: {where: http_status = 200}\n"
    )
    whole = (crawl / "a.warc.gz").read_bytes()
    (crawl / "a.warc.gz").write_bytes(whole[:-20])
    arguments = ["run", "good.yaml", "--input", f"warc:{crawl}", "--output", "out.jsonl"]
    failed = dataflow(*arguments)
    assert failed.returncode == 1
    assert "a.warc.gz, record at byte" in failed.stderr
    assert "cut short" in failed.stderr
    done = dataflow(*arguments, "--on-bad-row", "quarantine", "--run-dir", "run")
    assert done.returncode == 0, done.stderr
    assert "1 unreadable row was set aside" in done.stderr + done.stdout
    assert "40 rows in, 30 out" in done.stdout + done.stderr
    (row,) = FileStorage("run/quarantine/source").read().iloc
    assert row["path"].endswith("a.warc.gz")
    lock = json.loads(Path("run/run.lock").read_text())
    assert lock["input"]["source"] == f"warc:{crawl.absolute()}"
    refused = dataflow(*arguments, "--column-type", "url=string")
    assert refused.returncode != 0
    assert "WarcStorage does not take --column-type" in refused.stderr


@pytest.mark.parametrize("name", ["crawl/a.warc.gz", "crawl/*.warc", "no/B.WET.GZ"])
def test_a_crawl_named_without_its_scheme_is_told_which(crawl, name):
    failed = dataflow("check", "text/web_extract", "--input", name)
    assert failed.returncode == 1
    assert f"name it as warc:{name} (text/warc)" in failed.stderr


def test_a_folder_may_be_called_like_a_crawl(tmp_path):
    (tmp_path / "tables.warc").mkdir()
    (tmp_path / "tables.warc/a.jsonl").write_text('{"text": "one"}\n')
    checked = dataflow("check", "text/quality_rules", "--input", "tables.warc")
    assert checked.returncode == 0, checked.stderr


def test_main_texts_of_a_crawl_in_one_command(tmp_path, record, answer, packed):
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    empty = answer(b"<html><body></body></html>")
    picture = answer(b"\x89PNG\r\n\x1a\n\0", "image/png")
    pages = packed(*map(record, (answer(ARTICLE.encode()), picture, empty)))
    (tmp_path / "pages.warc.gz").write_bytes(pages)
    done = dataflow(
        "run", "text/web_extract", "--input", "warc:pages.warc.gz", "-o", "texts.jsonl",
        "--param", "metadata=true", "--run-dir", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = rows_of("texts.jsonl")
    assert row["text"].startswith("Rivers\nChapter 1 tells")
    told = [row[name] for name in ("title", "author", "page_date", "page_language")]
    assert told == ["Rivers", "Ada Brook", "2019-05-31", "en-GB"]
    assert "html" not in row
    steps = json.loads(Path("run/report.json").read_text())["steps"]
    assert [(step["step"], step["rows_in"], step["dropped"]) for step in steps] == [
        ("with_page", 3, 1),
        ("extract", 2, 0),
        ("with_text", 2, 1),
        ("without_page", 1, 0),
    ]
    assert [steps[n]["reasons"] for n in (0, 2)] == [{"no_page": 1}, {"no_text": 1}]
    dropped = FileStorage("run/dropped/with_page").read()
    assert dropped["problem"].tolist() == ["not_text"]


def test_tables_with_pages_are_extracted_as_well():
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    table = MemoryStorage([{"id": 1, "a page": ARTICLE}, {"id": 2, "a page": None}])
    WebExtract(table, html_column="a page", text_column="body", keep_html=True).forward()
    (row,) = table.rows()
    assert list(row) == ["id", "a page", "body"]
    assert "boats on the river" in row["body"]
    table = MemoryStorage([{"text": ARTICLE}])
    WebExtract(table, html_column="text").forward()
    assert table.rows()[0]["text"].startswith("Rivers")


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"no {SAMPLE}; name its folder in DATAFLOW_SHARED")
def test_a_crawl_of_wget_goes_through_with_every_record_accounted_for(tmp_path, fates):
    pytest.importorskip("trafilatura", reason="it comes with the extra html")
    table = WarcStorage(SAMPLE).read()
    assert table["warc_type"].value_counts().to_dict() == {"response": 22, "resource": 2}
    assert table["html"].notna().sum() == 22
    assert table["charset"].eq("utf-8").all()
    assert table["replaced_characters"].eq(0).all()
    report = WebExtract(WarcStorage(SAMPLE)).run(tmp_path / "texts.jsonl")
    assert fates(report) == {"output": 22, "dropped": 2}
    texts = {row["url"]: row["text"] for row in rows_of(tmp_path / "texts.jsonl")}
    assert "lineage" in texts["https://soldaini.net/lineage/"].lower()
    assert all(len(text) > 50 for text in texts.values())
