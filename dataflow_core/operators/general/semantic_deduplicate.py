"""Drop rows that mean what another one means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from dataflow_core.operators.columns import ListColumn
from dataflow_core.operators.general.clustering import nearest_centroids, spherical_centroids
from dataflow_core.operators.general.vectors import (
    BLOCK,
    Matrix,
    Positions,
    VectorFilter,
    unit_length,
)
from dataflow_core.storage.base import Storage

_AT_ONCE = 2048
"""So many rows look for earlier ones at a time."""

_WHOLE = 4096
"""Up to so many rows, all are compared with all where the number of clusters is not given."""

_ROUNDING = 1e-6
"""How far a cosine in 32-bit floats may be off; equal vectors are never below a threshold of 1."""


class SemanticDeduplicate(VectorFilter):
    """Keep one of each set of rows whose vectors point almost the same way (SemDeDup).

    Rows are put into clusters by spherical k-means, and compared within these. In the order of
    ``kept``, a row is dropped when its cosine similarity to one that stays is at least
    ``threshold``; it is no chain of similar rows, at whose ends there might be two that are not
    (the paper also drops a row for one that is dropped itself). Each dropped row has reason
    ``"semantic_duplicate"``, the similarity as value, and the id of the most similar row that
    stays.

    Duplicates in different clusters are missed, a few in a hundred; with more ``neighbours``, which
    are the clusters that a row is compared in, hardly any. Up to 4,096 rows, all are compared with
    all, unless ``clusters`` is given. The time is in proportion to rows x rows / clusters x
    neighbours, and that of clustering to rows x clusters; kept in memory are eight bytes a
    component.

    A row whose vector is null or empty repeats nothing, and stays. A vector with a null, NaN or
    infinite component sends its row to quarantine (reason ``"invalid_vector"``), and one of zeros
    alone, too (``"zero_vector"``). The outcome depends on the vectors, their order and the seed,
    not on batches. Cosines are of 32-bit floats: they are off by a millionth or less, and count in
    favour of dropping.

    Source: SemDeDup (Abbas et al. 2023), section 3: Abbas, Tirumala, Simig, Ganguli and Morcos,
    Data-efficient learning at web-scale through semantic deduplication (arXiv 2303.09540).

    Attributes:
        threshold: The least similarity at which a row is a duplicate: 1 less the paper's epsilon.
        clusters: The number of clusters. None: one up to 4,096 rows, and else the square root of
            their number.
        neighbours: In how many clusters each row is compared, those nearest to it; 1 as in the
            paper.
        kept: Which one stays. ``"first"``: the one that comes first in the table; ``"farthest"``:
            the one least similar to its cluster's centroid, as in the paper.
        seed: Another seed makes other clusters.

    Raises:
        OperatorError: Vectors differ in their number of components.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> vectors = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.1], None]
        >>> table = MemoryStorage([{"embedding": vector} for vector in vectors])
        >>> SemanticDeduplicate(threshold=0.95).run(table)
        >>> table.rows()
        [{'embedding': [1.0, 0.0]}, {'embedding': [0.0, 1.0]}, {'embedding': None}]
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.95
    clusters: Annotated[int, Field(ge=1)] | None = None
    neighbours: int = Field(default=1, ge=1)
    kept: Literal["first", "farthest"] = "first"
    seed: int = Field(default=0, ge=0)

    def run(self, storage: Storage, input_embedding: ListColumn = "embedding") -> None:
        """Drop the duplicates.

        Args:
            storage: The table.
            input_embedding: The column of vectors: lists of numbers, all equally long.
        """
        self.run_phases(storage, input_embedding=input_embedding)

    def decide_of(self, vectors: Matrix, ids: pd.Index) -> pd.DataFrame:
        """Drop each row that is similar to an earlier one that stays."""
        if not len(ids):
            return pd.DataFrame({"reason": [], "value": [], "duplicate_of": ids}, index=ids)
        unit_length(vectors)
        centroids = spherical_centroids(vectors, self._cluster_count(len(vectors)), self.seed)
        nearest = nearest_centroids(vectors, centroids, min(self.neighbours, len(centroids)))
        order = np.arange(len(vectors))
        if self.kept == "farthest":
            order = np.argsort(_cosines(vectors, centroids, nearest[:, 0]), kind="stable")
        search = _Search(vectors, nearest, order, self.threshold - _ROUNDING)
        repeated, similarity = search.repeated()
        gone = np.flatnonzero(repeated >= 0)
        gone = gone[np.argsort(order[gone])]
        decision = {
            "reason": ["semantic_duplicate"] * len(gone),
            "value": np.round(similarity[gone].astype(np.float64), 6),
            "duplicate_of": ids[order[repeated[gone]]],
        }
        return pd.DataFrame(decision, index=ids[order[gone]])

    def _cluster_count(self, rows: int) -> int:
        if self.clusters is not None:
            return min(self.clusters, rows)
        return 1 if rows <= _WHOLE else round(rows**0.5)


