"""A number counts where it stands alone; a part of something larger is no answer."""

from __future__ import annotations

import pytest

from dataflow_math.answers.equality import equal
from dataflow_math.answers.extraction import Answer, extract_answer


def says(text, reference):
    """Return whether the answer of a text may equal a reference; None is left to Math-Verify."""
    found = extract_answer(text)
    return found is not None and equal(reference, found.text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Thus the chance of that is 5/36.", "5/36"),
        ("Each gets 3/4 of it. So the fraction left is 1/4.", "1/4"),
        ("So the odds that she wins are 3:7.", "3:7"),
        ("There are as many as 2^5 ways of it.", "2^5"),
        ("There are 3.5 x 10^4 of them in there.", "3.5 x 10^4"),
        ("She has $3 million in the bank.", "3 million"),
        ("so they have -12 degrees there", "-12"),
        ("That makes it 1 200 000 in all, as was said.", "1 200 000"),
        ("That gives **42** apples in all of them.", "42"),
        ("She walks 5km each day of the week", "5km"),
        ("it falls on the 21st of the month", "21"),
        ("The train leaves at 12:30 pm from there.", "12:30 pm"),
        ("因此，她一共需要48元钱。", "48"),
        ("太郎と花子は合計で15本を持っています。", "15"),
        ("그래서 모두 합쳐서 24개가 남았습니다.", "24"),
        ("ดังนั้นมีทั้งหมด 15 คน", "15"),
        ("By step 4: 36 apples are what is left of all of them", "36"),
    ],
)
def test_the_whole_of_the_last_number_is_taken(text, value):
    assert extract_answer(text).text == value


@pytest.mark.parametrize(
    "text",
    [
        "√2 is left of it all.",
        "Then we get sqrt(2) of them.",
        "It equals 3√2 as we saw.",
        "In the end it comes to 3n.",
        "So we end with 4y+3 there",
        "That leaves her with 8-3 of them",
        "This is what we call 6!.",
        "We need x > 12 for that",
        "He pays $5 to $7 for it all",
        "The roots are 2 and 3 there.",
        "We see that f(3) is it all",
        "We then know that 2x = 14",
        "All of it happened on 12/25/2023.",
        "All of it happened on 2023-12-25.",
        "It is a third of 9 in all.",
        "That is at least 12 of them.",
        "That is 3 and a half hours of it.",
        "That is 7 squared, as we know.",
        "It is just 3 hundredths of it.",
        "She has got 10% of 40 there.",
        "The prime factors of it are 2, 3, and 5.",
        "He is 5 feet 4 inches tall then.",
        "So she pays $5 dollars and 20 cents.",
        "There we get 8 choose 3",
        "That is not 12 at all.",
        "It just cannot be 12 of them.",
        "Elle n'en a pas 12 du tout.",
        "Es sind ganz sicher nicht 12 davon.",
        "Точно, что их было не 12 тогда.",
        "So we get 12 of them, but that is wrong.",
    ],
)
def test_a_part_of_something_larger_is_no_answer(text):
    assert extract_answer(text, ["last_number"]) is None
    found = extract_answer(text)
    assert found is None or found.method == "whole"


