r"""The forms of answers: what is read out of the texts that models write, and what is refused."""

import pickle

import pytest
from pydantic import ValidationError

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
from dataflow_core.prompts.answers.score import number_text

FIVE = ScoreAnswer(minimum=1, maximum=5)
WHOLE = ScoreAnswer(minimum=1, maximum=5, step=1)
TEN = ScoreAnswer(minimum=1, maximum=10)
SCORES = {"1-5": FIVE, "whole": WHOLE, "1-10": TEN}


def reason(form, text):
    """Return why a text is refused; it is kept as it is."""
    found = form.read(text)
    assert isinstance(found, RowFailure), found
    assert found.raw == text
    assert found.message
    return found.reason


# --------------------------------------------------------------------------------------- thoughts


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<think>hm</think>yes", "yes"),
        ("  <think>hm</think>\n\nyes\n", "yes"),
        ("<think></think><think>again</think> yes", "yes"),
        ("<reasoning>hm</reasoning>yes", "yes"),
        ("the tag <think>x</think> is for thoughts", "the tag <think>x</think> is for thoughts"),
        ("<think>hm</think>The tag </think> ends them.", "The tag </think> ends them."),
    ],
)
def test_thoughts_before_an_answer_are_passed_over(text, read):
    assert TextAnswer().read(text) == read


@pytest.mark.parametrize("text", ["", " \n", "<think>hm</think>", "<think>hm</think> \n"])
def test_an_answer_without_text_is_empty(text):
    assert reason(TextAnswer(), text) == "empty_answer"


@pytest.mark.parametrize(
    "form", [TextAnswer(), FIVE, BoxedAnswer(), TagsAnswer(tags=("a",)), ListAnswer(), CodeAnswer()]
)
def test_thoughts_without_end_are_no_answer(form):
    thoughts = "<think>\nScore: 3 \\boxed{3} <a>3</a>\n```\n3\n```\n1. three\n"
    assert reason(form, thoughts) == "empty_answer"


# ----------------------------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("scale", "text", "score"),
    [
        ("1-5", "Score: 4", 4),
        ("1-10", "**Score:** 7/10", 7),
        ("1-10", "**Score**: **7**/10.", 7),
        ("1-10", "### Score: 7 out of 10", 7),
        ("1-10", "Score: 7 of 10", 7),
        ("1-5", "Clear, but short.\n\nScore: 4\n", 4),
        ("1-5", "Style is a 3, facts a 5.\nScore: 3\nOn reflection:\nScore: 4", 4),
        ("1-5", "score=4", 4),
        ("1-5", "SCORE - 4", 4),
        ("1-5", "The score is 4.", 4),
        ("1-5", "Rating: 4 stars", 4),
        ("1-5", '{"reason": "fine", "score": 4}', 4),
        ("1-5", "Score: $\\boxed{4}$", 4),
        ("1-5", "Score: <4>", 4),
        ("1-5", "Score: [4]", 4),
        ("1-5", "Score (1-5): 4", 4),
        ("1-5", "Score (1 to 5, 5 is best): 4", 4),
        ("1-5", "Score (for clarity): 4", 4),
        ("1-5", "Score: 4.5", 4.5),
        ("1-5", "Score: 4,5", 4.5),
        ("1-5", "Score: 4, since it is short.", 4),
        ("1-5", "Score：４．５", 4.5),
        ("1-5", "Score： ４／５", 4),
        ("1-5", "Score: 4分（满分5分）", 4),
        ("1-5", "4", 4),
        ("1-5", "**4**\n", 4),
        ("1-5", "(4)", 4),
        ("1-5", "4/5", 4),
        ("1-5", "4 out of 5.", 4),
        ("1-5", "4分", 4),
        ("1-5", "$\\boxed{4}$", 4),
        ("1-5", "On a scale of 1 to 5: 4", 4),
        ("1-5", "On a scale from 1-5, 4", 4),
        ("whole", "Score: 4.0", 4),
        ("1-5", "Score: 4\nScore 5 means that nothing is wrong.", 4),
        ("1-5", "Score 1: poor. Score 5: good.\nMy score is 4", 4),
    ],
)
def test_a_score_is_the_number_behind_its_label_or_alone(scale, text, score):
    assert SCORES[scale].read(text) == score


