"""Final answers, found in solutions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_math.answers.extraction import METHODS, Answer, extract_answer, reference_answer


@pytest.mark.parametrize(
    ("text", "answer", "method"),
    [
        (r"Hence $\boxed{\frac{a}{b}}$.", r"\frac{a}{b}", "boxed"),
        (r"First \boxed{1}. No, it is \boxed{2}.", "2", "boxed"),
        (r"So \boxed{2} and then \boxed{3", "2", "boxed"),
        (r"\fbox{7}", "7", "boxed"),
        (r"$\boxed{(1,2)}$ and $\boxed{(3,4)}$", "(1,2), (3,4)", "boxed"),
        (r"$\boxed{3 cm} + \boxed{4}$", "3 cm, 4", "boxed"),
        (r"\boxed{\boxed{5}}", "5", "boxed"),
        (r"The set $\{1\}$ is \boxed{\{1, 2\}}", r"\{1, 2\}", "boxed"),
        ("<think>\\boxed{3}</think> The answer is 4.", "4", "stated"),
        ("<think>so \\boxed{3}</think>  ", "3", "boxed"),
        ("Let me see. <answer> 12 </answer>", "12", "tag"),
        ("<answer>1</answer> or rather <answer>\\boxed{2}</answer>", "2", "tag"),
        ("She pays 3*4=$<<3*4=12>>12\n#### 1,200", "1,200", "hashes"),
        ("#### Step 1: add\n2+2=4, so the answer is 4", "4", "stated"),
        (
            "Final Answer: The final answer is $\\frac{1}{2}$. I hope it is correct.",
            r"$\frac{1}{2}$",
            "stated",
        ),
        ("The answer is 3.14.", "3.14", "stated"),
        ("the answer is 12 because 3*4=12", "12", "stated"),
        ("**Answer:** 7 apples", "7 apples", "stated"),
        ("**Final Answer**\n\n$x = 5$", "$x = 5$", "stated"),
        ("Thus $x \\le 2$ is our answer.", "$x \\le 2$", "stated"),
        ("Final answer: Jane began to grow them, slowly, 3 hours ago.", "3", "stated"),
        ("3+4=7\nA: 7", "7", "stated"),
        ("所以答案是 5。", "5", "stated"),
        ("因此，最终答案为：12", "12", "stated"),
        ("答えは 7 です。", "7", "stated"),
        ("정답은 7입니다.", "7", "stated"),
        ("La réponse finale est 12.", "12", "stated"),
        ("Die Antwort lautet 42.", "42", "stated"),
        ("La respuesta es 3/4.", "3/4", "stated"),
        ("A resposta final é 8.", "8", "stated"),
        ("La risposta è 9.", "9", "stated"),
        ("Ответ: 7.", "7", "stated"),
        ("The answer is a dog, B", "B", "choice"),
        ("The answer is (C).", "C", "choice"),
        ("The correct answer is B) dog", "B", "choice"),
        ("A cat is no dog, and I am sure. The answer is D.", "D", "choice"),
        ("故选：B。", "B", "choice"),
        ("选A", "A", "choice"),
        ("3000 / 100 = 30\nCorrect answer A", "A", "choice"),
        ("So it is 10.\nB", "B", "choice"),
        ("(E)", "E", "choice"),
        (r"\sqrt{2}", r"\sqrt{2}", "whole"),
        ("1,234", "1,234", "whole"),
        (
            "so the pair that solves the system is $(7, 6)$. <|im_end|>\n<|im_start|>user",
            "(7, 6)",
            "formula",
        ),
        ("So she has 5 - 2 = 3 left over, and 3 is it", "3", "last_number"),
        ("He pays $1,234.50 for all of it, which is a lot", "1,234.50", "last_number"),
        ("<|im_start|>assistant\nThe answer is 5<|im_end|>", "5", "stated"),
        ("She has -5 dollars left.", "-5", "last_number"),
        ("It takes 2 1/2 hours.", "2 1/2", "last_number"),
        (r"It takes $2\frac{1}{2}$ of the hours.", r"2\frac{1}{2}", "formula"),
        (r"It takes her 2\frac{1}{2} hours.", r"2\frac{1}{2}", "last_number"),
        ("Then find out what -5 is", "-5", "last_number"),
        ("A: 5", "5", "stated"),
        ("A: B", "B", "choice"),
        ("(A) 3 (B) 4 (C) 5", "5", "last_number"),
        ("A) 3 B) 4 C) 5", "5", "last_number"),
        ("(B) 4 since (A) is wrong", "B", "choice"),
        ("The answer is 5, not 7.", "5", "stated"),
        ("The answer is 5 rather than 7.", "5", "stated"),
        (r"Therefore, $x = 2\sqrt{3}$.", r"$x = 2\sqrt{3}$", "whole"),
        ("Total: $1,234.56", "1,234.56", "whole"),
        ("Total: 7 apples", "7 apples", "whole"),
        ("so 2+3=5", "2+3=5", "whole"),
        ("No solution.", "No solution.", "whole"),
    ],
)
def test_an_answer_is_found_by_the_surest_way(text, answer, method):
    assert extract_answer(text) == Answer(answer, method)


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "Who knows?", "I do not know what this is about, and say so.", "H2O", "\\boxed{}"],
)
def test_where_there_is_no_answer_there_is_none(text):
    assert extract_answer(text, [name for name in METHODS if name != "whole"]) is None


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I don’t know",
        "I do not know.",
        "I cannot say.",
        "The answer is unknown.",
        "The final answer is not known.",
        "Unknown",
        "Who knows?",
    ],
)
def test_that_there_is_no_answer_is_none(text):
    assert extract_answer(text) is None
    assert reference_answer(text) is None


def test_only_the_ways_that_are_allowed_count():
    text = r"\boxed{1} The answer is 2. #### 3"
    assert extract_answer(text, ["stated"]) == Answer("2", "stated")
    assert extract_answer(text, ["last_number"]) == Answer("3", "last_number")
    assert extract_answer(text, ["choice", "tag"]) is None


@pytest.mark.parametrize(
    "text", ["She has 3 left over. So 5 more are 8 in all.", "It takes 7 of us."]
)
def test_the_last_number_of_a_reference_is_no_answer(text):
    assert reference_answer(text) is None
    assert extract_answer(text).method == "last_number"


def test_texts_of_a_megabyte_are_read_in_no_time():
    for text in ("\\boxed{" * 100_000, "the answer is " * 70_000, "$" * 1_000_000, "1," * 500_000):
        found = extract_answer(text)
        assert found is None or found.text


PIECES = st.sampled_from(
    [
        "\\boxed{",
        "}",
        "{",
        "<answer>",
        "</answer>",
        "the answer is ",
        "#### ",
        "答案是",
        "A",
        "(B)",
        "5",
        "$",
        "\n",
        ".",
        "</think>",
        "\\frac{1}{2}",
        "-",
        ",",
        " I hope it is correct",
        "\\(",
        "<<",
        ">>",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_no_text_breaks_it_and_no_answer_is_empty(text):
    found = extract_answer(text)
    assert found is None or (found.text.strip() and found.method in METHODS)
    given_up = reference_answer(text)
    assert given_up is None or given_up.text.strip()
