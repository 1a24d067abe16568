"""The quality rules: their measures at the edges, and what their operators make of them."""

from __future__ import annotations

import inspect
import math
import pickle
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataflow_text
from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text.analysis.shared import TextAnalysis
from dataflow_text.quality import character_rules, line_rules, word_rules
from dataflow_text.quality.rule import Rule
from dataflow_text.registered.quality import RULES

MODULES = (word_rules, line_rules, character_rules)
MEASURES = {name: rule for m in MODULES for name, rule in vars(m).items() if isinstance(rule, Rule)}
STEMS = [stem for _, stem, _, _ in RULES]
REQUIRED = {"Blocklist": {"words": ("one", "你")}}

CASES = [
    # Word boundaries, punctuation inside terms, and real documents.
    ("identity_document_share", "I did not see it. He did not. The id no longer exists.", 0.0),
    ("identity_document_share", "I.D. number 7 or an Identity Card", 2 / 7),
    ("identity_document_share", "请出示身份证。", 1 / 6),
    # A term in other letters is no word of an English text.
    ("special_character_share", "⭐⌚⏰⬛\u061c\u00ad\U000f0000\U000e0067", 1.0),
    # Sentences and phrases of scripts that write no spaces, or have marks of their own.
    ("sentence_count", "កម្ពុជាជាប្រទេសមួយ។ រាជធានីគឺភ្នំពេញ។ ភាសាខ្មែរ។ ", 3),
    ("sentence_count", "ኢትዮጵያ አገር ናት። አዲስ አበባ ከተማ ናት።", 2),
    ("sentence_count", "วันนี้อากาศดี เราไปสวน แล้วกลับบ้าน", 3),
    ("longest_unpunctuated_run", "กขค งจ", 3.0),
    ("unique_word_share", "好好好学 the the", 0.5),
    # Line ends of all kinds.
    ("ellipsis_line_share", "a...\rb\r\nc...\u2028d", 0.5),
    ("bullet_line_share", "- a\r- b\r- c\rd e", 0.75),
    # Case aside, word by word, one mention in a book.
    ("watermark_share", "COPYRIGHT copyrighted Copyright.", 0.6667),
    ("watermark_share", "word " * 999 + "watermark", 0.001),
    ("lorem_ipsum_share", "word " * 998 + "Lorem Ipsum", 0.001),
    ("lorem_ipsum_share", "lorem\nipsum and ipsum lorem", 0.2),
    # Real characters, not their spellings; joiners that scripts need stay.
    ("special_character_share", "\u200e" + "x" * 9, 0.1),
    ("special_character_share", "U+26A0 u200e {/U} ? :", 0.0),
    ("special_character_share", "می\u200cخواهم", 0.0),
    ("special_character_share", "", 0.0),
    # Entities, not ampersands of URLs.
    ("html_entity_share", "https://example.com/?a=1&lt=2&amp=3", 0.0),
    ("html_entity_share", "&nbsp; &#160; &hellip;", 1.0),
    # Colons of all scripts, white space aside.
    ("ends_with_colon", "abc: \n", 1),
    ("ends_with_colon", "价格：", 1),
    ("ends_with_colon", "a: b", 0),
    ("ends_with_colon", "", 0),
    # Sentences.
    ("sentence_count", "pi is 3.14 and e is 2.71", 1),
    ("sentence_count", "Dr. J. Smith came at 5 p.m. on Monday. He left.", 2),
    ("sentence_count", "今天天气很好。我们去公园吧！你来吗？", 3),
    ("sentence_count", "A heading\n\nOne. Two! Three?", 4),
    ("sentence_count", 'He said "Stop." Then he left... slowly.', 2),
    ("sentence_count", "... --- !!!", 0),
    # Case and scripts.
    ("capital_word_share", "I A B", 0.0),
    ("capital_word_share", "ÀÉÎ ΑΒΓ ok 你好", 0.4),
    ("alphabetic_word_share", "слово 你 42 --", 0.5),
    ("mean_word_length", "你好世界", None),
    ("mean_word_length", "你好 four", 4.0),
    ("stop_word_share", "你好世界", None),
    ("stop_word_share", 'The end, "of" it', 0.5),
    ("unique_word_share", "Dog dog, DOG. dog's", 0.5),
    ("unique_word_share", "\u2014 ... !", None),
    ("unique_word_share", "好好好学", None),
    ("symbol_word_ratio", "wait.... what", 0.5),
    ("symbol_word_ratio", "… ##", 1.5),
    ("longest_unpunctuated_run", "一二三，四五六七。八", 4.0),
    ("longest_unpunctuated_run", "one two\nthree four five\n\nsix", 3.0),
    # Lines.
    ("bullet_line_share", "- a\n* b\n• c\nd\n\n  ", 0.75),
    ("ellipsis_line_share", "a...  \nb…\nc", 0.6667),
    ("javascript_line_share", "JAVASCRIPT is off\nok\njavascript:void(0)", 0.6667),
    ("javascript_line_share", "ĊāvaScript", 0.0),
    ("has_content", "\u3000\n\t", 0),
    ("character_count", " a\u3000b\n", 2),
    ("curly_bracket_share", "", 0.0),
]