@pytest.mark.parametrize(
    ("scale", "text", "wanted"),
    [
        ("1-5", "I'd rate this 4 on a scale of 1 to 5.", "unparsable_answer"),
        ("1-5", "", "unparsable_answer"),
        ("1-5", "Score:", "unparsable_answer"),
        ("1-5", "Score: n/a", "unparsable_answer"),
        ("1-5", "Score: high. It has 3 parts.", "unparsable_answer"),
        ("1-5", "Underscore: 4", "unparsable_answer"),
        ("1-5", "Scores: 4", "unparsable_answer"),
        ("1-5", "Score: 3-4", "unparsable_answer"),
        ("1-5", "Score: 3 to 4", "unparsable_answer"),
        ("1-5", "Score: 1.5 to 2", "unparsable_answer"),
        ("1-5", "Score: 3 or 4", "unparsable_answer"),
        ("1-5", "Score: between 3 and 4", "unparsable_answer"),
        ("1-5", "Score: 4th of five", "unparsable_answer"),
        ("1-5", "Score: 1e0", "unparsable_answer"),
        ("1-5", "Score: 4/five", "unparsable_answer"),
        ("1-5", "Score: 1.2.3", "unparsable_answer"),
        ("1-5", "Score 1: poor\nScore 5: good", "unparsable_answer"),
        ("1-5", "A score 3 for style, a score 5 for facts", "unparsable_answer"),
        ("1-5", "8/10", "score_on_other_scale"),
        ("1-10", "Score: 3/5", "score_on_other_scale"),
        ("1-10", "Score: 3 of 5", "score_on_other_scale"),
        ("1-10", "Score (out of 5): 3", "score_on_other_scale"),
        ("1-10", "Score (1-5): 3", "score_on_other_scale"),
        ("1-10", "On a scale of 1 to 5: 3", "score_on_other_scale"),
        ("1-10", "评分", "unparsable_answer"),
        ("1-10", "Score: 4分（满分5分）", "score_on_other_scale"),
        ("1-10", "Score: 9%", "score_on_other_scale"),
        ("1-10", "11 of 10", "score_out_of_range"),
        ("1-5", "Score: 0", "score_out_of_range"),
        ("1-5", "-3", "score_out_of_range"),
        ("1-5", "Score: -3", "score_out_of_range"),
        ("1-5", "Score: −3", "score_out_of_range"),
        ("whole", "Score: 4.7", "score_off_step"),
        ("whole", "4,5", "score_off_step"),
        ("1-5", f"Score: {'9' * 400}", "unparsable_answer"),
    ],
)
def test_what_is_no_score_on_the_scale_is_refused(scale, text, wanted):
    assert reason(SCORES[scale], text) == wanted


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("最终评分：８分", 8),
        ("得分是7分。", 7),
        ("评分为7", 7),
        ("评分标准：1到10。\n评分：9", 9),
    ],
)
def test_labels_are_found_in_languages_without_spaces(text, score):
    assert ScoreAnswer(label="评分|得分", minimum=1, maximum=10).read(text) == score


def test_a_scale_without_ends_takes_any_finite_number():
    form = ScoreAnswer(step=0.5)
    assert form.read("Score: -12.5") == -12.5
    assert reason(form, "Score: 1.3") == "score_off_step"
    assert reason(form, f"Score: {'9' * 400}") == "unparsable_answer"


def test_thousands_are_read_where_the_scale_reaches_so_far():
    assert ScoreAnswer(minimum=0, maximum=2000).read("Score: 1,250.5") == 1250.5
    assert ScoreAnswer(minimum=0, maximum=1).read("Score: 0,250") == 0.25
    assert ScoreAnswer(minimum=0, maximum=2000).read("Score: 0.250") == 0.25


@pytest.mark.parametrize(
    "told",
    ["10 000", "10\u00a0000", "10\u202f000", "10'000", "10’000", "10{,}000", "10\\,000", "10.000",
     "1.000.000", "-1.000", "10 thousand", "10万", "5 000/100 000", "4 2"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "Score: ", "Score: 3\nScore: ", "The score is "])
