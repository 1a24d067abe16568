"""Whatever a model writes, a form reads it or refuses it, in time that grows as the text does."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.operators import RowFailure
from dataflow_core.prompts import (
    BoxedAnswer,
    CodeAnswer,
    JsonAnswer,
    ListAnswer,
    ScoreAnswer,
    TagsAnswer,
    TextAnswer,
)

FORMS = [
    TextAnswer(),
    JsonAnswer(schema={"type": "object"}),
    TagsAnswer(tags=("a",), optional=("b",)),
    BoxedAnswer(),
    CodeAnswer(language="python"),
    ScoreAnswer(minimum=1, maximum=5, step=0.5),
    ScoreAnswer(),
    ListAnswer(maximum=3),
]
PIECES = [
    *("<think>", "</think>", "<a>", "</a>", "<a x='1'>", "<b>", "</b>", "<", ">"),
    *("\\boxed{", "\\fbox {", "{", "}", "\\{", "\\", "$"),
    *("```", "```python", "~~~", "````", "`", "\n", "\r\n", " ", "\t", "    "),
    *("Score", "Score:", "rating is ", "**", ":", "：", "/", "10", "４", "-3", "4.5", "1,000", "%"),
    *("out of", "scale of 1 to 5", "(", ")", "分", "or", "1.", "2)", "3、", "- ", "* ", "①", "---"),
    *("[", "]", '"', '["x",', '{"n": 1', "null", "x", "é", "\u2028", "\ud800", "\x00", "𝟜", "²"),
]
TEXTS = st.one_of(
    st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_is_read_or_refused_with_the_text_kept(form, text):
    found = form.read(text)
    if isinstance(found, RowFailure):
        assert found.raw == text
        assert found.message
        assert found.reason.replace("_", "").isalpha()
    else:
        assert found is not None
    assert form.read(text) == found


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_what_was_read_as_text_is_read_as_itself(text):
    found = TextAnswer().read(text)
    if not isinstance(found, RowFailure) and not found.startswith("<"):
        assert TextAnswer().read(found) == found


ITEM = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
WORDS = st.lists(ITEM.map(lambda item: f"x{item}"), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(items=WORDS, mark=st.sampled_from(["{n}. ", "{n}) ", "({n}) ", "- ", "* ", "{n}、"]))
def test_a_list_that_is_written_out_is_read_back(items, mark):
    text = "\n".join(f"{mark.format(n=n)}{item}" for n, item in enumerate(items, start=1))
    assert ListAnswer().read(f"Here:\n\n{text}\n\nDone.") == items


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(ITEM.map(lambda item: f"x{item.replace('`', '')}"), min_size=1, max_size=8))
def test_code_that_is_fenced_is_read_back(lines):
    code = "\n".join(lines)
    assert CodeAnswer().read(f"So:\n```python\n{code}\n```\nDone.") == code


@settings(max_examples=200, deadline=None)
@given(score=st.integers(0, 100), label=st.sampled_from(["Score: {}", "**Score:** {}/100", "{}"]))
def test_a_score_that_is_written_out_is_read_back(score, label):
    form = ScoreAnswer(minimum=0, maximum=100, step=1)
    assert form.read(label.format(score)) == score


LENGTH = 50_000
UNITS = [
    *(
        "{",
        "[",
        "}",
        "\\",
        "\\boxed{",
        "\\boxed",
        "<a>",
        "</a>",
        "<a ",
        "<think>",
        "<think></think>",
    ),
    *("- ", "-\n", "- x\n", "1. x\n", " x\n", "x\n\n", "- - ", "**1. ", "[x] ", '["x",', '{"n":'),
    *("score ", "score: ", "score: 1", "score: 5/", "score (", "(1-", "1-", "1,", "1.", "1 to "),
    *("scale of 1 to 5 ", "on a ", " ", "\n", "\t", "`", "```\n", "```x\n", "~~~\n", "~~~\n```x\n"),
    *("*", '"', "分", "：", "score\\", "not a number "),
]
AROUND = [("", ""), ("score", "5x"), ("```py\n", "\n```"), ("[", "]x")]


@pytest.mark.parametrize("form", FORMS[:-2] + FORMS[-1:], ids=lambda form: form.kind)
def test_long_texts_take_no_longer_than_their_length_allows(form):
    for unit in UNITS:
        for before, after in AROUND:
            text = before + unit * (LENGTH // len(unit)) + after
            began = time.process_time()
            form.read(text)
            took = time.process_time() - began
            # What is quadratic takes many seconds here; what is linear, some hundredths of one.
            assert took < 2, f"{took:.1f} s for {before!r}, {unit!r} again and again, {after!r}"
