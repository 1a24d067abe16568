"""A filter as a user writes one, in ten lines, on a real file."""

import numpy as np
import pandas as pd

from dataflow_core import FileStorage, Filter, MemoryStorage, Storage


class NoShouting(Filter):
    """Keep texts of which at most ``share`` of the characters are capitals."""

    share: float = 0.3

    def run(self, storage: Storage, input_text: str = "text") -> None:
        texts = storage.read([input_text])[input_text]
        capitals = texts.str.count("[A-Z]") / texts.str.len()
        self.keep(storage, capitals <= self.share, reason="shouting", value=capitals)


def test_it_works_on_a_file_and_accounts_for_every_row(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"id": "007", "text": "Hello there"}\n{"id": "008", "text": "HELLO"}\n'
        '{"id": "009", "text": "日本語"}\n{"id": "010", "text": null}\n{"id": "011", "text": ""}\n',
        encoding="utf-8",
    )
    storage = FileStorage(path)
    NoShouting().run(storage)
    assert storage.read()["id"].tolist() == ["007", "009"]
    dropped = storage.dropped()
    assert dropped["id"].tolist() == ["008", "010", "011"]
    assert dropped["value"].tolist()[0] == "1.0"
    assert dropped["reason"].tolist() == ["shouting"] * 3


def test_its_configuration_is_checked_and_shown():
    assert repr(NoShouting(share=0.5)) == "NoShouting(share=0.5)"
    assert NoShouting.step_name() == "no_shouting"
    assert NoShouting(share="0.25").share == 0.25


class Unexplained(Filter):
    """Drop all rows, with values of columns in which pandas has NaN for null."""

    def run(self, storage: Storage, input_text: str = "text") -> None:
        texts = storage.read([input_text])[input_text]
        self.keep(storage, texts.isna() & False, value=texts.astype(object).replace(pd.NA, np.nan))


def test_a_value_that_is_missing_is_told_as_null_and_not_as_the_text_nan():
    storage = MemoryStorage([{"text": "why"}, {"text": None}])
    Unexplained().run(storage)
    assert storage.dropped()["value"].isna().tolist() == [False, True]
