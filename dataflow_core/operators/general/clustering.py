"""Spherical k-means: directions that many vectors share, and which vectors are near which."""

from __future__ import annotations

import numpy as np

from dataflow_core.operators.general.vectors import BLOCK, Matrix, Positions, unit_length

_ROUNDS = 60
"""Rounds of mini-batches: few enough to cost less than the comparisons that follow."""


def spherical_centroids(vectors: Matrix, count: int, seed: int) -> Matrix:
    """Return the centroids of clusters, by mini-batches.

    In each round some vectors, drawn at random, move the centroid that has the greatest cosine with
    them, the less the more have moved it before.

    Source: Sculley 2010, Web-Scale K-Means Clustering, Algorithm 1 (WWW), on the unit sphere.

    Args:
        vectors: Vectors of length 1.
        count: The number of clusters, at most that of the vectors.
        seed: Another seed draws others.
    """
    if count == 1:
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)[None]
        _straighten(mean)
        return mean
    rng = np.random.default_rng(seed)
    centroids = vectors[np.sort(rng.choice(len(vectors), count, replace=False))]
    moved = np.zeros(count)
    for _ in range(_ROUNDS):
        batch = vectors[rng.integers(len(vectors), size=min(len(vectors), max(BLOCK, 4 * count)))]
        own = nearest_centroids(batch, centroids, 1)[:, 0]
        order = np.argsort(own, kind="stable")
        found, starts, sizes = np.unique(own[order], return_index=True, return_counts=True)
        moved[found] += sizes
        sums = np.add.reduceat(batch[order], starts)
        weights = (1 / moved[found])[:, None].astype(np.float32)
        centroids[found] += weights * (sums - sizes[:, None].astype(np.float32) * centroids[found])
        _straighten(centroids)
    return centroids


def nearest_centroids(vectors: Matrix, centroids: Matrix, count: int) -> Positions:
    """Return the clusters nearest to each vector, the nearest first.

    Args:
        vectors: Vectors of length 1.
        centroids: The centroids of the clusters.
        count: How many clusters of each vector, at most all.
    """
    nearest = np.empty((len(vectors), count), np.int64)
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ centroids.T
        for place in range(count):
            best = cosines.argmax(axis=1)
            nearest[start : start + BLOCK, place] = best
            cosines[np.arange(len(best)), best] = -np.inf
    return nearest


def _straighten(centroids: Matrix) -> None:
    """Scale centroids to length 1; one whose vectors cancel each other out gets any direction."""
    centroids[~centroids.any(axis=1), 0] = 1
    unit_length(centroids)