def test_a_number_that_may_be_read_in_two_ways_is_no_score(told, before):
    form = ScoreAnswer(minimum=-100_000, maximum=100_000)
    assert reason(form, before + told) == "unparsable_answer"


def test_without_a_scale_groups_of_digits_may_be_decimals():
    assert reason(ScoreAnswer(), "Score: 1,250") == "unparsable_answer"
    assert ScoreAnswer().read("Score: 1.250") == 1.25


@pytest.mark.parametrize(
    "text",
    [
        "<score>4</score>", "Clear.\n<Score> 4 / 5 </Score>\nThat is all.",
        "<score>2</score> No: <score>4</score>", "<rating>4</rating>", "<score>4 分</score>",
        "评分：4", "總評分: 4", "得分：4 分", "分数是 4", "スコア：４", "점수: 4",
        "I rate it 4", "I'd give it a 4", "I would rate this text a solid 4 out of 5.",
        "Well written. I'll give this 4, because it is clear.", "我给这篇文章打4分。",
        "Score: 4. Rating: 4.0",
    ],
)  # fmt: skip
def test_plain_ways_to_say_a_score_are_read(text):
    assert FIVE.read(text) == 4


@pytest.mark.parametrize(
    "text",
    [
        "The score: 4 is good. Rating: 5", "<score>4</score>\nScore: 4\nRating: 2",
        "评分：4，得分：5", "<score>4", "<score>4-5</score>", "<score>4</score>/10",
        "<scores>4</scores>", "I rate it 4. It has 3 errors.", "I rate it 4 or 5",
        "I would not rate it 4", "I give 3 reasons.", "I give 3 of them a pass.",
        "He rates it 4", "我不给4分", "In 4 words I rate it", "I rate it four",
    ],
)  # fmt: skip
def test_what_may_be_no_score_or_two_is_refused(text):
    assert reason(FIVE, text) == "unparsable_answer"


def test_verdicts_in_words_are_held_to_the_scale():
    assert reason(FIVE, "I'd give it 8/10") == "score_on_other_scale"
    assert reason(FIVE, "I rate it 9.") == "score_out_of_range"
    assert ScoreAnswer(label="quality", minimum=1, maximum=5).read("<quality>4</quality>") == 4
    assert reason(ScoreAnswer(label="quality"), "评分：4") == "unparsable_answer"


def test_what_stands_on_the_next_line_belongs_to_no_score():
    assert FIVE.read("Score: 4\n2 sentences are enough.") == 4


@pytest.mark.parametrize(
    ("number", "text"),
    [(1_234_567, "1234567"), (1e6, "1000000"), (0.5, "0.5"), (5, "5"), (-2.50, "-2.5"),
     (1e-7, "0.0000001"), (1e22, "10000000000000000000000"), (0, "0"), (100, "100")],
)  # fmt: skip
def test_numbers_are_written_with_all_their_digits(number, text):
    assert number_text(number) == text


def test_decimal_steps_are_steps():
    form = ScoreAnswer(minimum=0, maximum=1, step=0.1)
    assert [form.read(f"{n / 10:g}") for n in range(11)] == [n / 10 for n in range(11)]


@pytest.mark.parametrize(
    "fields",
    [{"minimum": 5, "maximum": 5}, {"step": 0}, {"label": ""}, {"label": "score|"},
     {"minimum": float("nan")}, {"maximum": float("inf")}, {"step": float("nan")}],
)  # fmt: skip
def test_a_scale_that_is_none_is_refused(fields):
    with pytest.raises(ValidationError):
        ScoreAnswer(**fields)


# ------------------------------------------------------------------------------------------ boxes


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed {x_{i_{j}}} ", "x_{i_{j}}"),
        (r"\boxed{1} no, \boxed{2}", "2"),
        (r"\boxed{1} no, \boxed{2", "1"),
        (r"\boxed{a = \fbox{5}}", "5"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"x \\boxed{7} and \\\boxed{8}", "8"),
        (r"} } { \boxed{9}", "9"),
        ("\\boxed{\n  3\n}", "3"),
        ("\\boxed{½ 米}", "½ 米"),
    ],
)
def test_the_last_closed_box_counts(text, read):
    assert BoxedAnswer().read(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "42", r"\boxed{", r"\boxed{{}", r"\boxed{\}", r"\boxed 4", r"\boxed{ }", "boxed{4}"],
)
def test_no_closed_box_with_anything_in_it_is_refused(text):
    assert reason(BoxedAnswer(), text) == "unparsable_answer"


