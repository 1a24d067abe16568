"""A language model of characters, small enough to train on a laptop: smoothed trigrams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataflow_core.errors import ConfigurationError

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_DISCOUNT = 0.75
_UNKNOWN, _START = 0, 1


@dataclass(frozen=True)
class CharacterModel:
    """Probabilities of a character after two others, by interpolated Kneser-Ney smoothing.

    Characters are numbered: 0 for any that training did not see, 1 for the start of a text, then
    those of ``letters``. An n-gram's key is the number that its characters are the digits of.

    Source: Kneser-Ney (Chen and Goodman 1999), interpolated, with one discount.

    Attributes:
        letters: The code points that training saw, ascending.
        unigrams: The probability of each character.
        pairs: The keys of the pairs that training saw, ascending.
        pair_shares: The probability of each pair's second character after its first.
        pair_weights: What each character leaves to the unigrams of what follows.
        triples: The keys of the triples that training saw, ascending.
        triple_shares: The probability of each triple's third character after the others.
        contexts: The keys of the first two characters of triples, ascending.
        context_weights: What each context leaves to the pairs.
    """

    letters: Integers
    unigrams: Floats
    pairs: Integers
    pair_shares: Floats
    pair_weights: Floats
    triples: Integers
    triple_shares: Floats
    contexts: Integers
    context_weights: Floats

    @classmethod
    def train(cls, texts: Iterable[str | None]) -> CharacterModel:
        """Return a model of some texts; some megabytes of them are enough.

        Args:
            texts: The texts, such as a column of a table; null ones are passed over.
        """
        known = [text for text in texts if text]
        letters = np.unique(_code_points("".join(known)))
        size = len(letters) + 2
        triples, counts = np.unique(_triples(known, letters), return_counts=True)
        contexts, context_sums, context_weights = _contexts(triples // size, counts)
        # Lower orders count how many different characters stand before.
        pairs, before = np.unique(triples % size**2, return_counts=True)
        firsts, sums, weights = _contexts(pairs // size, before)
        pair_weights = np.ones(size)
        pair_weights[firsts] = weights
        unigrams = _unigrams(pairs % size, size)
        pair_shares = (before - _DISCOUNT) / sums[np.searchsorted(firsts, pairs // size)]
        pair_shares += pair_weights[pairs // size] * unigrams[pairs % size]
        place = np.searchsorted(contexts, triples // size)
        triple_shares = (counts - _DISCOUNT) / context_sums[place]
        triple_shares += (
            context_weights[place] * pair_shares[np.searchsorted(pairs, triples % size**2)]
        )
        # fmt: off
        return cls(letters, unigrams, pairs, pair_shares, pair_weights,
                   triples, triple_shares, contexts, context_weights)
        # fmt: on

    def save(self, path: str | Path) -> None:
        """Write the model to a file.

        Args:
            path: The file, whose name ends in ``.npz``.
        """
        np.savez_compressed(path, **asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> CharacterModel:
        """Read a model from a file.

        Args:
            path: A file that `save` wrote.

        Raises:
            ConfigurationError: The file is missing, or no such model.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**arrays)
        except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
            raise ConfigurationError(
                f"{path} is no model of characters: {error}. Train one with "
                "CharacterModel.train(texts).save(path)."
            ) from error

    def surprise(self, texts: list[str]) -> Floats:
        """Return the mean of the negative logarithm of each character's probability, by text.

        Args:
            texts: Some texts, none of them empty.
        """
        where, keys = pd.factorize(_triples(texts, self.letters))
        surprises = -np.log(self.probabilities(keys))[where]
        lengths = np.array([len(text) for text in texts], np.int64)
        starts = np.cumsum(lengths) - lengths
        return np.add.reduceat(surprises, starts) / lengths if len(texts) else np.zeros(0)

    def probabilities(self, keys: Integers) -> Floats:
        """Return the probability of the last character of triples after the first two.

        Args:
            keys: The keys of the triples.
        """
        size = len(self.unigrams)
        last, middle = keys % size, keys // size % size
        found = self.pair_weights[middle] * self.unigrams[last]
        seen, place = _find(self.pairs, keys % size**2)
        found[seen] = self.pair_shares[place]
        seen, place = _find(self.contexts, keys // size)
        found[seen] *= self.context_weights[place]
        seen, place = _find(self.triples, keys)
        found[seen] = self.triple_shares[place]
        return found


def _triples(texts: list[str], letters: Integers) -> Integers:
    """Return the key of each character of texts with the two before it."""
    number_of = np.full(0x110000, _UNKNOWN, np.int64)
    number_of[letters] = np.arange(len(letters)) + 2
    numbers = number_of[_code_points("".join("\0\0" + text for text in texts))]
    lengths = np.array([len(text) + 2 for text in texts], np.int64)
    starts = np.cumsum(lengths) - lengths
    inside = np.ones(len(numbers), bool)
    for pad in (0, 1):
        numbers[starts + pad] = _START
        inside[starts + pad] = False
    ends = np.flatnonzero(inside)
    size = len(letters) + 2
    return (numbers[ends - 2] * size + numbers[ends - 1]) * size + numbers[ends]


def _contexts(keys: Integers, counts: Integers) -> tuple[Integers, Integers, Floats]:
    """Return the different keys, the sum of their counts, and the share that discounts free."""
    contexts, place, kinds = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.bincount(place, counts, len(contexts)).astype(np.int64)
    return contexts, sums, _DISCOUNT * kinds / sums


def _unigrams(lasts: Integers, size: int) -> Floats:
    """Return the probability of each character, some of it for those not seen."""
    counts = np.bincount(lasts, minlength=size)
    total = max(int(counts.sum()), 1)
    free = _DISCOUNT * np.count_nonzero(counts) / total if counts.any() else 1.0
    shares = np.maximum(counts - _DISCOUNT, 0) / total + free / (size - 1)
    shares[_START] = 0  # no text goes on with its start
    return shares


def _find(keys: Integers, wanted: Integers) -> tuple[Integers, Integers]:
    """Return which of the wanted are among ascending keys, and where."""
    if not len(keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    seen = np.flatnonzero(keys[place] == wanted)
    return seen, place[seen]


def _code_points(text: str) -> Integers:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
