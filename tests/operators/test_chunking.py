"""Cutting texts into pieces."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataflow_core.operators.general.chunking import SMALLEST, split
from dataflow_core.serving.tokens import estimate_tokens

WORDS = ["a", "word", "tree", "Ünïcödé", "日本語", "3.14", "😀", "«шум»", "…", "\u0301", "e.g."]
PARTS = st.sampled_from(
    [
        *WORDS,
        "x" * 60,
        *"。！",
        "？」",
        '."',
        ". ",
        "! ",
        "? ",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\r\n\r\n",
    ]
)
TEXTS = st.one_of(st.lists(PARTS, max_size=120).map("".join), st.text(max_size=200))
LIMITS = st.integers(SMALLEST, 60)


def characters(text):
    return len(text)


COUNTS = st.sampled_from([estimate_tokens, characters])


@settings(max_examples=200, deadline=None)
@given(TEXTS, LIMITS, COUNTS)
@example("", 8, estimate_tokens)
@example("\n\n\n", 8, estimate_tokens)
@example("x" * 1000, 8, characters)
def test_pieces_are_the_text_and_each_within_the_limit(text, limit, count):
    pieces = split(text, limit, count=count)
    assert "".join(piece.text for piece in pieces) == text
    assert all(0 < count(piece.text) <= limit for piece in pieces)
    assert all(piece.text == text[piece.start : piece.end] for piece in pieces)


@settings(max_examples=200, deadline=None)
@given(TEXTS, LIMITS, COUNTS, st.data())
def test_pieces_overlap_by_so_much_at_most_and_lose_nothing(text, limit, count, data):
    overlap = data.draw(st.integers(0, limit // 2))
    pieces = split(text, limit, overlap, count)
    done, again = 0, ""
    for piece in pieces:
        assert piece.start <= done < piece.end
        assert count(text[piece.start : piece.end]) <= limit
        assert count(text[piece.start : done]) <= overlap
        again += text[done : piece.end]
        done = piece.end
    assert again == text


@settings(max_examples=200, deadline=None)
@given(TEXTS, LIMITS, st.data())
def test_no_word_is_cut_that_fits_into_a_piece(text, limit, data):
    overlap = data.draw(st.integers(0, limit // 2))
    for piece in split(text, limit, overlap, characters):
        before, after = text[: piece.end], text[piece.end :]
        if before[-1:].isspace() or not after or after[0].isspace() or before[-1] in "。！？」":
            continue
        word = before.split()[-1] + after.split()[0]
        assert len(word) > limit - len(before) + len(before.rstrip())


@pytest.mark.parametrize(
    "pieces",
    [
        ["One two three.\n\n", "Four five six.\nSeven."],
        ["One two three.\n", "Four five six seven."],
        ["One two. Three four five. ", "Six seven?"],
        ["one two three four five ", "six seven"],
        ["私は学生です。あなたは先生ですか？", "彼は医者ですが、どこにいますか？"],
        ["a" * 26, "a" * 26],
        ["It is 3.14159265358979 ", "now, more"],
        ["Short.\n\nword word word ", "word word word "],
        ['"So." she said. "Yes!" ', "he did"],
    ],
)
def test_texts_are_cut_where_a_reader_would(pieces):
    assert [piece.text for piece in split("".join(pieces), 26, count=characters)] == pieces


def test_what_is_repeated_begins_with_a_word():
    pieces = split("one two three four five six seven eight", 20, 9, characters)
    assert [piece.text for piece in pieces] == [
        "one two three four ", "four five six seven ", "seven eight",
    ]  # fmt: skip


def test_a_long_text_is_cut_in_good_time():
    text = "So it goes on and on, without an end. " * 20_000
    assert 100 < len(split(text, 2000, 100)) < 120
    for odd in ("\n", "x", ".", " "):
        assert len(split(odd * 100_000, 1000, 10)) > 2


@pytest.mark.parametrize(("limit", "overlap"), [(7, 0), (20, 11), (20, -1)])
def test_limits_that_make_no_sense_are_refused(limit, overlap):
    with pytest.raises(ValueError, match="it takes"):
        split("text", limit, overlap)
