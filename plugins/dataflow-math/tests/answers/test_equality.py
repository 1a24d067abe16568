"""Answers that are the same, and those that are not, as far as no expression must be evaluated."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_math.answers.equality import equal
from dataflow_math.answers.values import differ

SAME = [
    (r"\sqrt{2}", r"\sqrt{2}"),
    ("(1,2)", "(1, 2)"),
    ("A", "(A)"),
    (r"\text{(A)}", "A."),
    (r"\dfrac12", r"$\frac{1}{2}$"),
    ("50%", "0.5"),
    ("50%", "50"),
    ("10\\%", "1/10"),
    ("1,234", "1234"),
    (r"12{,}000", "12000"),
    (r"11,\!111,\!111", "11111111"),
    ("1/2", "0.5"),
    ("1/3", "0.333333"),
    ("7", "7 DVDs"),
    (r"90^\circ", "90"),
    ("90°", r"90^{\circ}"),
    (r"5\text{ cm}", "5"),
    ("5 cm", "5 centimeters"),
    (r"5\,\text{m}", "5 meters"),
    (r"\$32", "32 dollars"),
    ("$1,000.50", "1000.5"),
    ("x = 5", "5"),
    ("x=-5, p=14/3", "-5, 14/3"),
    (r"x \in (1,2)", "(1,2)"),
    ("f(x) = 3", "3"),
    (r"\{1, 2\}", "2, 1"),
    ("1 and 2", "1, 2"),
    ("{1,2}", r"\{2,1\}"),
    ("(1,2)", "1,2"),
    (r"\{5\}", "5"),
    (r"\pm 2", "2, -2"),
    (r"1\pm\sqrt5", r"1-\sqrt{5}, 1+\sqrt{5}"),
    ("(5)", "5"),
    (r"(-\infty, 3]", r"(-∞,3]"),
    (r"\text{Evelyn}", "evelyn"),
    ("an ellipse", "Ellipse"),
    (r"\emptyset", r"\{\}"),
    (r"\begin{pmatrix}1\\0.5\end{pmatrix}", r"\begin{bmatrix} 1.0 \\ 1/2 \\ \end{bmatrix}"),
    ("007", "7"),
    ("−5", "-5"),
    ("１２", "12"),
    (r"6.02\times10^{23}", "6.02e23"),
    ("3:1", "6 : 2"),
    (r"3\frac{1}{2}", "3.5"),
    ("½", "0.5"),
    (r"0.\overline{3}", "1/3"),
    ("12.0", "12"),
    ("2516_8", "2516_{8}"),
    ("(0;1),(2;3)", "(2,3),(0,1)"),
    (r"\text{no solution}", "No solution."),
    (r"5\sqrt{2}\text{ cm}", r"5\sqrt2"),
    (r"25\pi\text{ square units}", r"25\pi"),
    (r"25\pi\text{ cm}^2", r"25\pi \text{ square cm}"),
    (r"\frac{3\sqrt3}{2}\text{ inches}", r"\frac{3\sqrt{3}}{2}"),
    (r"5\sqrt2\text{ cm}", r"5\sqrt2 centimeters"),
    (r"x = 5\sqrt2\text{ cm}", r"5\sqrt2"),
    ("60 mph", "60 miles per hour"),
    ("60 km/h", "60 kph"),
    ("12:30 PM", "12:30 pm"),
    ("12:30 p.m.", "12:30PM"),
    ("18", "$18 per day"),
    ("$18/day", "18 dollars per day"),
    ("1 1/2", "3/2"),
    ("-1 1/2", "-1.5"),
    ("1 1/2 hours", r"1\frac{1}{2}"),
    ("12\u202f000", "12000"),
    (r"x\le2", r"x \leq 2"),
    ("是 的", "是的"),
    ("5 million", "5000000"),
    ("$2.5 billion", "2500000000"),
    ("5万", "50000"),
    ("3億", "300000000"),
    ("5 Millionen Euro", "5000000"),
    ("2 mil millones", "2000000000"),
    ("5 тысяч", "5000"),
    ("5 lakh", "500000"),
    ("2 crore rupees", "20000000"),
    ("3 dozen eggs", "36"),
    ("2千克", "2"),
    ("12 percent", "0.12"),
    ("10% of students", "10%"),
    ("2024-01-02", "2024-01-02"),
    ("5-7", "5 - 7"),
    ("0,5", "0.5"),
    ("0,5", "0, 5"),
    ("1.234,56", "1234.56"),
    ("1 000 000", "1000000"),
    ("1'000", "1000"),
    ("1.000.000", "1000000"),
    (r"0{,}75", "0.75"),
    ("12 - 5 = 7", "7"),
    (r"2 \times 3 = 6", "6"),
    ("x = 3 + 4 = 7", "7"),
    ("7/3 = 2.33", "2.33"),
    ("5 min", "5 minutes"),
    ("12 hr", "12 h"),
    ("5 liters", "5 L"),
    ("£5", "5 pounds"),
    ("9 pounds", "9 lbs"),
    ("5 yuan", "¥5"),
    ("5 cubic meters", "5 m^3"),
    ("4 平方米", "4 m²"),
    ("20 °C", "20 degrees Celsius"),
    ("5厘米", "5 cm"),
    ("6 heures", "6 hours"),
    ("6 Tage", "6 days"),
    (r"\approx 6", "6"),
    ("6 in total", "6"),
    (r"\{1,1,2\}", r"\{1,2\}"),
    ("∞", r"\infty"),
    ("0.333...", "1/3"),
    (r"0.1\dot{6}", "1/6"),
    ("0.(27)", "3/11"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"),
    ("twelve", "12"),
    ("forty-two apples", "42"),
    ("AC", "A, C"),
]
OTHER = [
    ("50", "0.5"),
    ("12", "112"),
    ("8", "7 or 8"),
    ("(1,234)", "1234"),
    ("1234", "1, 234"),
    ("12 two", "2"),
    ("3", "3.001"),
    ("1/3", "0.3333"),
    ("5 cm", "5 inches"),
    ("32 dollars", "32 cents"),
    ("even", "odd"),
    ("evil", "vile"),
    ("A", "B"),
    ("x", "X"),
    ("[0,1)", "(0,1)"),
    ("(1,2)", "(2,1)"),
    ("2,1", "(1,2)"),
    (r"\{1,2\}", "(1,2)"),
    ("1,2", "1,2,3"),
    (r"\pm 3", "3"),
    ("-5", "5"),
    ("2516_8", "2516"),
    ("3:1", "3"),
    ("3:1", "1:3"),
    ("", ""),
    ("5", ""),
    ("1,1,2", "1,2,2"),
    ("A", "5"),
    ("10000", "10000.5"),
    (r"5\sqrt2\text{ cm}", r"5\sqrt2\text{ inches}"),
    (r"5\sqrt2\text{ cm}", r"6\sqrt2"),
    (r"25\pi\text{ cm}", r"25\pi\text{ cm}^2"),
    ("$18 per day", "$18 per week"),
    ("1 1/2", "11/2"),
    ("2 3/4", "23/4"),
    ("(1 1/2, 3)", "(11/2, 3)"),
    ("now here", "nowhere"),
    ("5万", "5"),
    ("5 mille", "5"),
    ("3 thousand", "3"),
    ("2千克", "2000"),
    ("5%", "5 meters"),
    ("$5", "5%"),
    ("5 students", "5%"),
    ("2024-01-02", "2021"),
    ("1/2/2024", "1/4048"),
    ("5-7", "-2"),
    ("3-4 hours", "-1"),
    ("2+2=5", "5"),
    ("20 °C", "20 °F"),
    ("9 lbs", "£9"),
    ("5 yen", "5 yuan"),
    ("5 min", "5 m"),
    ("5小时", "5分钟"),
    ("1 km", "1000 m"),
    (r"\{1,2\}", r"\{1,3\}"),
    ("1,1,2", "1,2"),
    ("0.333", "1/3"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(2,1)"),
    ("x>1 and x<5", "x>1 or x<5"),
    ("one half", "1"),
    ("two thirds", "2"),
    ("five hundred twenty", "500"),
    ("seven-sided", "7"),
    ("AC", "A, B"),
    ("i", "I"),
]
OPEN = [
    ("x+1", "1+x"),
    (r"2\sqrt{2}", r"\sqrt{8}"),
    ("x>3", "3<x"),
    (r"\ln x", r"\log x"),
    ("x^2=4", "x=2"),
    ("ab", "ba"),
    ("i^2", "-1"),
    (r"e^{i\pi}", "-1"),
    ("12", "1 2"),
    ("1 2 3", "123"),
    ("2 x", "2x"),
]
APART = [
    ("a+t", "+a"),
    ("5m", "5"),
    ("x+1", "2+x"),
    (r"\frac{\sqrt{65}}{2}", "70"),
    (r"(1, 2]", r"2\sqrt{3}"),
    ("x^2-1", "(x-1)(x+2)"),
    ("2^{3}x", "2^{3x}"),
    ("i", "-i"),
    ("9+11i", "9"),
    ("x^2+y^2=13", "13"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\frac{\pi}{2}"),
]


@pytest.mark.parametrize(("reference", "answer"), SAME)
def test_the_same_written_in_two_ways(reference, answer):
    assert equal(reference, answer) is True
    assert equal(answer, reference) is True


@pytest.mark.parametrize(("reference", "answer"), OTHER)
def test_what_is_alike_is_not_the_same(reference, answer):
    assert equal(reference, answer) is False
    assert equal(answer, reference) is False


@pytest.mark.parametrize(("reference", "answer"), OPEN)
def test_expressions_are_left_open(reference, answer):
    assert equal(reference, answer) is None


@pytest.mark.parametrize(("reference", "answer"), APART)
def test_simple_expressions_of_different_values_are_told_apart(reference, answer):
    assert equal(reference, answer) is False
    assert equal(answer, reference) is False


def test_single_letters_are_variables_and_no_units():
    assert equal("m", "") is False
    assert equal("(a,b)", "(,b)") is False
    assert equal("m", "a") is False


def test_an_expression_decides_the_structure_around_it():
    asked = []

    def symbolic(a, b):
        asked.append((a, b))
        return True

    assert equal("(x+1, 2)", "(1+x, 2)", symbolic=symbolic) is True
    assert asked == [("x+1", "1+x")]
    assert equal("(x+1, 2)", "(1+x, 3)", symbolic=symbolic) is False


def test_the_tolerance_is_relative_and_of_decimals_alone():
    assert equal("1000000", "1000000.9") is True
    assert equal("1000000", "1000001") is False
    assert equal("8/3", "2.6667", tolerance=1e-2) is True
    assert equal("0", "0.0000001") is False


@pytest.mark.parametrize(
    "expression",
    [
        "1/2x",
        "x^y^z",
        "2 3",
        "x_1",
        "|x|",
        "f(x)",
        "sin x",
        "0^{-1}",
        "2^{999}",
    ],
)
def test_what_can_be_read_in_two_ways_has_no_value(expression):
    assert not differ(expression, "123456789")


NUMBERS = st.builds(Fraction, st.integers(-(10**9), 10**9), st.integers(1, 10**4)).map(
    lambda x: [str(x), rf"\frac{{{x.numerator}}}{{{x.denominator}}}", f"${x}$", f"x = {x}"]
)
ANSWERS = st.recursive(
    st.one_of(
        NUMBERS.flatmap(st.sampled_from),
        st.decimals(-(10**6), 10**6, places=3).map(str),
        st.sampled_from(
            ["x+1", r"\sqrt{2}", "A", r"\text{even}", r"\pi", "50%", "5 cm", "$3", r"\infty"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(", ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda x: f"({', '.join(x)})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda x: rf"\{{{', '.join(x)}\}}"),
    ),
    max_leaves=6,
)


@given(ANSWERS)
def test_an_answer_is_the_same_as_itself(answer):
    assert equal(answer, answer) is True


@given(ANSWERS, ANSWERS)
def test_sides_do_not_matter(a, b):
    assert equal(a, b) is equal(b, a)


@given(NUMBERS)
def test_a_number_is_the_same_in_all_ways_of_writing(ways):
    assert all(equal(a, b) for a in ways for b in ways)


@given(st.integers(1, 999), st.integers(0, 999), st.integers(1, 10**4))
def test_a_mixed_number_is_its_sum_and_not_its_digits(whole, top, bottom):
    mixed, joined = f"{whole} {top}/{bottom}", f"{whole}{top}/{bottom}"
    assert equal(mixed, str(whole + Fraction(top, bottom))) is True
    assert equal(mixed, joined) is (whole + Fraction(top, bottom) == Fraction(joined))


@given(st.text(), st.text())
def test_no_text_breaks_it(a, b):
    assert equal(a, b) in {True, False, None}
    assert equal(a, b) is equal(b, a)


def test_long_and_deep_texts_are_no_harm():
    deep, wide = "(" * 3000 + "1" + ")" * 3000, ",".join(map(str, range(5000)))
    for a in (deep, wide, "9" * 10_000, "1e999999999", "{" * 3000, r"\text{" * 500):
        assert equal(a, "1") in {True, False, None}
        assert equal(a, a) is True