@pytest.mark.parametrize(("name", "text", "wanted"), CASES)
def test_measures_at_the_edges(name, text, wanted):
    found = MEASURES[name].of(text)
    assert found == wanted if wanted is None else found == pytest.approx(wanted, abs=5e-3)


def test_terms_of_other_scripts_are_no_words_of_english():
    assert word_rules.watermark_share.of("on and on", watermarks=("湯",)) == 0
    assert word_rules.stop_word_share.of("n0 x", stop_words=("の",)) == 0
    assert word_rules.watermark_share.of("湯 on 5 \u212a", watermarks=("湯", "\u212a")) == 0.5
    assert word_rules.watermark_share.of("on k", watermarks=("\u212a",)) == 0.5


def test_long_runs_of_punctuation_take_linear_time():
    started = time.process_time()
    assert word_rules.word_count.of("-" * 500_000 + "好") == 1
    assert word_rules.word_count.of("\u0e48" * 500_000 + "ก") == 1
    assert time.process_time() - started < 30  # quadratic time would take far longer


@pytest.mark.parametrize("rule", MEASURES.values(), ids=list(MEASURES))
def test_a_measure_without_texts_is_of_the_same_type(rule):
    measure = rule.measure(**defaults(rule))
    some, none = (TextAnalysis(pa.array(texts, pa.string())) for texts in (["one two"], []))
    assert none.measure(measure).dtype == some.measure(measure).dtype


@pytest.mark.parametrize("rule", MEASURES.values(), ids=list(MEASURES))
def test_examples_are_true(rule):
    for text, wanted in rule.examples.items():
        assert rule.of(text) == pytest.approx(wanted, abs=5e-3)


TEXTS = st.lists(
    st.text(st.sampled_from('ab AB.!?\n\t…#{}&:；。你好ไท-•1,"\u200e😀é\u0301'), max_size=40)
    | st.none(),
    max_size=12,
)


@settings(max_examples=60)
@given(TEXTS)
def test_a_measure_depends_on_its_text_alone(texts):
    analysis = TextAnalysis.of(pa.chunked_array([pa.array(texts, pa.string())]))
    for rule in MEASURES.values():
        together = analysis.measure(rule.measure(**defaults(rule))).tolist()
        alone = [rule.of(text) for text in texts]
        for text, one, other in zip(texts, together, alone, strict=True):
            assert text is None or (other is None and math.isnan(one)) or one == other


def defaults(rule):
    return {name: parameter.default for name, parameter in rule.parameters.items()}


@settings(max_examples=60)
@given(TEXTS, st.data())
def test_an_analysis_follows_the_rows_that_are_left(texts, data):
    whole = TextAnalysis.of(pa.chunked_array([pa.array(texts, pa.string())]))
    known = data.draw(st.lists(st.sampled_from(list(MEASURES)), unique=True, max_size=4))
    for name in known:  # so that there is something to carry along
        whole.measure(MEASURES[name].measure(**defaults(MEASURES[name])))
    chosen = data.draw(st.lists(st.integers(0, max(0, len(texts) - 1)), unique=True).map(sorted))
    positions = pa.array(chosen if texts else [], pa.int64()).to_numpy()
    part = whole.take(positions)
    again = part.take(pa.array(range(0, len(positions), 2), pa.int64()).to_numpy())
    for rule in MEASURES.values():
        measure = rule.measure(**defaults(rule))
        wanted = whole.measure(measure) if data.draw(st.booleans()) else None
        for analysis, left in ((part, positions), (again, positions[::2])):
            found = analysis.measure(measure).tolist()
            fresh = [rule.of(texts[i]) for i in left]
            for i, one, other in zip(left, found, fresh, strict=True):
                assert texts[i] is None or one == other or (other is None and math.isnan(one))
            if wanted is not None:
                assert str(wanted[left].tolist()) == str(found)


