"""Distributions of measures: right to 0.4 %, and the same however rows came in batches."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.table.distributions import QUANTILES, Distribution

VALUES = st.lists(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.integers(-300, 300).map(float),
        st.sampled_from([0.0, -0.0, 1.7e308, -1.7e308, float("inf"), 5e-324, float("nan")]),
    ),
    max_size=60,
)


def of(*parts, low=None, high=None):
    whole = Distribution(low, high)
    for part in parts:
        other = Distribution(low, high)
        other.add(np.array(part, np.float64))
        whole.merge(other)
    return whole


@given(values=VALUES, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_it_does_not_depend_on_batches(values, cuts):
    places = [0, *sorted(cuts), 60]
    parts = [values[a:b] for a, b in itertools.pairwise(places)]

    assert of(*parts, low=-1, high=9).as_dict() == of(values, low=-1, high=9).as_dict()


@given(values=VALUES)
def test_sums_and_quantiles_are_those_of_the_values(values):
    found = of(values, low=-2.5, high=100)
    numbers = np.array(values, np.float64)
    known = np.nan_to_num(numbers[~np.isnan(numbers)])

    assert (found.rows, found.absent) == (len(values), len(values) - len(known))
    assert found.below == np.count_nonzero(known < -2.5)
    assert found.above == np.count_nonzero(known > 100)
    if not len(known):
        assert found.quantiles() == [None] * len(QUANTILES)
        assert found.mean() is None
        return
    assert (found.minimum, found.maximum) == (known.min(), known.max())
    exact = np.quantile(known, QUANTILES, method="inverted_cdf")
    # Numbers too small for a leading bit (subnormal ones) have fewer digits.
    np.testing.assert_allclose(found.quantiles(), exact, rtol=0.004, atol=1e-305)
    mean = np.mean(known / 2.0**64) * 2.0**64
    assert abs(found.mean() - mean) <= max(0.002 * np.max(np.abs(known)), 1e-305)


@given(st.lists(st.integers(-256, 256), min_size=1))
def test_small_integers_have_exact_quantiles(values):
    exact = np.quantile(values, QUANTILES, method="inverted_cdf").tolist()
    assert of(values).quantiles() == exact
    assert of(values).mean() == pytest.approx(np.mean(values), abs=1e-12)


def test_quantiles_of_fractions_between_small_integers_are_no_integers():
    assert of([1.0077] * 3).quantiles((0.5,))[0] == pytest.approx(1.0077, rel=0.004)
    assert of(np.linspace(100, 101, 1001)).quantiles((0.4,))[0] == pytest.approx(100.4, rel=0.004)


def test_the_report_of_it_is_json_whatever_the_values():
    for values in ([], [np.nan], [np.inf, -np.inf], [1.7e308, -0.0]):
        told = of(values, low=-np.inf, high=np.inf).as_dict()
        assert json.loads(json.dumps(told, allow_nan=False)) == told
