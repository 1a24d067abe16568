"""Row ids: a position has one id, and the id tells the position."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.table.identity import child_ids, position_of, source_id, source_ids


@given(st.text(max_size=20), st.integers(0, 2**62))
def test_an_id_tells_its_position(source, position):
    assert position_of(source, source_id(source, position)) == position


@given(st.lists(st.integers(0, 2**62)))
def test_one_id_is_as_all_of_them(positions):
    ids = source_ids("source", np.array(positions, np.int64)).tolist()
    assert ids == [source_id("source", position) for position in positions]


def test_ids_of_other_origin_tell_no_position_that_a_source_has():
    parents = source_ids("source", np.arange(10_000))
    children = child_ids(parents, "explode", np.zeros(10_000, np.int64)).tolist()
    assert min(position_of("source", child) for child in children) > 2**40
    assert min(position_of("other", parent) for parent in parents.tolist()) > 2**40
