"""Boilerplate lines go; paragraphs, and lines on the same subjects, stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_core.errors import ConfigurationError
from dataflow_text import RemoveBoilerplateLines, RemoveRepeatedLines

BOILERPLATE = [
    "This site uses cookies to improve your visit.",
    "Accept all cookies",
    "Cookie settings",
    "本站使用Cookie",
    "© 2024 Bees Inc.",
    "Copyright (c) 2020-2024 x",
    "All Rights Reserved.",
    "版权所有",
    "Alle Rechte vorbehalten",
    "Please enable JavaScript to view this page.",
    "JavaScript is disabled in your browser",
    "Privacy Policy | Terms of Use",
    "Read more »",
    "  Back to top",
    "MENU",
    "Home | News | Shop | Help",
    "Skip to main content",
    "Share on Facebook",
    "Next page >",
    "Log in",
    "Home » Bees » Hives » Wax",
    "Bees | Hives | Wax | About us",
    "蜜蜂 · 首页 · 蜂巢 · 蜂蜡",
    "We use cookies.",
    "By continuing you agree to the use of cookies.",
    "We and our partners use cookies to improve it.",
    "Copyright 2024 Bees Inc.",
    "Read our privacy policy",
    "By signing up you agree to our Terms of Service.",
    "The Google Privacy Policy and Terms of Service apply.",
    "It does not work properly without JavaScript.",
    "This page requires JavaScript.",
]
OTHERS = [
    "She baked cookies.",
    "-s [d|i|l|c]",
    "id | name | age | 7",
    "a  | b  | c  | d",
    "JavaScript is a language for the web.",
    "We read more than we write.",
    "a | b | c",
    "The copyright of the song expired.",
    "He sat at home.",
    "the top",
    "x = a | b",
    "The menu changes daily.",
    "For the crust use cookies without filling.",
    "Grandma set cookies on the table and smiled.",
    "The president defended the privacy policy in a speech.",
    "The court read the terms of use and the cookie policy of the firm.",
    "It works without JavaScript, which surprised everyone.",
    "Copyright 1976 changed everything for authors.",
    "red | green | blue | black",
    "Name | Age | City | Country",
    "red • green • blue • black",
    "| one long cell of a table that has many words | and another of the same kind | and | x |",
]


@pytest.mark.parametrize("line", BOILERPLATE)
def test_boilerplate_goes_with_its_line_break(line, refined):
    texts = [line, f"Bees dance.\n{line}\n\nThey hum.", f"{line}\nBees"]
    assert refined(RemoveBoilerplateLines(), *texts) == ["", "Bees dance.\n\nThey hum.", "Bees"]


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_stay(line, refined):
    assert refined(RemoveBoilerplateLines(), line, f"a\n{line}\n") == [line, f"a\n{line}\n"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_lines_end_at_line_breaks_of_all_kinds(end, refined):
    lines = ["Bees dance.", "We use cookies.", "Read more", "They hum.", "All rights reserved."]
    wanted = f"Bees dance.{end}They hum.{end}"
    assert refined(RemoveBoilerplateLines(), end.join(lines)) == [wanted]
    lines = ["Our newsletter", "Bees dance.", "Our newsletter", "They hum."]
    wanted = f"Our newsletter{end}Bees dance.{end}They hum."
    assert refined(RemoveRepeatedLines(), end.join(lines)) == [wanted]


def test_paragraphs_stay_whatever_they_say(refined):
    text = "This site uses cookies. " * 20
    assert refined(RemoveBoilerplateLines(), text, None, "") == [text, None, ""]
    assert refined(RemoveBoilerplateLines(max_length=1000), text) == [""]


def test_patterns_are_plain_strings(refined):
    operator = RemoveBoilerplateLines(rules=[], patterns=["a.b (c", "Bienen"])
    assert refined(operator, "x A.B (C y\naxb (c\nbienen\n© 2024") == ["axb (c\n© 2024"]
    with pytest.raises(ConfigurationError, match="empty pattern"):
        RemoveBoilerplateLines(patterns=[" "])
    with pytest.raises(ConfigurationError, match="rules"):
        RemoveBoilerplateLines(rules=["cookie"])


def test_javascript_lines_go_and_the_rest_of_the_page_stays(refined):
    text = "Learn Javascript\n" * 100 + "One\nTwo"
    assert refined(RemoveBoilerplateLines(rules=["c4_javascript"]), text) == ["One\nTwo"]


def test_rules_of_c4_are_there_for_the_asking(refined):
    operator = RemoveBoilerplateLines(
        rules=["c4_policy", "c4_citation_marks"], terminal_punctuation=True, min_words=3
    )
    bad = ["No end here for you", "Too short.", "Our privacy policy is long.", "[1] [edit]"]
    text = "\n".join(["Bees dance well.", *bad, "", "好的 是 的。"])
    assert refined(operator, text) == ["Bees dance well.\n\n好的 是 的。"]


def test_without_rules_nothing_goes(refined):
    assert refined(RemoveBoilerplateLines(rules=[]), "© 2024\nMenu") == ["© 2024\nMenu"]


def test_repeated_lines_go_after_the_first(refined):
    texts = [
        "Read this now\na\n Read this now \na\n\n\nRead this now",
        "}\n}\n---\n---",
        None,
        "",
        "x",
    ]
    wanted = ["Read this now\na\na\n\n\n", "}\n}\n---\n---", None, "", "x"]
    assert refined(RemoveRepeatedLines(), *texts) == wanted
    assert refined(RemoveRepeatedLines(min_length=1), "a\na\n\nb\nb") == ["a\n\nb\n"]


@given(st.text(st.sampled_from("ab \n|cookies©2024")))
def test_doing_it_twice_changes_nothing_more(text):
    for operator in (RemoveBoilerplateLines(), RemoveRepeatedLines(min_length=1)):
        once = operator.clean(text)
        assert operator.clean(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "a|" * 500_000,
        "a | " * 250_000,
        "a\n" * 500_000,
        "javascript " * 90_000,
        " " * 10**6,
        "| " * 500_000,
    ],
)
def test_long_texts_take_linear_time(text, refined):
    started = time.process_time()
    refined(RemoveBoilerplateLines(), text)
    refined(RemoveRepeatedLines(), text)
    assert time.process_time() - started < 30  # quadratic time would take far longer
