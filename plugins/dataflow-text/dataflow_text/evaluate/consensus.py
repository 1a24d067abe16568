"""CIDEr: agreement with references in the words that are rare in the whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import Field

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import AnyColumn, NumberColumn, TextColumn, TwoPhase, to_arrow
from dataflow_text.evaluate.ngrams import hash_windows
from dataflow_text.evaluate.references import references_of, split_words
from dataflow_text.evaluate.vocabulary import owners_of
from dataflow_text.texts import texts_of

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_BLOCK = 1 << 17
"""Words compared at a time: few enough for the processor's caches."""


class CiderEvaluator(TwoPhase, Evaluator):
    """Compute CIDEr or CIDEr-D: agreement with references in what is rare, 0 to 10.

    Each text is a vector of its n-grams, weighted by how few rows have them in their references;
    the score is 10 times the mean cosine with the references over n-grams of one to ``max_order``
    words. CIDEr-D does not reward repetition, nor another length than the reference's. Words are
    runs of letters, digits and underscores in lower case; in Chinese, Japanese, Thai, Lao, Khmer
    and Burmese each letter is a word. An empty text has 0; a null text, and one without a
    reference, has no measure and is not counted.

    Rarity is that in the whole data set, so that scores compare only within one, and a data set of
    one row has 0. All words are held in memory, and while they are compared, each n-gram of the
    references: up to 40 bytes a word.

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
        blocks = list(_blocks(words, parts))
        cosines = np.zeros(len(parts.rows))
        for n in range(1, self.max_order + 1):
            rarities = _Rarities(blocks, n, len(sketches))
            cosines += np.concatenate(
                [np.zeros(0), *(self._cosines(*block, n, rarities) for block in blocks)]
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

    def _cosines(self, words: Integers, parts: _Parts, n: int, rarities: _Rarities) -> Floats:
        """Return the cosine of each reference with its row's text, in n-grams of one length."""
        owners, grams, counts, hashes = _count_ngrams(words, parts, n)
        weights = counts * rarities.of(hashes)[grams]
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


class _Rarities:
    """The inverse document frequency of n-grams over the references of all rows.

    Args:
        blocks: The words of all rows.
        n: The number of words of an n-gram.
        rows: The number of rows.
    """

    def __init__(self, blocks: list[tuple[Integers, _Parts]], n: int, rows: int) -> None:
        seen = np.concatenate(
            [np.zeros(0, np.uint64), *(_ngrams_of_references(*block, n) for block in blocks)]
        )
        # Sorted in place: numpy's own unique would hold a table of hashes besides.
        seen.sort()
        firsts = np.flatnonzero(_differs(seen))
        self._hashes = seen[firsts]
        self._rarities = np.log(max(rows, 1)) - np.log(np.diff(firsts, append=len(seen)))
        self._of_unseen = np.log(max(rows, 1))

    def of(self, hashes: Hashes) -> Floats:
        """Return the rarity of each n-gram.

        Args:
            hashes: Their hashes, ascending.
        """
        places = np.searchsorted(self._hashes, hashes)
        known = np.append(self._hashes, np.uint64(0))[places] == hashes
        known &= places < len(self._hashes)
        return np.where(known, np.append(self._rarities, 0.0)[places], self._of_unseen)


def _blocks(words: Integers, parts: _Parts) -> Iterator[tuple[Integers, _Parts]]:
    """Yield whole rows, about `_BLOCK` words at a time."""
    part_ends = np.cumsum(parts.counts)
    word_ends = np.append(0, np.cumsum(parts.lengths))
    block_of = word_ends[part_ends] // _BLOCK
    cuts = np.append(np.flatnonzero(_differs(block_of)), len(block_of))
    starts = np.append(0, part_ends)
    for first, last in pairwise(cuts.tolist()):
        begin, end = starts[first], starts[last]
        yield (
            words[word_ends[begin] : word_ends[end]],
            _Parts(parts.lengths[begin:end], parts.counts[first:last]),
        )


def _ngrams_of_references(words: Integers, parts: _Parts, n: int) -> Hashes:
    """Return the hash of each n-gram of the references of a row, once for each row."""
    owners = owners_of(np.concatenate([[0], np.cumsum(parts.lengths)]))
    wanted = _starts(parts, owners, n) & ~parts.is_text[owners]
    hashes, grams = np.unique(hash_windows(words, n)[wanted], return_inverse=True)
    size = max(len(hashes), 1)
    keys = parts.rows[owners[wanted]] * size + grams
    keys.sort()
    return hashes[keys[_differs(keys)] % size]


def _count_ngrams(
    words: Integers, parts: _Parts, n: int
) -> tuple[Integers, Integers, Integers, Hashes]:
    """Return for each different n-gram of a part: the part, the n-gram's number, its count.

    The hashes that the numbers stand for come last, ascending.
    """
    owners = owners_of(np.concatenate([[0], np.cumsum(parts.lengths)]))
    inside = _starts(parts, owners, n)
    hashes, grams = np.unique(hash_windows(words, n)[inside], return_inverse=True)
    size = max(len(hashes), 1)
    keys = owners[inside] * size + grams
    keys.sort()
    firsts = np.flatnonzero(_differs(keys))
    counts = np.diff(firsts, append=len(keys))
    return keys[firsts] // size, keys[firsts] % size, counts, hashes


def _starts(parts: _Parts, owners: Integers, n: int) -> npt.NDArray[np.bool_]:
    """Return at which words an n-gram begins that ends in the same part."""
    return np.arange(len(owners)) + n <= np.cumsum(parts.lengths)[owners]


def _differs(values: Integers | Hashes) -> npt.NDArray[np.bool_]:
    """Return which values differ from the one before; the first does."""
    return np.append(np.ones(min(len(values), 1), bool), values[1:] != values[:-1])


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
