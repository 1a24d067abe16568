"""Lists of words and phrases to be found in texts, in a time that hardly depends on their length.

Entries and texts become sequences of numbers, keys of words or code points, and all beginnings of
entries are known as hashes: those of one number, of two, and so on. A place of a text is left as
soon as what stands there is no beginning.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_text.analysis import characters
from dataflow_text.analysis.characters import ATTACHED, BREAK, UNSPACED
from dataflow_text.analysis.spans import Integers, Mask, Spans
from dataflow_text.analysis.texts import Texts
from dataflow_text.analysis.word_keys import Keys, WordKeys

_JOINTS = "-\u2010\u2011'’"
"""Marks within an entry that is matched word by word."""

_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_SLOTS = 1 << 16

Numbers = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class WordList:
    """Entries to be found in texts, case aside.

    Words are runs of letters, digits and currency signs. Entries of words alone are found word by
    word; between the words may stand anything but a mark that ends a phrase. Other entries, with
    letters of scripts without spaces, with symbols or further punctuation, are found character by
    character inside running text, but a word at either end of them must end there in the text as
    well, and a letter has the same marks on it.

    Attributes:
        phrases: The entries of words alone, as keys of words.
        literals: The others, as code points.
    """

    phrases: Beginnings
    literals: Beginnings

    @classmethod
    def of(cls, entries: Sequence[str]) -> WordList:
        """Return the list of some entries, none of them blank."""
        tidy = [" ".join(entry.split()) for entry in entries]
        phrases = _texts([entry for entry in tidy if _is_phrase(entry)])
        others = _texts([entry for entry in tidy if not _is_phrase(entry)])
        words, codes = _Words.of(phrases).keys, _lower_codes(others)
        return cls(
            Beginnings.of([words.keys[a:b] for a, b in pairwise(words.places.tolist())]),
            # A line end stands after each.
            Beginnings.of([codes[a : b - 1] for a, b in pairwise(others.places.tolist())]),
        )

    def find(self, texts: Texts) -> Integers:
        """Return the positions at which entries begin, in order, each once."""
        found = [*self._phrases_in(texts), *self._literals_in(texts), np.empty(0, np.int64)]
        return np.unique(np.concatenate(found))

    def _phrases_in(self, texts: Texts) -> Iterator[Integers]:
        if not self.phrases.levels:
            return
        words = _Words.of(texts)
        for numbers, count in self.phrases.within(words.keys.keys):
            first, last = words.spans.begins[numbers], words.spans.begins[numbers + count - 1]
            yield first if count == 1 else first[_are_together(texts, first, last)]

    def _literals_in(self, texts: Texts) -> Iterator[Integers]:
        if not self.literals.levels:
            return
        for first, count in self.literals.within(_lower_codes(texts)):
            yield first[_are_whole(texts, first, first + count)]


@functools.lru_cache(maxsize=8)
def word_list(entries: tuple[str, ...]) -> WordList:
    """Return the list of some entries, the same object for the same ones."""
    return WordList.of(entries)


@dataclass(frozen=True)
class Beginnings:
    """Sequences of numbers, by the hashes of their beginnings.

    Attributes:
        slots: Whether a sequence begins with a number of such low bits.
        levels: For each length the hashes of the beginnings that are so long, in order, and which
            of these are whole sequences.
    """

    slots: Mask
    levels: tuple[tuple[Keys, Mask], ...]

    @classmethod
    def of(cls, sequences: Sequence[Numbers]) -> Beginnings:
        """Return some sequences, none of them empty."""
        slots = np.zeros(_SLOTS, dtype=bool)
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        numbers = np.concatenate([np.empty(0, np.uint64), *sequences]).astype(np.uint64)
        slots[_slots(numbers[starts])] = True
        levels, hashes = [], np.zeros(len(sequences), np.uint64)
        for step in range(int(lengths.max(initial=0))):
            left = lengths > step
            hashes, starts, lengths = hashes[left], starts[left], lengths[left]
            hashes = hashes * _FACTOR + numbers[starts + step]
            known = np.unique(hashes)
            levels.append((known, np.isin(known, hashes[lengths == step + 1])))
        return cls(slots, tuple(levels))

    def within(self, numbers: Numbers) -> Iterator[tuple[Integers, int]]:
        """Yield the places of a longer sequence at which some stand, and how long these are."""
        places = np.flatnonzero(np.take(self.slots, _slots(numbers)))
        hashes = np.zeros(len(places), np.uint64)
        for step, (known, whole) in enumerate(self.levels):
            inside = places < len(numbers) - step
            places, hashes = places[inside], hashes[inside]
            hashes = hashes * _FACTOR + numbers[places + step]
            ranks = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            found = known[ranks] == hashes
            places, hashes, ranks = places[found], hashes[found], ranks[found]
            if not len(places):
                return
            yield places[whole[ranks]], step + 1


@dataclass(frozen=True)
class _Words:
    """The words of scripts with spaces: where they are, and keys equal for equal ones."""

    spans: Spans
    keys: WordKeys

    @classmethod
    def of(cls, texts: Texts) -> _Words:
        inside = np.take(characters.in_spaced_words(), texts.codes)
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        begins = edges[::2]
        spans = Spans(begins, edges[1::2], np.searchsorted(begins, texts.places))
        return cls(spans, WordKeys.exact(_lower_codes(texts), spans))


def _is_phrase(entry: str) -> bool:
    parts = characters.in_spaced_words()
    inner = (character for character in entry if character not in _JOINTS and character != " ")
    return all(parts[ord(character)] for character in (entry[0], entry[-1], *inner))


def _texts(entries: list[str]) -> Texts:
    return Texts(pa.array(entries, pa.string()))


def _lower_codes(texts: Texts) -> npt.NDArray[np.uint32]:
    return np.take(characters.lower(), texts.codes)


def _slots(numbers: Numbers) -> npt.NDArray[np.uint16]:
    return numbers.astype(np.uint16)


def _are_together(texts: Texts, first: Integers, last: Integers) -> Mask:
    """Tell whether the words at some positions are of one phrase."""
    others = texts.has(BREAK | UNSPACED)
    others = others[texts.codes[others] != ord("\n")]
    between = np.searchsorted(others, last) - np.searchsorted(others, first)
    texts_between = np.searchsorted(texts.places, last, "right") - np.searchsorted(
        texts.places, first, "right"
    )
    return (between == 0) & (texts_between == 0)


def _are_whole(texts: Texts, first: Integers, end: Integers) -> Mask:
    """Tell whether neither a word nor a letter goes on before or after some stretches."""
    parts, codes, flags = characters.in_spaced_words(), texts.codes, texts.flags
    cut = parts[codes[first - 1]] & parts[codes[first]]
    cut |= parts[codes[end - 1]] & parts[codes[end]]
    marked = (flags[end] & np.uint8(ATTACHED) != 0) & (characters.folded()[codes[end]] != 0)
    marked &= flags[end - 1] & np.uint8(UNSPACED | ATTACHED) != 0
    return np.asarray(~cut & ~marked)
