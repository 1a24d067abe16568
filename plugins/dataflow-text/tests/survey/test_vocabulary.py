"""The vocabulary of a data set, against plain counting."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import MemoryStorage
from dataflow_core.engine import decisions
from dataflow_core.errors import ConfigurationError, OperatorError
from dataflow_text import VocabularyEvaluator

SPACED = [
    "the", "The", "THE,", '"the"', "don't", "don’t", "well-known", "ÉTÉ", "été", "слово!", "--",
    "x", "(y)", "Нет", "1,000", "ß", "«oui»", "a.b", "|", "+=", "$5", "c++", "(+)", "…",
    "a" * 200,
]  # fmt: skip
OTHER = ["你好", "、", "ไทย", "🙂", "\u200b", "ﬁ", "İx", "你a，"]
TEXTS = st.lists(
    st.one_of(
        st.none(),
        st.text(max_size=20),
        st.lists(st.sampled_from(SPACED + OTHER), max_size=30).map(" ".join),
        st.lists(st.sampled_from(["of", "Of", "and", "to-day", "--", "(x)"]), max_size=9).map(
            "\n".join
        ),
    ),
    max_size=12,
)


def words_of(text):
    """Cut a text of spaced words as the operator says, a character at a time."""
    for token in (text or "").split():
        word = "".join(map(lowered, token))
        while word and unicodedata.category(word[0])[0] == "P":
            word = word[1:]
        while word and unicodedata.category(word[-1])[0] == "P":
            word = word[:-1]
        if any(unicodedata.category(c)[0] != "P" and c not in "$+<=>^`|~" for c in word):
            yield word


def lowered(character):
    lower = character.lower()
    return "'" if character == "’" else lower if len(lower) == 1 else character


def expected(counts, top):
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    tokens, sums, coverage = sum(counts.values()), 0, {}
    for number, (_, count) in enumerate(ranked, 1):
        sums += count
        for percent in (50, 90, 95, 99):
            if sums * 100 >= percent * tokens:
                coverage.setdefault(f"{percent}%", number)
    hapaxes = sum(count == 1 for count in counts.values())
    return {
        "tokens": tokens, "types": len(counts), "hapaxes": hapaxes,
        "hapax_share": hapaxes / len(counts), "type_token_ratio": len(counts) / tokens,
        "unseen_share": hapaxes / tokens, "coverage": coverage, "top_words": dict(ranked[:top]),
    }  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(SPACED[:-1]), max_size=20).map(" ".join) | st.none()))
def test_it_counts_as_plain_counting_does(texts):
    table = MemoryStorage([{"text": text} for text in [*texts, "one more"]])
    VocabularyEvaluator(top=3).run(table)
    found = table.findings()["vocabulary_evaluator"]

    counts = Counter(word for text in [*texts, "one more"] for word in words_of(text))
    tokens = sum(counts.values())
    entropy = -sum(c / tokens * math.log2(c / tokens) for c in counts.values())
    assert found.pop("entropy") == pytest.approx(entropy)
    assert found == expected(counts, 3)
    assert list(found["top_words"]) == list(expected(counts, 3)["top_words"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, batch_size=st.integers(1, 5), merged_lines=st.sampled_from([1, 8, 1 << 20]))
def test_batches_and_merges_change_nothing(texts, batch_size, merged_lines, findings, monkeypatch):
    monkeypatch.setattr(decisions, "_MERGED_LINES", merged_lines)
    rows = [{"text": text} for text in texts] or [{"text": None}]
    operator = VocabularyEvaluator(top=4)
    at_once = findings(operator, rows)
    in_parts = findings(operator, rows, batch_size)
    assert in_parts == at_once
    assert list(in_parts["top_words"]) == list(at_once["top_words"])


def test_scripts_without_spaces_have_letters_for_words(findings):
    found = findings(VocabularyEvaluator(), [{"text": "你好，你。 ok"}, {"text": "ひひ"}])
    assert found["top_words"] == {"ひ": 2, "你": 2, "ok": 1, "好": 1}


def test_words_of_ascii_and_of_other_texts_are_the_same_words(findings):
    texts = ["The cat.", "the «cat» été", "THE", "слово the"]
    assert findings(VocabularyEvaluator(top=2), [{"text": t} for t in texts])["top_words"] == {
        "the": 4, "cat": 2,
    }  # fmt: skip


def test_what_is_no_text_has_no_words(findings):
    rows = [
        {"text": {"no": "text"}},
        {"text": "one"},
        {"text": None},
        {"text": ""},
        {"text": "..."},
    ]
    assert findings(VocabularyEvaluator(), rows)["top_words"] == {"one": 1}
    assert findings(VocabularyEvaluator(), rows, 2)["tokens"] == 1


def test_of_no_words_nothing_can_be_told(findings):
    for rows in ([{"text": None}], [{"text": "--"}]):
        found = findings(VocabularyEvaluator(), rows, 1)
        assert found == findings(VocabularyEvaluator(), rows)
        assert (found["tokens"], found["types"], found["top_words"]) == (0, 0, {})
        assert found["hapax_share"] is found["entropy"] is found["coverage"]["50%"] is None


def test_very_long_words_are_cut_where_they_are_listed_alone(findings):
    rows = [{"text": "a" * 100_000}, {"text": "a" * 99_999 + " b"}]
    found = findings(VocabularyEvaluator(top=5), rows)
    assert found["types"] == 3
    assert found["top_words"] == {"a" * 80 + "…": 2, "b": 1}


def test_top_of_none_lists_none(findings):
    assert findings(VocabularyEvaluator(top=0), [{"text": "a b"}])["top_words"] == {}
    with pytest.raises(ConfigurationError, match="top"):
        VocabularyEvaluator(top=-1)


def test_too_many_words_stop_the_run(findings):
    operator = VocabularyEvaluator(max_types=3)
    assert findings(operator, [{"text": "a b c a"}])["types"] == 3
    for batch_size in (None, 1):
        with pytest.raises(OperatorError, match="more than 3 different words"):
            findings(operator, [{"text": "a b"}, {"text": "c d"}], batch_size)
