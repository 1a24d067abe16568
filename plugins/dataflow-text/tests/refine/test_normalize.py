"""Dates and amounts take one form; what is ambiguous or something else stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_text import NormalizeText

DATES = [
    ("12/25/2020 and 25/12/2020 and 25.12.2020", "2020-12-25 and 2020-12-25 and 2020-12-25"),
    ("4/4/2020", "2020-04-04"),
    ("2020/12/25, 2020.1.5", "2020-12-25, 2020-01-05"),
    ("Dec. 25, 2020; december 5th 2020; 25 Dec 2020.", "2020-12-25; 2020-12-05; 2020-12-25."),
    ("25th of December 2020, Sept 1, 1999", "2020-12-25, 1999-09-01"),
    ("于2020年12月5日", "于2020-12-05"),
    # Ambiguous, impossible, or something else.
    ("3/4/2020 30/30/2020 31/2/2020 2020/13/1", None),
    ("10.20.30 10.20.30.40 1.2.3 v1.2.2020 version 1.2.2020 1.2.2020.4", None),
    ("https://x.org/2020/12/25/a /12/25/2020/ a/25/12/2020", None),
    ("25/12/20 1/2 2020-12-25 2020-12-25T10:00 125/12/2020 25/12/20201", None),
    ("Feb 30, 2020 may 2020 marching 5 2020 May we 2020", None),
    ("192.168.10.2020 12:25/12/2020", None),
]
AMOUNTS = [
    ("$1,000.50", "1000.50 USD"),
    ("costs $5, €1.5 or £2,000,000.", "costs 5 USD, 1.5 EUR or 2000000 GBP."),
    ("($0.99) -$50 $10/month $ 70", "(0.99 USD) -50 USD 10 USD/month 70 USD"),
    ("US$1.5 million, $5M, HK$20k", "1.5 million USD, 5M USD, 20k HKD"),
    ("$50 USD $50 CAD A$5 AUD €5 EUR $50 THE", "50 USD 50 CAD 5 AUD 5 EUR 50 USD THE"),
    ("¥500 €1.000 €1.000,50 $1.000,50 $1,00 $5-10 $5–10 $5x $1.2.3", None),
    ("$x$ $5$ $5 + 3$ and $$5$$ a$5 {print $1} '$1' $HOME ${1} dev $1 \\$10", None),
    ("5 $ 100€", None),
]


@pytest.mark.parametrize(("text", "expected"), [*DATES, *AMOUNTS])
def test_dates_and_amounts_take_one_form(text, expected, refined):
    assert refined(NormalizeText(), text) == [text if expected is None else expected]


def test_the_order_of_dates_can_be_told(refined):
    text = "3/4/2020 03.04.2020 12/25/2020"
    assert refined(NormalizeText(date_order="day"), text) == ["2020-04-03 2020-04-03 2020-12-25"]
    assert refined(NormalizeText(date_order="month"), text) == ["2020-03-04 2020-03-04 2020-12-25"]


def test_each_part_can_be_left_out(refined):
    texts = ["25/12/2020 €5", None, ""]
    assert refined(NormalizeText(dates=False), *texts) == ["25/12/2020 5 EUR", None, ""]
    assert refined(NormalizeText(currencies=False), *texts) == ["2020-12-25 €5", None, ""]


@given(st.text(st.sampled_from("0123459/.-,$€ kmay日月年")), st.sampled_from(["day", "unknown"]))
def test_normal_texts_stay_normal(text, order):
    operator = NormalizeText(date_order=order, currencies=False)
    once = operator.clean(text)
    assert operator.clean(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "1/" * 500_000,
        "$1" * 500_000,
        "$1," * 300_000,
        "1" * 10**6,
        "$" + "1" * 10**6,
        "$1 a" * 250_000,
        "$" + "1,111" * 200_000 + ",",
        "May 1 " * 150_000,
    ],
)
def test_long_texts_take_linear_time(text):
    started = time.process_time()
    NormalizeText().clean(text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
