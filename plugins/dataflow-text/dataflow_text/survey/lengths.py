"""How long the texts of a data set are: in characters, words and tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_core import Storage
from dataflow_core.operators import (
    AnyColumn,
    ColumnKind,
    DatasetEvaluator,
    TextColumn,
    as_series,
    python_values,
    to_arrow,
)
from dataflow_text.analysis.shared import TextAnalysis
from dataflow_text.analysis.spans import Integers
from dataflow_text.analysis.texts import Texts
from dataflow_text.evaluate.length import Encoding, TokenCountEvaluator
from dataflow_text.quality.word_rules import word_count
from dataflow_text.survey.columns import texts_in, wrong_in
from dataflow_text.texts import each_piece

_UNITS = ("characters", "words", "tokens")
_NULL, _WRONG = len(_UNITS), len(_UNITS) + 1
_PERCENTS = (1, 5, 25, 50, 75, 95, 99)


class LengthDistributionEvaluator(DatasetEvaluator):
    """Tell how long the texts of a data set are; all rows go through as they are.

    Lengths are counted in characters (code points), in words (as `WordCountEvaluator` counts them:
    what stands between white space, and in scripts that write no spaces each letter) and, if an
    encoding is given, in tokens of a language model (as `TokenCountEvaluator`; about a tenth as
    fast as the others). An empty text has length 0; null, and what is no text, has none.

    The findings are ``texts`` and ``without_text``, numbers of rows, and ``no_text``, how many of
    the latter hold a value of another type instead of null; for each unit ``total``, ``mean``,
    ``deviation`` (the standard deviation), ``minimum``, ``maximum`` and quantiles (the least length
    that such a share of the texts does not exceed), all exact; and ``histograms``, by unit: the
    number of texts from each power of two (and from 0) to below the next. With groups, the same for
    each of those with most texts (``groups``), and for all others together (``other_groups``).

    Memory holds one line for each different length (of each group): few, even of many rows.

    Source: DataFlow text operators; of tokens as `TokenCountEvaluator`.

    Attributes:
        encoding: The vocabulary in which tokens are counted, such as ``"o200k_base"``; None for no
            tokens.
        max_groups: The most groups to list, those with most texts.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> texts = ["one two", "three", "四", ""]
        >>> table = MemoryStorage([{"text": text} for text in texts])
        >>> LengthDistributionEvaluator().run(table)
        >>> found = table.findings()["length_distribution_evaluator"]
        >>> found["words"]["total"], found["characters"]["mean"], found["characters"]["50%"]
        (4, 3.25, 1)
        >>> found["histograms"]["characters"]
        {'0': 1, '1': 1, '2': 0, '4': 2}
    """

    encoding: Encoding | None = None
    max_groups: int = Field(default=20, ge=1)

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        input_group: AnyColumn | None = None,
    ) -> None:
        """Note the findings.

        Args:
            storage: The table.
            input_text: The column of texts.
            input_group: A column with few different values, such as the language, by which to tell
                the lengths as well; what is no text counts as what it is written as. None for
                no groups.
        """
        self.run_phases(storage, input_text=input_text, input_group=input_group)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return how often each length comes, by unit (and group)."""
        texts = texts_in(storage, bindings["input_text"])
        lengths = self._lengths(texts)
        group = bindings["input_group"]
        labels = _labels(storage, group) if group is not None else None
        wrong = wrong_in(storage, bindings["input_text"])
        present = np.flatnonzero(~texts.is_null)
        parts = [_counted(unit, found, labels, present) for unit, found in enumerate(lengths)]
        for unit, absent in ((_NULL, texts.is_null & ~wrong), (_WRONG, wrong)):
            none = np.zeros(len(absent), np.int64)
            parts.append(_counted(unit, none, labels, np.flatnonzero(absent)))
        return pd.concat(parts, ignore_index=True)

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Add the counts of equal lengths."""
        by = [name for name in sketches if name != "count"]
        return sketches.groupby(by, dropna=False, as_index=False)["count"].sum()

    def findings(self, sketches: pd.DataFrame) -> Mapping[str, Any]:
        """Return how long the texts are."""
        merged = self.merge(sketches)
        groups = self._groups(merged) if "group" in merged else {}
        return {**self._told(merged), **groups}

    def _lengths(self, texts: TextAnalysis) -> list[Integers]:
        """Return the lengths of texts in each unit."""
        lengths = [texts.measure(_characters), texts.measure(word_count.measure())]
        if self.encoding is not None:
            count = TokenCountEvaluator(encoding=self.encoding).measure
            counts = each_piece(count, pa.chunked_array([texts.texts])).fill_null(0)
            lengths.append(counts.to_numpy())
        return lengths

    def _told(self, lines: pd.DataFrame) -> dict[str, Any]:
        units = _UNITS if self.encoding is not None else _UNITS[:-1]
        found = {name: _one_each(lines[lines["unit"] == n]) for n, name in enumerate(units)}
        return {
            "texts": int(found["characters"][1].sum()),
            "without_text": int(lines.loc[lines["unit"] >= _NULL, "count"].sum()),
            "no_text": int(lines.loc[lines["unit"] == _WRONG, "count"].sum()),
            **{name: _statistics(*one) for name, one in found.items()},
            "histograms": {name: _histogram(*one) for name, one in found.items()},
        }

    def _groups(self, merged: pd.DataFrame) -> dict[str, Any]:
        """Return the same of the groups with most texts, and of all others together."""
        numbers, labels = pd.factorize(merged["group"], use_na_sentinel=False)
        names = [None if pd.isna(label) else str(label) for label in labels]
        texts = np.where(merged["unit"] == _UNITS.index("characters"), merged["count"], 0)
        sizes = np.bincount(numbers, weights=texts, minlength=len(names))
        ranked = sorted(
            range(len(names)), key=lambda n: (-sizes[n], names[n] is None, names[n] or "")
        )
        listed, others = ranked[: self.max_groups], ranked[self.max_groups :]
        return {
            "groups": [{"group": names[n], **self._told(merged[numbers == n])} for n in listed],
            "other_groups": {
                "groups": len(others), **self._told(merged[np.isin(numbers, others)])
            },
        }  # fmt: skip


def _characters(texts: Texts) -> Integers:
    return texts.characters


def _labels(storage: Storage, column: str) -> pd.Series:
    """Return the values of a column as texts."""
    values = storage.read([column])[column]
    found = to_arrow(values.array, None)
    if not ColumnKind("text").accepts(found.type) or values.dtype == object:
        texts = [_label(value) for value in python_values(found)]
        found = pa.chunked_array([pa.array(texts, pa.string())])
    return as_series(found.cast(pa.large_string()), pd.RangeIndex(len(found)))


def _label(value: Any) -> str | None:
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return None if value is None else str(value)


def _counted(
    unit: int, lengths: Integers, labels: pd.Series | None, rows: Integers
) -> pd.DataFrame:
    """Return how often each length comes among some rows, of each group."""
    columns = {"unit": np.int8(unit), "length": lengths[rows].astype(np.int64)}
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
    if labels is not None:
        table["group"] = labels.iloc[rows].array
    by = list(table)
    counts = table.groupby(by, dropna=False, as_index=False).size()
    return counts.rename(columns={"size": "count"})


def _one_each(lines: pd.DataFrame) -> tuple[Integers, Integers]:
    """Return the different lengths, ascending, and how often each comes."""
    sums = lines.groupby("length")["count"].sum()
    return sums.index.to_numpy(np.int64), sums.to_numpy(np.int64)


def _statistics(lengths: Integers, counts: Integers) -> dict[str, Any]:
    if not len(lengths):
        names = ("mean", "deviation", "minimum", *(f"{p}%" for p in _PERCENTS), "maximum")
        return {"total": 0, **dict.fromkeys(names)}
    sums = np.cumsum(counts)
    texts, total = int(sums[-1]), int((lengths * counts).sum())
    mean = total / texts
    places = {p: np.searchsorted(sums, -(-p * texts // 100)) for p in _PERCENTS}
    return {
        "total": total,
        "mean": mean,
        "deviation": math.sqrt(((lengths - mean) ** 2 * counts).sum() / texts),
        "minimum": int(lengths[0]),
        **{f"{percent}%": int(lengths[place]) for percent, place in places.items()},
        "maximum": int(lengths[-1]),
    }


def _histogram(lengths: Integers, counts: Integers) -> dict[str, int]:
    """Return the number of texts in each bin, by its least length."""
    bins = np.frexp(lengths)[1]  # 0 for 0; n from 2^(n-1) to below 2^n
    found = np.zeros(bins[-1] + 1 if len(bins) else 0, np.int64)
    np.add.at(found, bins, counts)
    return {str(1 << number >> 1): int(count) for number, count in enumerate(found)}
