"""The analysis of a column of texts that all operators on it share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow_core.operators import python_values
from dataflow_text.analysis.characters import UNSPACED_TEXT
from dataflow_text.analysis.texts import Texts
from dataflow_text.not_text import no_texts, not_text

Measure = Callable[[Texts], npt.NDArray[Any]]
"""A number for each of some texts; NaN where it does not apply."""

Positions = npt.NDArray[np.int64]

PIECE_ROWS = 512
"""Rows analysed at a time: few enough for the processor's caches."""

LEFT = 0.75
"""When no more than this share of the bytes is left, what is known of them is copied, so that later
measures need not be taken of the texts that are gone."""

_ONE = pa.array([""], pa.string())

KEPT_BYTES = 32 << 20
"""Of so much text the analysis is kept for the next measure; of more, the measures alone."""


class TextAnalysis:
    """What is known of a column of texts; measures are taken once, however many ask.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts
        self._measured: dict[Measure, npt.NDArray[Any]] = {}

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Self:
        """Analyse a column.

        Raises:
            NotText: A value is no text.
        """
        return cls(_as_texts(column))

    def take(self, positions: Positions) -> TextAnalysis:
        """Return the analysis of some of the texts."""
        return _Part(self, positions)

    def copy(self, positions: Positions) -> TextAnalysis:
        """Return the analysis of some of the texts, with all that is known but the measures."""
        ranks = np.argsort(self._order, kind="stable")[positions]
        order = np.argsort(ranks, kind="stable")
        made = TextAnalysis(self.texts.take(pa.array(positions)))
        if "_kept" in vars(self):
            texts = self.texts.take(pa.array(positions[order]))
            made.__dict__ |= {"_order": order, "_kept": _rest(self._kept, ranks[order], texts)}
        return made

    @cached_property
    def is_null(self) -> npt.NDArray[np.bool_]:
        """Which texts are null."""
        return np.asarray(self.texts.is_null(), dtype=bool)

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """The number of bytes of each text."""
        return np.asarray(pc.fill_null(pc.binary_length(self.texts), 0), dtype=np.int64)

    def has(self, measure: Measure) -> bool:
        """Tell whether a measure has been taken."""
        return measure in self._measured

    def measure(self, measure: Measure) -> npt.NDArray[Any]:
        """Return a measure of each text.

        Args:
            measure: The same function, as Python compares them, is called once for each text.
        """
        if measure not in self._measured:
            pieces = [measure(texts) for texts in self.pieces()]
            # Without texts there is still the type of number that it would be.
            found = np.concatenate(pieces) if pieces else measure(Texts(_ONE))[:0]
            self._measured[measure] = self._in_order(found)
        return self._measured[measure]

    def _in_order(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        ordered = np.empty_like(found)
        ordered[self._order] = found
        return ordered

    @cached_property
    def _kinds(self) -> npt.NDArray[np.int8]:
        """What each text is in: 0 for ASCII, 2 for scripts without spaces too, 1 for others."""
        others = ~np.asarray(pc.fill_null(pc.string_is_ascii(self.texts), True), dtype=bool)
        kinds = others.astype(np.int8)
        if others.any():
            found = pc.match_substring_regex(self.texts.filter(pa.array(others)), UNSPACED_TEXT)
            kinds[others] += np.asarray(found, dtype=bool)
        return kinds

    @cached_property
    def _order(self) -> Positions:
        """The texts' numbers in the order in which they are analysed: one kind after the other."""
        return np.argsort(self._kinds, kind="stable")

    def pieces(self) -> Iterator[Texts]:
        """Yield all texts, some at a time; those in ASCII come first."""
        return iter(self._kept) if self.texts.nbytes <= KEPT_BYTES else self._cut()

    @cached_property
    def _kept(self) -> list[Texts]:
        return list(self._cut())

    def _cut(self) -> Iterator[Texts]:
        for group in np.split(self._order, np.cumsum(np.bincount(self._kinds, minlength=3)[:-1])):
            for start in range(0, len(group), PIECE_ROWS):
                rows = group[start : start + PIECE_ROWS]
                yield Texts(self.texts.take(pa.array(rows)))


class _Part(TextAnalysis):
    """The analysis of the texts that are left of others.

    What was measured before is taken from there. What is measured now is measured of all of them,
    or, when much of the text is gone, of these alone.
    """

    def __init__(self, whole: TextAnalysis, chosen: Positions) -> None:
        self._whole = whole
        self._chosen = chosen

    @cached_property
    def texts(self) -> pa.Array:
        """The texts."""
        return self._copied.texts

    @cached_property
    def is_null(self) -> npt.NDArray[np.bool_]:
        """Which texts are null."""
        return self._whole.is_null[self._chosen]

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """The number of bytes of each text."""
        return self._whole.sizes[self._chosen]

    def pieces(self) -> Iterator[Texts]:
        """Yield all texts, some at a time."""
        return self._copied.pieces()

    def take(self, positions: Positions) -> TextAnalysis:
        """Return the analysis of some of the texts."""
        alone: TextAnalysis | None = vars(self).get("_alone")
        if alone is not None:
            return alone.take(positions)
        return self._whole.take(self._chosen[positions])

    def has(self, measure: Measure) -> bool:
        """Tell whether a measure has been taken."""
        return self._whole.has(measure)

    def measure(self, measure: Measure) -> npt.NDArray[Any]:
        """Return a measure of each text."""
        if self._whole.has(measure) or self._alone is None:
            return self._whole.measure(measure)[self._chosen]
        return self._alone.measure(measure)

    @cached_property
    def _alone(self) -> TextAnalysis | None:
        """The analysis of these texts without the others, where it is worth while."""
        sizes = self._whole.sizes
        if self.sizes.sum() > LEFT * sizes.sum():
            return None
        return self._copied

    @cached_property
    def _copied(self) -> TextAnalysis:
        return self._whole.copy(self._chosen)


def _rest(pieces: list[Texts], ranks: Positions, texts: pa.Array) -> list[Texts]:
    """Return what is known of some texts, in larger pieces again.

    Args:
        pieces: What is known of all.
        ranks: Their numbers among all, ascending.
        texts: The texts.
    """
    ends = np.cumsum([len(piece) for piece in pieces])
    cuts = [0, *np.searchsorted(ranks, ends).tolist()]
    rest: list[Texts] = []
    parts: list[tuple[Texts, Positions]] = []
    done = rows = 0
    for piece, end, low, high in zip(pieces, ends, cuts[:-1], cuts[1:], strict=True):
        other = parts and parts[0][0].codes.dtype != piece.codes.dtype
        if parts and (other or rows + high - low > PIECE_ROWS):
            rest.append(Texts.of_parts(parts, texts.slice(done, rows)))
            parts, done, rows = [], done + rows, 0
        if high > low:
            parts.append((piece, ranks[low:high] - (end - len(piece))))
            rows += high - low
    if parts:
        rest.append(Texts.of_parts(parts, texts.slice(done, rows)))
    return rest


def _as_texts(column: pa.ChunkedArray) -> pa.Array:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([pa.array(_checked(column), pa.string())])
    if not (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_string_view(column.type)
        or pa.types.is_null(column.type)
        or pa.types.is_dictionary(column.type)
    ):
        raise no_texts(column.type)
    texts = column.cast(pa.large_string() if column.nbytes >= 2**31 else pa.string())
    combined = texts.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _checked(column: pa.ChunkedArray) -> list[str | None]:
    values = python_values(column)
    for value in values:
        if value is not None and not isinstance(value, str):
            raise not_text(value)
    return values
