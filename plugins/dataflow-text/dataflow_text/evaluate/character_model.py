"""A language model of characters, small enough to train on a laptop: smoothed trigrams."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataflow_core.errors import ConfigurationError

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_VERSION = 1
"""Of the files; another way to number characters or to smooth is another version."""

_DISCOUNT = 0.75
_UNKNOWN, _START = 0, 1
_PIECE = 1 << 20
"""Characters that are counted at a time, which keeps what is held for each character small."""


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

    Example:
        >>> model = CharacterModel.train(["the cat sat on the mat", "the dog ran"])
        >>> model.save("model.npz")
        >>> likely, unlikely = CharacterModel.load("model.npz").surprise(["the cat", "tac eht"])
        >>> likely < unlikely
        np.True_
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

        Held in memory are the texts, the counts, and some tens of megabytes.

        Args:
            texts: The texts, such as a column of a table; null and empty ones are passed over.

        Raises:
            ConfigurationError: There is no text among them, or something that is none.
        """
        known = _known(texts)
        letters = _letters(known)
        size = len(letters) + 2
        triples, counts = _counted(_triples(piece, letters) for piece in _pieces(known))
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
            path: The file; by custom, its name ends in ``.npz``.
        """
        # Given a name, numpy would append its ending.
        with Path(path).open("wb") as file:
            np.savez_compressed(file, version=np.array(_VERSION), **asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> CharacterModel:
        """Read a model from a file.

        Args:
            path: A file that `save` wrote.

        Raises:
            ConfigurationError: The file is missing, damaged, or no such model.
        """
        try:
            return _checked(cls, _arrays_in(Path(path)))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise ConfigurationError(
                f"{path} is no model of characters: {reason or error}. Train one with "
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


def _arrays_in(path: Path) -> dict[str, Any]:
    """Return the arrays of a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no arrays of numbers.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file), np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        # A message of numpy's would advise to allow pickles, which may run any program.
        except (EOFError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError("it is no file of numpy's arrays, or damaged") from error


def _checked(cls: type[CharacterModel], arrays: dict[str, Any]) -> CharacterModel:
    """Return the model of a file's arrays.

    Raises:
        ValueError: They are none that `CharacterModel.save` writes.
    """
    version = arrays.pop("version", None)
    names = [field.name for field in fields(cls)]
    if version is None or sorted(arrays) != sorted(names):
        raise ValueError(f"its arrays are {', '.join(sorted(arrays)) or 'none'}")
    if version.shape or version != _VERSION:
        raise ValueError(f"its version is {version}, wanted {_VERSION}")
    for name, array in arrays.items():
        wanted = np.int64 if name in ("letters", "pairs", "triples", "contexts") else np.float64
        if array.dtype != wanted or array.ndim != 1:
            raise ValueError(f"its {name} are {array.dtype} in {array.ndim} dimensions")
    model = cls(**arrays)
    if not (_fits(model) and _ascends(model)):
        raise ValueError("its arrays do not fit each other")
    return model


def _fits(model: CharacterModel) -> bool:
    """Return whether each array is as long as those that it goes with, of shares above 0."""
    size = len(model.letters) + 2
    together = [
        (size, len(model.unigrams)),
        (size, len(model.pair_weights)),
        (len(model.pairs), len(model.pair_shares)),
        (len(model.triples), len(model.triple_shares)),
        (len(model.contexts), len(model.context_weights)),
    ]
    if not all(length == expected > 0 for length, expected in together):
        return False
    shares = (np.delete(model.unigrams, _START), model.pair_weights, model.pair_shares,
              model.triple_shares, model.context_weights)  # fmt: skip
    return all(bool(np.all((share > 0) & (share <= 1))) for share in shares)


def _ascends(model: CharacterModel) -> bool:
    """Return whether letters and keys ascend, within what they number."""
    size = len(model.letters) + 2
    ends = [(model.letters, 0x110000), (model.pairs, size**2), (model.triples, size**3),
            (model.contexts, size**2)]  # fmt: skip
    return all(
        keys[0] >= 0 and keys[-1] < end and bool(np.all(np.diff(keys) > 0)) for keys, end in ends
    )


def _known(texts: Iterable[str | None]) -> list[str]:
    """Return the texts to train on."""
    known, count = [], 0
    for count, text in enumerate(texts, 1):
        if isinstance(text, str):
            known.append(text)
        elif not (pd.api.types.is_scalar(text) and pd.isna(text)):
            raise ConfigurationError(
                f"CharacterModel.train: text {count} is {type(text).__name__} {text!r:.60}. Give "
                "texts, such as FileStorage(path).read()['text']."
            )
    known = [text for text in known if text]
    if not known:
        raise ConfigurationError(
            f"CharacterModel.train: no text to train on: of {count} texts, all are null or empty. "
            "Give good texts, some megabytes of them."
        )
    return known


def _pieces(texts: list[str]) -> Iterator[list[str]]:
    """Yield some texts at a time."""
    piece: list[str] = []
    length = 0
    for text in texts:
        piece.append(text)
        length += len(text)
        if length >= _PIECE:
            yield piece
            piece, length = [], 0
    if piece:
        yield piece


def _letters(texts: list[str]) -> Integers:
    """Return the code points of texts, ascending."""
    return np.unique(
        np.concatenate([np.unique(_code_points("".join(piece))) for piece in _pieces(texts)])
    )


def _counted(pieces: Iterable[Integers]) -> tuple[Integers, Integers]:
    """Return the different keys of all pieces, ascending, and how often each occurs."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for piece in pieces:
        new, times = np.unique(piece, return_counts=True)
        keys, place = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, times])).astype(np.int64)
    return keys, counts


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
    total = int(counts.sum())
    free = _DISCOUNT * np.count_nonzero(counts) / total
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
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
