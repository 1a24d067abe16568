"""White space, against a plain-Python oracle."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_text import NormalizeWhitespace

SPACES = " \t\xa0\u1680\u2000\u2003\u202f\u205f\u3000"
BREAKS = ["\r\n", "\n", "\v", "\f", "\r", "\x85", "\u2028", "\u2029"]
PARTS = st.sampled_from([*SPACES, *BREAKS, "a", "é", "字", "\0", "\u200b", "\u200d", "\x1c", "👍"])
TEXTS = st.lists(st.none() | st.lists(PARTS, max_size=20).map("".join), max_size=6)


def regular(text: str) -> str:
    for line_break in BREAKS:
        text = text.replace(line_break, "\n")
    lines = [re.sub(f"[{SPACES}]+", " ", line).strip(" ") for line in text.split("\n")]
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def normalized(texts: list[str | None], **options: bool) -> list[str | None]:
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    NormalizeWhitespace(**options).run(table)
    return [row["text"] for row in table.rows()]


@given(TEXTS)
def test_texts_come_out_as_from_plain_python(texts):
    result = normalized(texts)
    assert result == [None if text is None else regular(text) for text in texts]
    assert normalized(result) == result


@given(TEXTS)
def test_without_newlines_every_run_is_one_space(texts):
    every = SPACES + "".join(BREAKS)
    result = normalized(texts, keep_newlines=False)
    assert result == [
        None if text is None else re.sub(f"[{every}]+", " ", text).strip(" ") for text in texts
    ]


def test_regular_texts_keep_their_column_as_it_is():
    column = pa.array(["a b\n\nc", None, ""]).dictionary_encode()
    table = MemoryStorage(pa.table({"text": column}))
    NormalizeWhitespace().run(table)
    assert pa.types.is_dictionary(table.columns()["text"])


def test_another_column_can_take_the_result():
    table = MemoryStorage([{"text": " a "}, {"text": None}])
    NormalizeWhitespace().run(table, output_text="clean")
    assert table.rows() == [{"text": " a ", "clean": "a"}, {"text": None, "clean": None}]


@pytest.mark.parametrize("text", [" " * 5_000_000, "\n \r\n" * 300_000 + "x", "a \n" * 300_000])
def test_long_runs_take_linear_time(text):
    assert normalized([text]) == [regular(text)]