# ------------------------------------------------------------------------------------------- tags


@pytest.mark.parametrize(
    ("text", "q", "hint"),
    [
        ("<q>Why?</q>", "Why?", None),
        ("Sure!\n<q>\nWhy?\n</q>\n<hint>x</hint>", "Why?", "x"),
        ("<Q>Why?</q ><hint></hint>", "Why?", None),
        ("<q id='1'>Why?</q>", "Why?", None),
        ("In <q> and </q>: <q>Why?</q>", "Why?", None),
        ("<q>Why <q>How?</q>", "How?", None),
        ("<q>Why?</q> <q>How?", "Why?", None),
        ("<think><q>How?</q></think><q>Why?</q>", "Why?", None),
        ("<q>a < b > c, <b>bold</b></q>", "a < b > c, <b>bold</b>", None),
        ("<q-2>How?</q-2><q>Why?</q>", "Why?", None),
    ],
)
def test_the_last_closed_tag_counts(text, q, hint):
    assert TagsAnswer(tags=("q",), optional=("hint",)).read(text) == {"q": q, "hint": hint}


@pytest.mark.parametrize("text", ["", "<q>", "<q>Why?", "Why?</q>", "<q> </q>", "<q>Why?<q/>"])
def test_a_tag_that_is_not_closed_or_empty_is_refused(text):
    assert reason(TagsAnswer(tags=("q",)), text) == "unparsable_answer"


@pytest.mark.parametrize(
    "fields", [{"tags": ()}, {"tags": ("a b",)}, {"tags": ("a", "A")}, {"tags": ["a.*"]}]
)
def test_names_that_are_no_tags_are_refused(fields):
    with pytest.raises(ValidationError):
        TagsAnswer(**fields)


# ------------------------------------------------------------------------------------------- code


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("Here:\n\n```py\nx = 1\n\n```\nDone.", "x = 1"),
        ("**Code:** ```Python\nx = 1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("~~~python\nx = 1\n~~~", "x = 1"),
        ("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''"),
        ("```python\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2"),
        ("1. So:\n   ```python\n   if x:\n       y\n   ```", "if x:\n    y"),
        ("```python\nx = 1\n```\n```js\ny\n```", "x = 1"),
        ("```python\nx = 1\n```\n```python\ny = 2\n```", "y = 2"),
        ("```python\nx = 1\nnever closed\n\n```python\ny = 2\n```", "y = 2"),
        ("```python title='a'\nx = 1\n```", "x = 1"),
        ("Use `x` or ```y``` here.\n```python\nprint('```')\n```", "print('```')"),
    ],
)
def test_the_code_of_a_closed_block_is_read(text, read):
    assert CodeAnswer(language="python").read(text) == read


@pytest.mark.parametrize(
    "text", ["", "x = 1", "```python\nx = 1", "```js\nx\n```", "```python\n\n```", "```x = 1```"]
)
def test_no_closed_block_of_the_language_is_refused(text):
    assert reason(CodeAnswer(language="python"), text) == "unparsable_answer"


def test_the_first_block_is_read_where_that_is_wanted():
    text = "```\nf()\n```\nUse it:\n```\nf(1)\n```"
    assert CodeAnswer(which="first").read(text) == "f()"
    assert CodeAnswer().read(text) == "f(1)"


