"""Stop words go, stems and spelling come; white space, capitals and punctuation stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.errors import ConfigurationError
from dataflow_text import CorrectSpelling, RemoveStopWords, StemWords

STOP_WORDS = [
    ("The cat and the dog", "cat dog"),
    ("It\n\n  is  a cat.\nThe end", "\n\n   cat.\nend"),
    ("(the cat) isn't don’t", "(cat) "),
    ("US WHO IT said I am", "US WHO IT said "),
    ("over-the-top the_a a1 a/b", "over-the-top the_a a1 /b"),
    ("der Hund 这是一只猫", "der Hund 这是一只猫"),
]
STEMS = [
    ("running  Flies\nHAPPILY, dog's", "run  Fli\nHAPPILI, dog"),
    ("iPhone x_running running2 re-running", "iPhone x_running running2 re-running"),
    ("这是 一只猫 123", "这是 一只猫 123"),
]
SPELLING = [
    ("I recieve  a speling\nmistaek.", "I receive  a spelling\nmistake."),
    ('Hello, Hello! (hello) "hello"', 'Hello, Hello! (hello) "hello"'),
    ("Recieve it. Recieve it!\nRecieve", "Receive it. Receive it!\nReceive"),
    ("met Jonh and Recieve there", "met Jonh and Recieve there"),
    ("they met\rRecieve\u2028Recieve", "they met\rReceive\u2028Receive"),
    ("iPhoen NASAA recieve2 recieve_x x.recieve recieve/x re-cieve don't", None),
    ("https://recieve.org recieve@x.org `recieve`", None),
    ("teh kubernetes façdae 字recieve", None),
]


@pytest.mark.parametrize(("text", "expected"), STOP_WORDS)
def test_stop_words_go_with_one_space(text, expected, refined):
    assert refined(RemoveStopWords(), text) == [expected]


def test_stop_words_can_be_given(refined):
    operator = RemoveStopWords(words=["der", "ÜBER", "c'est"])
    assert refined(operator, "Der Hund über the C’est", None, "") == ["Hund the ", None, ""]


@pytest.mark.parametrize(("text", "expected"), STEMS)
def test_words_become_stems_in_their_case(text, expected, refined):
    assert refined(StemWords(), text) == [expected]


def test_languages_have_their_algorithms(refined):
    assert refined(StemWords(language="german"), "Häuser", None, "") == ["Haus", None, ""]
    with pytest.raises(ConfigurationError, match="language"):
        StemWords(language="klingon")


@pytest.mark.parametrize(("text", "expected"), SPELLING)
def test_spelling_is_corrected_and_everything_else_stays(text, expected, refined):
    assert refined(CorrectSpelling(), text) == [text if expected is None else expected]


def test_texts_in_other_languages_stay(refined):
    text = "Diese Bienen werden nicht nach einem Jahr durch einen Imker wieder gezählt."
    assert refined(CorrectSpelling(), text) == [text]
    assert refined(CorrectSpelling(max_unknown=1), text) != [text]


def test_known_words_are_right(refined):
    assert refined(CorrectSpelling(known_words=["Recieve"]), "recieve", None) == ["recieve", None]
    assert refined(CorrectSpelling(min_length=3), "teh") == ["the"]


@given(st.text(st.sampled_from("the and RUNning'’-_ \n\t.,2字é")))
def test_white_space_stays(text):
    for operator in (StemWords(), CorrectSpelling()):
        assert re.findall(r"\s", operator.clean(text)) == re.findall(r"\s", text)
    assert RemoveStopWords().clean(text).count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a'" * 500_000, "the " * 250_000, "(" * 10**6, "Ab. " * 250_000]
)
def test_long_texts_take_linear_time(text):
    for operator in (RemoveStopWords(), CorrectSpelling()):
        operator.clean(text)