class _Pairs(NamedTuple):
    """Rows that are similar to earlier ones, by their places in the order."""

    later: Positions
    earlier: Positions
    cosines: npt.NDArray[np.float32]


class _Search:
    """The search of each row for earlier ones that are similar to it, some rows at a time.

    Args:
        vectors: Vectors of length 1.
        nearest: The clusters of each, its own first.
        order: The positions of the vectors, in the order in which they are to be kept; rows are
            called by their places in it.
        least: The least cosine.
    """

    def __init__(self, vectors: Matrix, nearest: Positions, order: Positions, least: float) -> None:
        self._nearest = nearest = nearest[order]
        self._least = least
        # The members of each cluster lie side by side, in their order.
        self._members = np.argsort(nearest[:, 0], kind="stable")
        self._vectors = vectors[order[self._members]]
        self._place = np.empty(len(vectors), np.int64)
        self._place[self._members] = np.arange(len(vectors))
        sizes = np.bincount(nearest[:, 0], minlength=int(nearest.max(initial=0)) + 1)
        self._ends = np.cumsum(sizes)
        self._begins = self._ends - sizes
        self._repeated = np.full(len(vectors), -1, np.int64)
        self._similarity = np.full(len(vectors), -np.inf, np.float32)

    def repeated(self) -> tuple[Positions, npt.NDArray[np.float32]]:
        """Return which row each one repeats, -1 for none, and how similar the two are."""
        for start in range(0, len(self._repeated), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(self._repeated))
            within = [self._found(*asked, start) for asked in self._asking(start, stop)]
            self._settle(within)
        return self._repeated, self._similarity

    def _asking(self, start: int, stop: int) -> Iterator[tuple[int, Positions]]:
        """Yield each cluster with those rows of a stretch that are to be compared in it."""
        clusters = self._nearest[start:stop].ravel()
        rows = np.repeat(np.arange(start, stop), self._nearest.shape[1])
        order = np.argsort(clusters, kind="stable")
        found, begins = np.unique(clusters[order], return_index=True)
        for cluster, asking in zip(found, np.split(rows[order], begins[1:]), strict=True):
            yield int(cluster), asking

    def _found(self, cluster: int, rows: Positions, start: int) -> _Pairs:
        """Note what rows repeat from before a stretch; return the pairs within it."""
        begin, end = self._begins[cluster], self._ends[cluster]
        members = self._members[begin:end]
        end = begin + int(np.searchsorted(members, rows[-1]))  # Later ones are of no interest.
        own = self._vectors[self._place[rows]]
        pairs = []
        for at in range(begin, end, BLOCK):
            there = self._members[at : min(at + BLOCK, end)]
            cosines = own @ self._vectors[at : at + len(there)].T
            before = int(np.searchsorted(there, start))
            cosines[:, :before][:, self._repeated[there[:before]] >= 0] = -np.inf
            self._note(rows, there[:before], cosines[:, :before])
            asking, found = np.nonzero(cosines[:, before:] >= self._least)
            later, earlier = rows[asking], there[before + found]
            wanted = earlier < later
            found_cosines = cosines[asking, before + found][wanted]
            pairs.append(_Pairs(later[wanted], earlier[wanted], found_cosines))
        return _joined(pairs)

    def _note(self, rows: Positions, stay: Positions, cosines: Matrix) -> None:
        """Note which of some earlier rows are more similar than those noted before."""
        if not len(stay):
            return
        best = cosines.argmax(axis=1)
        most = cosines[np.arange(len(rows)), best]
        better = (most >= self._least) & (most > self._similarity[rows])
        self._repeated[rows[better]] = stay[best[better]]
        self._similarity[rows[better]] = most[better]

    def _settle(self, within: list[_Pairs]) -> None:
        """Decide of the rows of a stretch in their order: only those that stay are repeated."""
        pairs = _joined(within)
        order = np.lexsort((pairs.earlier, pairs.later))
        later, begins = np.unique(pairs.later[order], return_index=True)
        ends = np.append(begins, len(order))[1:]
        for row, begin, end in zip(later.tolist(), begins, ends, strict=True):
            places = order[begin:end]
            stay = places[self._repeated[pairs.earlier[places]] < 0]
            if not len(stay):
                continue
            best = stay[np.argmax(pairs.cosines[stay])]
            if pairs.cosines[best] > self._similarity[row]:
                self._repeated[row] = pairs.earlier[best]
                self._similarity[row] = pairs.cosines[best]


def _joined(pairs: list[_Pairs]) -> _Pairs:
    nothing = np.empty(0, np.int64)
    every = [_Pairs(nothing, nothing, np.empty(0, np.float32)), *pairs]
    return _Pairs(*(np.concatenate(one) for one in zip(*every, strict=True)))


def _cosines(vectors: Matrix, centroids: Matrix, own: Positions) -> npt.NDArray[np.float32]:
    """Return the cosine of each vector with the centroid of its own cluster."""
    cosines = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = slice(start, start + BLOCK)
        cosines[block] = np.einsum("ij,ij->i", vectors[block], centroids[own[block]])
    return cosines