def test_what_is_known_of_many_texts_is_carried_along():
    texts = [f"Word{n} of the {'ünïcöde ' * (n % 3)}text, no. {n}.\n" * 3 for n in range(1500)]
    whole = TextAnalysis.of(pa.chunked_array([pa.array(texts, pa.string())]))
    whole.measure(word_rules.unique_word_share.measure())
    chosen = pa.array(range(0, 1500, 7), pa.int64()).to_numpy()
    part = whole.take(chosen)
    for rule in MEASURES.values():
        alone = TextAnalysis.of(pa.chunked_array([pa.array([texts[i] for i in chosen])]))
        measure = rule.measure(**defaults(rule))
        assert str(part.measure(measure).tolist()) == str(alone.measure(measure).tolist())


@pytest.mark.parametrize("stem", STEMS)
def test_a_filter_keeps_what_its_evaluator_measures_within_the_bounds(stem):
    fields = REQUIRED.get(stem, {})
    evaluator = getattr(dataflow_text, f"{stem}Evaluator")(**fields)
    operator = getattr(dataflow_text, f"{stem}Filter")(**fields)
    rule = evaluator.rule
    texts = [*(text for text, *_ in rule.examples.items()), None, "", "你好", "word " * 60, "one"]
    measured = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    evaluator.run(measured)
    filtered = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    operator.run(filtered)
    low = operator.min_value if operator.min_value is not None else float("-inf")
    high = operator.max_value if operator.max_value is not None else float("inf")
    wanted = [
        row
        for row in measured.rows()
        if row["text"] is not None and (row[rule.name] is None or low <= row[rule.name] <= high)
    ]
    assert filtered.rows() == wanted
    assert len(filtered.dropped()) == len(texts) - len(wanted)
    assert set(filtered.dropped()["reason"]) <= {"no_value", "below_minimum", "above_maximum"}


@pytest.mark.parametrize("stem", STEMS)
def test_operators_can_be_pickled_and_explain_themselves(stem):
    for kind in ("Evaluator", "Filter"):
        cls = getattr(dataflow_text, stem + kind)
        operator = cls(**REQUIRED.get(stem, {}))
        assert pickle.loads(pickle.dumps(operator)) == operator
        text = inspect.getdoc(cls)
        assert "Source: " in text
        for field in cls.model_fields:
            assert f"    {field}: " in text


def test_terms_of_the_user_are_fields_and_no_patterns():
    table = MemoryStorage([{"text": "a.b c (c) abc"}])
    dataflow_text.WatermarkEvaluator(watermarks=("a.b", "(c")).run(table)
    assert table.rows()[0]["watermark_share"] == 0.75
    with pytest.raises(ConfigurationError, match=r"watermark: no such parameter\. Did you mean"):
        dataflow_text.WatermarkFilter(watermark=("x",))


def test_many_stop_words_are_found_like_few():
    text = "the quick fox and the dog of yore"
    few = word_rules.stop_word_share.of(text, stop_words=("the", "and"))
    many = word_rules.stop_word_share.of(
        text, stop_words=("the", "and", *(f"w{i}" for i in range(50)))
    )
    assert few == many == 3 / 8


def test_what_is_no_text_is_told():
    with pytest.raises(TypeError, match="a text wanted, found int 3"):
        TextAnalysis.of(MemoryStorage([{"a": "x"}, {"a": 3}]).frame.columns["a"].arrow())


def test_a_large_table_keeps_measures_but_no_words(monkeypatch):
    monkeypatch.setattr("dataflow_text.analysis.shared.KEPT_BYTES", 10)
    analysis = TextAnalysis.of(pa.chunked_array([pa.array(["one two", "three four five", None])]))
    measure = word_rules.word_count.measure()
    assert analysis.measure(measure).tolist() == [2, 3, 0]
    assert analysis.measure(measure) is analysis.measure(measure)
