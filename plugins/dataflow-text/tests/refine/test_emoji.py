"""Emoji go as whole sequences; letters, digits and signs stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import RemoveEmoji

SEQUENCES = [
    "😀",
    "🤣",
    "🥰",
    "🦾",
    "🪐",
    "🫠",
    "☀",
    "☀️",
    "♥",
    "✔️",
    "⭐",
    "⌚",  # all blocks, with and without U+FE0F
    "👍🏽",
    "👩‍👩‍👧‍👦",
    "👩🏽‍🚀",
    "🏳️‍🌈",
    "❤️‍🔥",
    "👁‍🗨",
    "🙂‍↔️",
    "🧑‍⚕",
    "🐦‍⬛",  # tones and joiners
    "🇩🇪",
    "🇩",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # flags
    "1️⃣",
    "#⃣",
    "*️⃣",
    "↔️",
    "▶️",
    "‼️",
    "㊗️",  # keycaps, and signs that are asked to be emoji
    "👍\u200d",
    "😀\ufe0f\ufe0f",
    "\U0001faf9",
    "\U0001faff",  # broken ones, and places kept
]
LETTERS = [
    "0123456789 #1 * © ® ™ ↔ ▶ ‼ ㊗ ☆ ♪ § € → ① 𝔘 ︎",
    "☀\ufe0e ⌚\ufe0e",  # U+FE0E asks for text
    "क्\u200dष می\u200cخواهم 葛\U000e0100 ｱ 한국어 日本語。ไทย",
    ":-) <3 a*b#c 1.5",
]


@pytest.mark.parametrize("emoji", SEQUENCES)
def test_a_sequence_goes_whole(emoji, refined):
    texts = [emoji, f"a {emoji} b", f"日本{emoji}語", emoji * 3]
    assert refined(RemoveEmoji(), *texts) == ["", "a  b", "日本語", ""]


@pytest.mark.parametrize("text", LETTERS)
def test_letters_digits_and_signs_stay(text, refined):
    assert refined(RemoveEmoji(), text) == [text]


def test_nothing_is_left_of_an_unfinished_or_mixed_sequence(refined):
    texts = ["©️ 2024 ™️", None, "", "👩\u200d", "a\nb😀\n"]
    assert refined(RemoveEmoji(), *texts) == ["© 2024 ™", None, "", "", "a\nb\n"]


def test_a_word_can_stand_for_each_run(refined):
    assert refined(RemoveEmoji(replacement="[e]"), "a😀😀 b👩🏽‍🚀 ©️") == ["a[e] b[e] ©"]


@given(st.text(st.sampled_from("a 1#©↔☀😀👩🏽🚀🇩⃣\u200d\ufe0f")))
def test_what_is_clean_stays_clean(text):
    once = RemoveEmoji().clean(text)
    assert not set(once) & set("😀👩🏽🚀🇩")
    assert RemoveEmoji().clean(once) == once


def test_every_emoji_of_the_emoji_library_goes():
    known = pytest.importorskip("emoji", reason="the list of emoji comes from a library")
    qualified = [e for e, facts in known.EMOJI_DATA.items() if facts["status"] <= 2]
    kept = {e for e in qualified if RemoveEmoji().clean(e)}
    assert len(qualified) > 3000
    assert kept == {"©️", "®️", "™️"}


@pytest.mark.parametrize(
    "text", ["😀\u200d" * 200_000, "\u200d" * 10**6, "1" * 10**6, "🇩\ufe0f" * 200_000]
)
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    RemoveEmoji().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