# ------------------------------------------------------------------------------------------ lists


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1. a\n2. b", ["a", "b"]),
        ("Sure, here they are:\n\n1) a\n2) b\n\nAnything else?", ["a", "b"]),
        ("- a\n* b\n• c", ["a", "b", "c"]),
        ("1. a\n   goes on\n2. b\nlazily\n\n3. c", ["a goes on", "b lazily", "c"]),
        ("1. a\n\n   goes on\n\n2. b", ["a goes on", "b"]),
        ("1. a\n   - x\n   - y\n2. b", ["a\n- x\n- y", "b"]),
        ("1. a\n- x\n2. b", ["a\n- x", "b"]),
        ("- a\n    1. x\n- b", ["a\n1. x", "b"]),
        ("**1. Title**: text\n**2.** b\n**3**. c", ["**Title**: text", "b", "c"]),
        ("1、苹果\n2、梨", ["苹果", "梨"]),
        ("１．苹果\n（2）梨", ["苹果", "梨"]),
        ("1：苹果\n2：梨", ["苹果", "梨"]),
        ("一、苹果\n二、梨", ["苹果", "梨"]),
        ("①苹果\n②梨", ["苹果", "梨"]),
        (" 9. a\n10. b", ["a", "b"]),
        ("1. a\r\n2. b\r\n", ["a", "b"]),
        ("```\n1. a\n2. b\n```", ["a", "b"]),
        ("## Easy\n1. a\n## Hard\n2. b\n---\nDone.", ["a", "b"]),
        ('["a", " b "]', ["a", "b"]),
        ('```json\n["a", "b"]\n```', ["a", "b"]),
        ('Here:\n```json\n["a", "b",]\n```\nDone.', ["a", "b"]),
        ("<think>1. no</think>1. yes", ["yes"]),
        ("1. It has 3 parts.\n2. It costs 2.5", ["It has 3 parts.", "It costs 2.5"]),
    ],
)
def test_the_items_of_a_list_are_read(text, read):
    assert ListAnswer().read(text) == read


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "unparsable_answer"),
        ("a, b and c", "unparsable_answer"),
        ("2.5 kg\n-3 degrees\n12：30", "unparsable_answer"),
        ("**bold** words\n---\n- - -", "unparsable_answer"),
        ("As [1] says, no.", "unparsable_answer"),
        ("[1, 2]", "unparsable_answer"),
        ('["a", ""]', "unparsable_answer"),
        ('["a", "b', "unparsable_answer"),
        ("[]", "wrong_count"),
    ],
)
def test_what_is_no_list_is_refused(text, wanted):
    assert reason(ListAnswer(), text) == wanted


def test_the_number_of_items_is_checked():
    form = ListAnswer(minimum=2, maximum=3)
    assert [reason(form, "- a\n" * n) for n in (1, 4)] == ["wrong_count", "wrong_count"]
    assert form.read("- a\n- b") == ["a", "b"]
    assert ListAnswer(minimum=0).read("[]") == []
    with pytest.raises(ValidationError):
        ListAnswer(minimum=3, maximum=2)


# ------------------------------------------------------------------------------------------- JSON

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 3}',
        '```json\n{"n": 3}\n```',
        'Here: {"n": "3",} Done.',
        '<think>{"n": 1}</think>{"n": 3}',
    ],
)
def test_json_is_read_by_its_schema(text):
    assert JsonAnswer(schema=SCHEMA).read(text) == {"n": 3}


@pytest.mark.parametrize(
    "text", ["", "no", '{"n": "x"}', '{"n": 1} or {"n": 2}', '{"n": 1', '<think>{"n": 1}']
)
def test_json_that_does_not_fit_is_refused(text):
    assert reason(JsonAnswer(schema=SCHEMA), text)


def test_a_schema_that_is_none_is_refused_at_once():
    with pytest.raises(ValidationError, match="strnig"):
        JsonAnswer(schema={"type": "strnig"})


# -------------------------------------------------------------------------------------- all forms

FORMS = [
    TextAnswer(),
    JsonAnswer(schema=SCHEMA),
    TagsAnswer(tags=("a",), optional=("b",)),
    BoxedAnswer(),
    CodeAnswer(language="python"),
    WHOLE,
    ListAnswer(maximum=3),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_forms_are_pickled_and_equal_also_when_they_have_read_something(form):
    again = pickle.loads(pickle.dumps(form))
    form.read("Score: 4 \\boxed{4}")
    assert again == form == pickle.loads(pickle.dumps(form))
    assert type(form)(**form.model_dump()) == form
