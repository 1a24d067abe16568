"""CIDEr: agreement with references in the words that are rare in the whole data set."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import AnyColumn, NumberColumn, TextColumn
from dataflow_core.operators.dataset import TwoPhase
from dataflow_core.table.columns import to_arrow
from dataflow_text.evaluate.ngrams import hash_windows
from dataflow_text.evaluate.references import references_of, split_words
from dataflow_text.evaluate.vocabulary import owners_of
from dataflow_text.texts import texts_of

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class CiderEvaluator(TwoPhase, Evaluator):
    """Compute CIDEr or CIDEr-D: agreement with references in what is rare, 0 to 10.

    Each text is a vector of its n-grams, weighted by how few rows have them in their references;
    the score is 10 times the mean cosine with the references over n-grams of one to ``max_order``
    words. CIDEr-D does not reward repetition, nor another length than the reference's. Words are
    runs of letters, digits and underscores in lower case; in Chinese, Japanese, Thai, Lao, Khmer
    and Burmese each letter is a word. An empty text has 0; a null text, and one without a
    reference, has no measure and is not counted.

    Rarity is that in the whole data set, so that scores compare only within one, and a data set of
    one row has 0. Eight bytes for each word are held in memory.

    Source: CIDEr (Vedantam et al. 2015).

    Attributes:
        variant: ``"cider_d"`` or ``"cider"``.
        max_order: The longest n-grams.
        sigma: How many words of difference in length CIDEr-D bears.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> rows = [{"text": "a black cat", "reference": ["a black cat", "one cat"]},
        ...         {"text": "a dog", "reference": ["a small dog"]}]
        >>> table = MemoryStorage(rows)
        >>> CiderEvaluator(max_order=1).run(table)
        >>> [round(row["cider"], 2) for row in table.rows()]
        [7.47, 6.97]
    """

    variant: Literal["cider_d", "cider"] = "cider_d"
    max_order: int = Field(4, ge=1, le=10)
    sigma: float = Field(6.0, gt=0)

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        input_reference: AnyColumn = "reference",
        output_measure: NumberColumn = "cider",
    ) -> None:
        """Add the measure.

        Args:
            storage: The table.
            input_text: The column of texts.
            input_reference: The column of references: a text each, or a list of texts.
            output_measure: The column for the measure.
        """
        self.run_phases(
            storage,
            input_text=input_text,
            input_reference=input_reference,
            output_measure=output_measure,
        )

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the words of each row's text and references, as numbers."""
        text, reference = bindings["input_text"], bindings["input_reference"]
        table = storage.read([text, reference])
        texts, references = texts_of(table[text]).to_pylist(), references_of(table[reference])
        told = [
            text is not None and bool(known) for text, known in zip(texts, references, strict=True)
        ]
        split = [
            [split_words(part) for part in (text, *known)]
            for text, known, wanted in zip(texts, references, told, strict=True)
            if wanted
        ]
        words = [list(chain.from_iterable(parts)) for parts in split]
        return pd.DataFrame(
            {
                "words": _lists(_hash(words), [len(row) for row in words]),
                "lengths": _lists(
                    np.array([len(part) for parts in split for part in parts], np.int64),
                    [len(parts) for parts in split],
                ),
            },
            index=table.index[told],
        )

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the score of each row."""
        words, _ = _flat(sketches["words"])
        parts = _Parts(*_flat(sketches["lengths"]))
        cosines = sum(
            (self._cosines(words, parts, n) for n in range(1, self.max_order + 1)),
            start=np.zeros(len(parts.rows)),
        )
        if self._clips:
            difference = (parts.lengths - parts.lengths[parts.texts]) / self.sigma
            cosines *= np.exp(-(difference**2) / 2)
        known = ~parts.is_text
        sums = np.bincount(parts.rows[known], cosines[known], len(sketches))
        means = sums / (parts.counts - 1)
        return pd.DataFrame({"score": means * 10 / self.max_order}, index=sketches.index)

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Add the scores of some rows."""
        rows = storage.read([]).index
        scores = decision["score"].reindex(rows).to_numpy(np.float64)
        storage.assign(bindings["output_measure"], pa.array(scores, mask=np.isnan(scores)))

    def _cosines(self, words: Integers, parts: _Parts, n: int) -> Floats:
        """Return the cosine of each reference with its row's text, in n-grams of one length."""
        owners, grams, counts = _count_ngrams(words, parts, n)
        weights = counts * _rarity(parts, owners, grams)[grams]
        norms = np.sqrt(np.bincount(owners, weights**2, len(parts.rows)))
        # The n-grams of references that the text of their row has, and where it has them.
        keys = parts.rows[owners] * (grams.max(initial=0) + 1) + grams
        theirs = np.flatnonzero(~parts.is_text[owners])
        ours = np.flatnonzero(parts.is_text[owners])
        found = np.searchsorted(keys[ours], keys[theirs])
        shared = np.append(keys[ours], -1)[found] == keys[theirs]
        theirs, ours = theirs[shared], ours[found[shared]]
        own = np.minimum(weights[ours], weights[theirs]) if self._clips else weights[ours]
        dots = np.bincount(owners[theirs], own * weights[theirs], len(parts.rows))
        scale = norms * norms[parts.texts]
        return np.divide(dots, scale, out=np.zeros(len(dots)), where=scale > 0)

    @property
    def _clips(self) -> bool:
        return self.variant == "cider_d"


