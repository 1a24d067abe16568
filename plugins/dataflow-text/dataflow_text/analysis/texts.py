"""What measures share about some texts: characters, words, lines, each worked out when wanted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_text.analysis import characters
from dataflow_text.analysis.characters import ATTACHED, BREAK, UNSPACED, WHITE, WIDE, members
from dataflow_text.analysis.spans import Integers, Mask, Spans
from dataflow_text.analysis.tokens import Tokens, tokens_of
from dataflow_text.analysis.word_keys import Keys, WordKeys, stripped

_FEW = 16


class Texts:
    """Some texts as one sequence of code points, with a line end before, between and after them.

    Positions are those of that sequence. A null text is an empty one here.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts

    @classmethod
    def of_parts(cls, parts: Sequence[tuple[Texts, Integers]], texts: pa.Array) -> Self:
        """Return some of several others, with what is known of all of these.

        Args:
            parts: Others, and the numbers of the texts to take of each.
            texts: Those texts, one after the other.
        """
        made = cls(texts)
        known = set.intersection(*(set(vars(part)) for part, _ in parts))
        for name in known & {"codes", "flags"}:
            vars(made)[name] = _characters_of(parts, name)
        starts = np.split(made.places[:-1], np.cumsum([len(rows) for _, rows in parts])[:-1])
        alike = known >= {"tokens", "words"} and all(p.words is p.tokens for p, _ in parts)
        for name in known & ({"tokens"} if alike else {"tokens", "words"}):
            taken = [
                getattr(part, name).of_texts(rows, start - part.places[rows])
                for (part, rows), start in zip(parts, starts, strict=True)
            ]
            vars(made)[name] = Spans.joined(taken)
        if alike:
            vars(made)["words"] = made.tokens
        if "word_keys" in known:
            taken_keys = [part.word_keys.of_texts(rows) for part, rows in parts]
            vars(made)["word_keys"] = WordKeys.joined(taken_keys)
        return made

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def characters(self) -> Integers:
        """The number of characters (code points) of each text."""
        return np.asarray(pc.fill_null(pc.utf8_length(self.texts), 0), dtype=np.int64)

    @cached_property
    def places(self) -> Integers:
        """The position of each text's first character, and at last where one more would begin."""
        return np.concatenate([[1], 1 + np.cumsum(self.characters + 1)])

    @cached_property
    def codes(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The code points of all texts; bytes where all are ASCII, which is quicker."""
        around = pa.array([""], self.texts.type)
        texts = pa.concat_arrays([around, pc.fill_null(self.texts, ""), around])
        one = pa.LargeListArray.from_arrays([0, len(texts)], texts)
        joined = pc.binary_join(one, "\n")[0].as_buffer()
        if len(joined) == self.places[-1]:
            return np.frombuffer(joined, np.uint8)
        return np.frombuffer(joined.to_pybytes().decode().encode("utf-32-le"), np.uint32)

    @cached_property
    def flags(self) -> npt.NDArray[np.uint8]:
        """The bits of `characters.flags` for each code point."""
        return characters.flags_of(self.codes)

    def where(self, wanted: str) -> Integers:
        """Return the positions of any of some characters."""
        chosen = members(wanted)
        if all(characters.flags()[ord(character)] & ATTACHED for character in wanted):
            return self.punctuation[chosen[self.codes[self.punctuation]]]
        return np.flatnonzero(chosen[self.codes])

    @cached_property
    def punctuation(self) -> Integers:
        """The positions of punctuation, marks and format characters."""
        return self.has(ATTACHED)

    @cached_property
    def line_ends(self) -> Integers:
        """The positions of line ends of all kinds, those around the texts included."""
        both = np.uint8(WHITE | BREAK)
        ends = np.flatnonzero((self.flags & both) == both)
        returns = np.flatnonzero(self.codes[ends] == ord("\r"))
        if not len(returns):
            return ends
        # Before a line feed it is a part of that one's line end.
        return np.delete(ends, returns[self.codes[ends[returns] + 1] == ord("\n")])

    def has(self, bits: int) -> Integers:
        """Return the positions of characters with any of these bits."""
        return np.flatnonzero((self.flags & np.uint8(bits)) != 0)

    def count(self, positions: Integers) -> Integers:
        """Return how many of some positions, ascending, lie in each text."""
        return np.diff(np.searchsorted(positions, self.places))

    @cached_property
    def phrase_ends(self) -> Integers:
        """The positions of marks that end a phrase, and of line ends.

        White space between letters of scripts that write none between words ends one as well.
        """
        marks, flags = self.has(BREAK), self.flags
        if self.words is self.tokens:
            return marks
        gaps = self.has(WHITE)[1:-1]
        letters, before = np.uint8(UNSPACED), np.uint8(UNSPACED | ATTACHED)
        gaps = gaps[(flags[gaps + 1] & letters != 0) & (flags[gaps - 1] & before != 0)]
        return np.union1d(marks, gaps)

    @cached_property
    def tokens(self) -> Spans:
        """The runs of characters between white space."""
        return self._runs(WHITE)

    @cached_property
    def words(self) -> Spans:
        """The words: tokens, and in scripts without spaces the letters.

        There, punctuation and marks beside a letter are no word.
        """
        flags = self.flags
        if not (flags & np.uint8(UNSPACED | WIDE)).any():
            return self.tokens
        alone = (flags & np.uint8(UNSPACED)) != 0
        inside = (flags & np.uint8(WHITE | WIDE | UNSPACED)) == 0
        begins = np.flatnonzero((inside[1:] > inside[:-1]) | alone[1:]) + 1
        ends = np.flatnonzero((inside[:-1] > inside[1:]) | alone[:-1]) + 1
        words = Spans(begins, ends, np.searchsorted(begins, self.places))
        return words.within(~self._punctuation_beside_letters(words))

    @cached_property
    def spaced_words(self) -> Spans:
        """The words of scripts with spaces."""
        if self.words is self.tokens:  # there are no others
            return self.words
        return self.words.within(self.flags[self.words.begins] & UNSPACED == 0)

    @cached_property
    def word_keys(self) -> WordKeys:
        """Keys of the words, equal for words that differ in case or punctuation only."""
        return WordKeys.of(self.codes, self.words)

    @property
    def bare_words(self) -> Spans:
        """The words without the punctuation around them; those of nothing else are empty."""
        return stripped(characters.folded_of(self.codes), self.words)

    @cached_property
    def linguistic(self) -> Tokens:
        """Words without the punctuation around them, and each mark alone."""
        return tokens_of(self)

    @cached_property
    def line_keys(self) -> WordKeys:
        """Keys of the lines, equal for equal ones."""
        return WordKeys.exact(self.codes, self.lines)

    @cached_property
    def lines(self) -> Spans:
        """The lines that are not blank, without the white space at both ends."""
        ends = self.line_ends
        marks = np.searchsorted(self.tokens.begins, ends)
        filled = np.flatnonzero(np.diff(marks))
        begins = self.tokens.begins[marks[filled]]
        return Spans(
            begins, self.tokens.ends[marks[filled + 1] - 1], np.searchsorted(begins, self.places)
        )

    @cached_property
    def paragraphs(self) -> Spans:
        """Lines with no blank line between them, as one span."""
        lines = self.lines
        before = np.searchsorted(self.line_ends, lines.begins)
        first = np.diff(before, prepend=-2) > 1
        first[lines.places[:-1][lines.count > 0]] = True
        begins = lines.begins[first]
        last = np.append(np.flatnonzero(first)[1:], len(first))[: len(begins)] - 1
        return Spans(begins, lines.ends[last], np.searchsorted(begins, self.places))

    @cached_property
    def paragraph_keys(self) -> WordKeys:
        """Keys of the paragraphs, equal for equal ones."""
        return WordKeys.exact(self.codes, self.paragraphs)

    @cached_property
    def ellipses(self) -> Integers:
        """The positions of ellipses: one character, or the third of three or more full stops."""
        dots = self.where(".")
        thirds = dots[2:][dots[2:] - dots[:-2] == 2]
        thirds = thirds[self.codes[thirds - 3] != ord(".")]
        return np.sort(np.concatenate([thirds, self.where("…")]), kind="stable")

    def lines_with(self, positions: Integers) -> Mask:
        """Tell in which lines some positions, ascending, lie."""
        bounds = np.append(self.lines.begins, len(self.codes))
        return np.diff(np.searchsorted(positions, bounds)) > 0

    @cached_property
    def lower(self) -> bytes:
        """The low byte of each code point, in lower case; only that of ASCII says which it is."""
        return self.codes.astype(np.uint8, copy=False).tobytes().lower()

    def find(self, literal: str) -> Integers:
        """Return where an ASCII text begins, case aside, each occurrence after the one before."""
        wanted, found, start = literal.lower().encode("ascii"), [], -1
        while (start := self.lower.find(wanted, start + 1)) >= 0:
            if (self.codes[start : start + len(wanted)] < 128).all():
                found.append(start)
                start += len(wanted) - 1
        return np.array(found, dtype=np.int64)

    def phrases(self, phrases: Sequence[str]) -> Mask:
        """Tell at which words some phrases begin, matched word by word, case aside."""
        keys = self.word_keys
        found = np.zeros(len(keys.keys), dtype=bool)
        words, longer = _wanted(tuple(phrases), self._is_wide)
        if len(words) > _FEW:
            found |= keys.among(words)
        else:
            for word in words:
                found |= keys.keys == word
        for phrase in longer:
            found[keys.find(phrase)] = True
        return found

    def are_words(self, wanted: tuple[str, ...], numbers: Integers) -> Mask:
        """Tell which words of some numbers are any of the wanted ones."""
        return self.word_keys.among(_wanted(wanted, self._is_wide)[0], numbers)

    @property
    def _is_wide(self) -> bool:
        return self.codes.dtype != np.uint8

    def at_end(self, spans: Spans, *endings: str) -> Mask:
        """Tell which spans end with one of some texts."""
        chosen = np.zeros(len(spans.begins), dtype=bool)
        for ending in endings:
            matches = spans.lengths >= len(ending)
            for back, character in enumerate(reversed(ending), 1):
                matches &= self.codes[spans.ends - back] == ord(character)
            chosen |= matches
        return chosen

    def _runs(self, gaps: int) -> Spans:
        inside = (self.flags & np.uint8(gaps)) == 0
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        begins = edges[::2]
        return Spans(begins, edges[1::2], np.searchsorted(begins, self.places))

    def _punctuation_beside_letters(self, words: Spans) -> Mask:
        """Tell which words are punctuation and marks next to a letter of an unspaced script."""
        flags, unspaced = self.flags, np.uint8(UNSPACED)
        beside = (flags[words.begins - 1] | flags[words.ends]) & ~flags[words.begins] & unspaced
        chosen = np.zeros(len(words.begins), dtype=bool)
        candidates = np.flatnonzero(beside)
        if len(candidates):
            inside, starts = words.at(candidates).characters(flags)
            chosen[candidates] = np.bitwise_and.reduceat(inside, starts) & np.uint8(ATTACHED) != 0
        return chosen


def _characters_of(parts: Sequence[tuple[Texts, Integers]], name: str) -> npt.NDArray[Any]:
    """Return what is known of each character of some texts, a line end before the first."""
    pieces: list[npt.NDArray[Any]] = []
    for part, rows in parts:
        values = getattr(part, name)
        pieces += [] if pieces else [values[:1]]
        starts, ends = part.places[rows].tolist(), part.places[rows + 1].tolist()
        pieces += [values[start:end] for start, end in zip(starts, ends, strict=True)]
    return np.concatenate(pieces)


@functools.lru_cache(maxsize=100)
def _wanted(phrases: tuple[str, ...], is_wide: bool) -> tuple[Keys, list[WordKeys]]:
    """Return the keys of those that are one word, in order, and those of the others.

    Args:
        phrases: The phrases.
        is_wide: Whether they are looked for among texts beyond ASCII, whose words have other keys.
    """
    # Of a phrase beyond ASCII, a text in ASCII has none.
    possible = [phrase for phrase in phrases if is_wide or phrase.lower().isascii()]
    keys = [_keys_of_phrase(phrase.lower(), is_wide) for phrase in possible]
    words = [one.keys[0] for one in keys if len(one.keys) == 1]
    return np.unique(np.array(words, dtype=np.uint64)), [one for one in keys if len(one.keys) > 1]


def _keys_of_phrase(phrase: str, is_wide: bool) -> WordKeys:
    texts = Texts(pa.array([phrase]))
    if is_wide:
        vars(texts)["codes"] = texts.codes.astype(np.uint32)
    return texts.word_keys