@pytest.mark.parametrize(
    ("text", "not_so"),
    [
        ("The answer is the cube root of 27.", "27"),
        ("The answer is 5 to the power of 2.", "5"),
        ("The answer is 5 below zero.", "5"),
        ("The answer is 3 thirds.", "3"),
        ("The answer is more than 12.", "12"),
        ("The answer is no less than 12.", "12"),
        ("The answer is negative 12.", "12"),
        ("The answer is half of $12$.", "12"),
        ("The answer is $12$ squared.", "12"),
        ("Die Antwort ist 5 hoch 2.", "5"),
        ("答案是5的平方", "5"),
        (r"\boxed{4 \text{ squared}}", "4"),
        ("So it is at least $12$.", "12"),
        ("The answer is not 12.", "12"),
        ("The answer is definitely not 12.", "12"),
        ("The answer isn't 12.", "12"),
        ("La réponse n'est pas 12.", "12"),
        ("La respuesta no es 12.", "12"),
        ("A resposta não é 12.", "12"),
        ("Die Antwort ist nicht 12.", "12"),
        ("Ответ: не 12", "12"),
        ("答案不是12", "12"),
        ("答えは12ではない。", "12"),
        ("정답은 12가 아니다", "12"),
        ("The answer is 12, but that is wrong.", "12"),
        ("The answer is 12. Hmm, that is incorrect.", "12"),
        ("The answer is 12. Wait, that's wrong. It is 13.", "12"),
        ("The answer is 12. No wait, I made a mistake. The answer is 13.", "12"),
        ("The answer is not (C) but (D).", "C"),
        ("It is (A). No, that is wrong.", "A"),
        ("Answer: A, C", "C"),
        ("The answer is A, B, C", "C"),
        ("Answer: (A), (C)", "A"),
        ("故选：A、C", "A"),
    ],
)
def test_words_around_a_value_are_not_left_out(text, not_so):
    assert says(text, not_so) is not True


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("The answer is 12. Wait, that's wrong. It is 13.", "13"),
        ("The answer is 12. Oops, that's not right. The answer is 13.", "13"),
        ("The answer is 12, which is correct.", "12"),
        ("The answer is 12. Whoever says 13 is wrong, as that is false.", "12"),
        ("The answer is not 4 but 6.", "6"),
        ("The answer is not (C) but (D).", "D"),
        ("It is not (A). The answer is (B).", "B"),
        ("Answer: (A), (C)", "A,C"),
        ("The correct options are B and D.", "B,D"),
        ("故选：A、C", "A,C"),
        ("答案：BD", "B,D"),
        ("答案是D选项。", "D"),
        ("Answer: D, I think", "D"),
        ("I'd pick (B).", "B"),
        ("So it must be (D)", "D"),
        ("d)", "D"),
        ("คำตอบคือ 36", "36"),
        ("答：还剩12个苹果。", "12"),
        ("所以 y=3。", "3"),
    ],
)
def test_the_last_sound_statement_counts(text, reference):
    assert says(text, reference) is True


@pytest.mark.parametrize(
    "text",
    [
        "**Answer: 14**",
        "*Answer:* 14",
        "Answer: `14`",
        "The answer is __14__.",
        r"\text{Answer: } 14",
        r"\textbf{Answer: 14}",
        r"\textbf{Answer:} 14",
        "⇒ 14",
        "=> x = 14",
        r"\therefore x = 14",
        "The answer is 14 (fourteen).",
        "The answer is 14 (not 15).",
        "The answer is roughly 14",
        "The answer is 14 altogether.",
        "The answer is 14 in total.",
        r"\boxed{\approx 14}",
        '{"answer": 14}',
        '```json\n{"reasoning": "It is 3 and 11.", "final_answer": "14"}\n```',
        "It's 14.",
    ],
)
def test_markup_and_glosses_are_no_part_of_an_answer(text):
    assert says(text, "14") is True


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("La réponse est 1,5.", "1.5", True),
        ("Le résultat est 12,75 euros", "12.75", True),
        ("La réponse est 12 500", "12500", True),
        ("La réponse est (1,5)", "(1,5)", True),
        ("La réponse est $2{,}5$", "2.5", True),
        ("Die Antwort ist 0,5.", "0.5", True),
        ("Die Antwort ist 1.000", "1000", True),
        ("Die Antwort ist 1.000", "1", False),
        ("Die Antwort ist 0.125", "0.125", True),
        ("Das Ergebnis ist 1.234,56", "1234.56", True),
        ("La respuesta es 3,14", "3.14", True),
        ("La risposta è 1.250,40", "1250.4", True),
        ("A resposta é 1.000.000", "1000000", True),
        ("Ответ: 1 000", "1000", True),
        ("Ответ: 0,5", "0.5", True),
        ("The answer is 1.000", "1", True),
        ("The answer is 1,5", "1.5", False),
    ],
)
def test_decimal_commas_are_read_where_the_language_has_them(text, reference, same):
    assert says(text, reference) is same


def test_an_object_with_no_answer_or_a_wrong_one_is_none():
    assert extract_answer('{"answer": null}', ["stated"]) is None
    assert extract_answer('{"answer": 6', ["stated"]) is None
    assert extract_answer('{"answer": 6.50}') == Answer("6.50", "stated")


@pytest.mark.parametrize(
    "piece",
    [
        "not ",
        "A, ",
        "1 000 ",
        "5 million ",
        "half of ",
        "that is wrong. ",
        "5:",
        "it's ",
        "1.000,5",
    ],
)
def test_long_texts_take_no_time_that_grows_faster(piece):
    for text in (piece * (200_000 // len(piece)), f"The answer is {piece * 500}"):
        found = extract_answer(text)
        assert found is None or found.text