class _Parts:
    """The texts and references of all rows, one after the other; a row's text comes first.

    Args:
        lengths: The number of words of each.
        counts: How many of them a row has.
    """

    def __init__(self, lengths: Integers, counts: Integers) -> None:
        self.lengths, self.counts = lengths, counts
        self.rows = np.repeat(np.arange(len(counts)), counts)
        firsts = np.cumsum(counts) - counts
        self.texts = firsts[self.rows]
        self.is_text = self.texts == np.arange(len(self.rows))


def _count_ngrams(words: Integers, parts: _Parts, n: int) -> tuple[Integers, Integers, Integers]:
    """Return for each different n-gram of a part: the part, the n-gram's number, its count."""
    places = np.concatenate([[0], np.cumsum(parts.lengths)])
    owners = owners_of(places)
    inside = np.arange(len(words)) + n <= places[1:][owners]
    _, grams = np.unique(hash_windows(words, n)[inside], return_inverse=True)
    size = int(grams.max(initial=0)) + 1
    keys, counts = np.unique(owners[inside] * size + grams, return_counts=True)
    return keys // size, keys % size, counts


def _rarity(parts: _Parts, owners: Integers, grams: Integers) -> Floats:
    """Return the inverse document frequency of each n-gram over the rows' references."""
    size = int(grams.max(initial=0)) + 1
    known = ~parts.is_text[owners]
    seen = np.unique(parts.rows[owners[known]] * size + grams[known]) % size
    frequency = np.maximum(np.bincount(seen, minlength=size), 1)
    return np.log(max(len(parts.counts), 1)) - np.log(frequency)


def _hash(rows: list[list[str]]) -> Integers:
    words = np.array([*chain.from_iterable(rows), ""], dtype=object)
    return pd.util.hash_array(words)[:-1].view(np.int64)


def _lists(values: Integers, lengths: list[int]) -> pd.Series:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    column = pa.LargeListArray.from_arrays(offsets, pa.array(values, pa.int64()))
    return pd.array(column, dtype=pd.ArrowDtype(column.type))


def _flat(values: pd.Series) -> tuple[Integers, Integers]:
    """Return the values of a column of lists, one list after the other, and their lengths."""
    column = to_arrow(values.array, None).combine_chunks()
    lengths = np.asarray(column.value_lengths()).astype(np.int64)
    return np.asarray(column.flatten()).astype(np.int64), lengths
