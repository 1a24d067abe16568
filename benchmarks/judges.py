"""What judges say that are none of ours: `python benchmarks/judges.py SHARED`.

SHARED is the project's folder of shared test data: web pages that people judged good or bad, the
verdicts of datatrove's filters on real documents, pages with the snippets that belong to their text
and those that do not, articles with their text, and sentences in 75 languages. What is not there is
left out.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import pathlib
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import orjson

import dataflow_text
from dataflow_core import MemoryStorage
from dataflow_text import HtmlExtract, LanguageEvaluator, QualityRules
from dataflow_text.quality.presets import Preset

Rows = list[dict[str, Any]]

FILTERS = {
    "GopherQualityFilter": "GopherQuality",
    "GopherRepetitionFilter": "GopherRepetition",
    "C4QualityFilter(filter_no_terminal_punct=False)": "C4Quality",
    "FineWebQualityFilter": "FinewebQuality",
}


def main() -> None:
    """Print what each judge says."""
    shared = pathlib.Path(sys.argv[1]) / "data"
    judges = {
        quality: shared / "text/dclm_human_quality.jsonl",
        verdicts: shared / "judges/datatrove_verdicts_real_docs.jsonl",
        snippets: shared / "text/trafilatura_gold.jsonl",
        articles: shared / "text/aeb_gold.jsonl",
        languages: shared / "text/lid_sentences.jsonl",
    }
    for judge, path in judges.items():
        if judge in (snippets, articles) and importlib.util.find_spec("trafilatura") is None:
            print(f"{path.name}: not judged, since the extra html is not installed")
        elif path.exists():
            judge(path, rows_of(path))


def quality(path: pathlib.Path, rows: Rows) -> None:
    """How far the presets agree with people; a verdict's AUC is its balanced accuracy.

    The default's two bounds were chosen on the half with the smaller CRC-32 of the text.
    """
    labels = np.array([row["label"] for row in rows], dtype=bool)
    sums = np.array([zlib.crc32(row["text"].encode()) for row in rows])
    chosen = sums < np.sort(sums)[len(rows) // 2]
    print(f"{path.name}: {len(rows)} pages judged by people; AUC and agreement")
    print("  preset     the other half   the half for choosing      all")
    for preset in get_args(Preset):
        kept = _kept(preset, rows)
        cells = (_agreement(kept[part], labels[part]) for part in (~chosen, chosen, chosen | True))
        print(f"  {preset:10}" + "".join(f"{auc:10.3f} {share:.3f}" for auc, share in cells))


def verdicts(path: pathlib.Path, cases: Rows) -> None:
    """How often rule sets agree with another implementation of the same papers."""
    texts = [_text_of(path.parents[1], case) for case in cases]
    print(f"{path.name}: agreement of verdicts on {len(cases)} documents (wanted: 97 %)")
    for judge, name in FILTERS.items():
        table = MemoryStorage([{"n": n, "text": text} for n, text in enumerate(texts)])
        getattr(dataflow_text, name)().run(table)
        kept = set(table.read(["n"])["n"])
        agreed = [case["verdicts"][judge]["keep"] == (n in kept) for n, case in enumerate(cases)]
        print(f"  {name:17} {np.mean(agreed):.1%}")


def snippets(path: pathlib.Path, rows: Rows) -> None:
    """How many snippets that belong to a page's text are in it, and how many others are."""
    pages = [_page(path.with_name("trafilatura_html") / row["file"]) for row in rows]
    texts = [" ".join((text or "").split()) for text in _extracted(pages)]
    for kind, wanted in (("with", "all"), ("without", "none")):
        found = [
            " ".join(snippet.split()) in text
            for row, text in zip(rows, texts, strict=True)
            for snippet in row[kind] or []
        ]
        print(f"{path.name}: {sum(found)} of {len(found)} snippets found (wanted: {wanted})")


def articles(path: pathlib.Path, rows: Rows) -> None:
    """The F1 of the words of articles against those that belong to them."""
    folder = path.with_name("aeb_html")
    files = {file.name.split(".")[0]: file for file in folder.iterdir()}
    known = [row for row in rows if row.get("id") in files]
    texts = _extracted([_page(files[row["id"]]) for row in known])
    scores = [_f1(text or "", row["articleBody"]) for text, row in zip(texts, known, strict=True)]
    print(f"{path.name}: F1 of words {np.mean(scores):.3f}, the mean of {len(scores)} articles")


def languages(path: pathlib.Path, rows: Rows) -> None:
    """How many languages are told right."""
    table = MemoryStorage([{"text": row["text"]} for row in rows])
    LanguageEvaluator().run(table)
    told = [row["language"] for row in table.rows()]
    right = [one == row["lang"] for one, row in zip(told, rows, strict=True)]
    print(f"{path.name}: {np.mean(right):.1%} of {len(rows)} sentences told right")


def rows_of(path: pathlib.Path) -> Rows:
    """Return the rows of a JSONL file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]


def _kept(preset: Preset, rows: Rows) -> npt.NDArray[np.bool_]:
    table = MemoryStorage([{"n": n, "text": row["text"]} for n, row in enumerate(rows)])
    QualityRules(table, preset=preset).forward()
    return np.isin(np.arange(len(rows)), table.read(["n"])["n"].astype(int))


def _agreement(kept: npt.NDArray[np.bool_], labels: npt.NDArray[np.bool_]) -> tuple[float, float]:
    return (kept[labels].mean() + (~kept[~labels]).mean()) / 2, (kept == labels).mean()


def _text_of(data: pathlib.Path, case: dict[str, Any]) -> str:
    row = rows_of(data / case["file"].removeprefix("dev/"))[case["row"]]
    texts = (value for value in row.values() if isinstance(value, str))
    return next(t for t in texts if hashlib.sha1(t.encode()).hexdigest() == case["text_sha1"])


def _page(file: pathlib.Path) -> str:
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return raw.decode("utf-8", "replace")


def _extracted(pages: list[str]) -> list[str | None]:
    table = MemoryStorage([{"html": page} for page in pages])
    HtmlExtract().run(table)
    return [row["text"] for row in table.rows()]


def _f1(found: str, wanted: str) -> float:
    counts = [Counter(_words(text)) for text in (found, wanted)]
    both = sum((counts[0] & counts[1]).values())
    return 2 * both / max(1, sum(map(Counter.total, counts)))


def _words(text: str) -> Iterator[str]:
    return (word.strip(".,;:!?\"'()").lower() for word in text.split())


if __name__ == "__main__":
    main()
