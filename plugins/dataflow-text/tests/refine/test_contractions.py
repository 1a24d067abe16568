"""Contractions are written out where the words tell how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import ExpandContractions

CASES = [
    (
        "I don't, you can't, she won't, we shan't",
        "I do not, you cannot, she will not, we shall not",
    ),
    ("Don’t! isn’t", "Do not! is not"),
    ("I'm I'll I've they're she'll", "I am I will I have they are she will"),
    (
        "It's late. It's been long. That's it, let's go",
        "It is late. It has been long. That is it, let us go",
    ),
    (
        "We'd better go; I'd like to; he'd been; they'd never",
        "We had better go; I would like to; he had been; they would never",
    ),
    ("WON'T I'M DON'T LET'S IT'S", "WILL NOT I AM DO NOT LET US IT IS"),
    ("Won't Can't I'm", "Will not Cannot I am"),
    ("could've must've should've", "could have must have should have"),
    ("It's always been so. She's already gone", "It has always been so. She has already gone"),
    (
        "He's eaten the cake; he's not really had time",
        "He has eaten the cake; he has not really had time",
    ),
    ("What's happened? What's the time?", "What has happened? What is the time?"),
    ("It's red, it's early. It's already late", "It is red, it is early. It is already late"),
]
UNTOUCHED = [
    "What's he want? How's she know? Where's it go",
    "He's eaten. It's made of wood; it's often called so, she's tired",
    "the dog's John's children's",
    "ain't",
    "I'd gone, he'd walked",
    "o'clock rock'n'roll 'tis y'all gonna",
    "'it' 's x's",
    "don 't dont",
    "l'ami d'accord c'est",
    "she'll've x_it's",
    "日本語の'm'",
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_contractions_are_written_out(text, expected, refined):
    assert refined(ExpandContractions(), text) == [expected]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_uncertain_or_no_contraction_stays(text, refined):
    assert refined(ExpandContractions(), text, None, "") == [text, None, ""]


@given(
    st.lists(
        st.sampled_from(["it's", "I'd", "be", "don't", "can't", " ", "'", "'s", "been", "WON'T"])
    ).map("".join)
)
def test_expanding_twice_changes_nothing_more(text):
    once = ExpandContractions().clean(text)
    assert ExpandContractions().clean(once) == once
