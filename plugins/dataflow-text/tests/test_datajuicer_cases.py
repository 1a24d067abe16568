"""Data-Juicer's cases for its operators, run by ours, where the folder with them is at hand.

The cases were read from that project's tests and not run, so each may itself be wrong. Each is in
one of two tables: those that an operator of ours concerns, and those that none does. Of the first,
`DIFFERENT` has those with another result here, which is on purpose.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import DeriveColumn, FilterRows
from dataflow_text import (
    DeduplicateSimhash,
    MaskPii,
    NgramRepetitionFilter,
    NormalizeWhitespace,
    RemoveHtmlUrls,
    RemoveNumbers,
    RemoveUrls,
    StopWordFilter,
    TokenCountEvaluator,
    TokenCountFilter,
    WordCountFilter,
)

SHARED = Path(
    os.environ.get("DATAFLOW_SHARED") or Path(__file__).resolve().parents[3].parent / "shared"
)
with_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no shared data in {SHARED}; name its folder in DATAFLOW_SHARED"
)

# Theirs are n-grams of six words. Two changed words of 700 are expected to make 4 bits, the bound
# of the case, give or take 2: whether one pair is within it is up to the hash.
PHRASES = DeduplicateSimhash(n=5, unit="word", max_distance=4, ignore_punctuation=True)
CHARACTERS = DeduplicateSimhash(n=6, max_distance=4, ignore_punctuation=True)
# Their share counts all occurrences of what is repeated, each of which is there twice at least.
REPETITION = NgramRepetitionFilter(n=3, min_value=1 - 0.2 / 2)
HTML = (RemoveHtmlUrls(urls=False), NormalizeWhitespace())
ADDRESSES = ("ipv4", "ipv6")

OURS = {
    "DocumentSimhashDeduplicator::test_0": (PHRASES,),
    "DocumentSimhashDeduplicator::test_english_deduplication": (PHRASES,),
    "DocumentSimhashDeduplicator::test_chinese_deduplication": (CHARACTERS,),
    "DocumentSimhashDeduplicator::test_punctuation_deduplication": (
        DeduplicateSimhash(n=6, max_distance=4, ignore_digits=True),
    ),
    "SpecifiedFieldFilter::test_case": (
        (DeriveColumn(template="{{ meta.suffix }}"), {"output_column": "suffix"}),
        FilterRows(where="suffix IN ('.pdf', '.txt')"),
    ),
    "SpecifiedFieldFilter::test_list_case": (
        (
            DeriveColumn(
                template="{{ meta.path.test | reject('in', ['pdf', 'txt', 'json']) | list }}"
            ),
            {"output_column": "others"},
        ),
        FilterRows(where="others = '[]'"),
    ),
    "StopWordsFilter::test_en_case": (
        StopWordFilter(min_value=0.3, stop_words=("a", "and", "do", "is", "it's", "of", "you")),
    ),
    "StopWordsFilter::test_zh_case": (
        StopWordFilter(min_value=0.2, stop_words=("你", "是", "在", "为", "对", "由", "此")),
    ),
    "TokenNumFilter::test_token_num": (TokenCountEvaluator(encoding="cl100k_base"),),
    "TokenNumFilter::test_token_num_filter": (
        TokenCountFilter(min_value=10, max_value=20, encoding="cl100k_base"),
    ),
    "WordRepetitionFilter::test_en_case": (REPETITION,),
    "WordRepetitionFilter::test_zh_case": (REPETITION,),
    "WordsNumFilter::test_case": (WordCountFilter(min_value=5, max_value=15),),
    "WordsNumFilter::test_zh_case": (WordCountFilter(min_value=10, max_value=25),),
    "CleanHtmlMapper::test_complete_html_text": HTML,
    "CleanHtmlMapper::test_html_en_text": HTML,
    "CleanHtmlMapper::test_html_zh_text": HTML,
    "CleanHtmlMapper::test_no_html_text": HTML,
    "CleanHtmlMapper::test_fake_html_text": HTML,
    "CleanHtmlMapper::test_whitespace_text": HTML,
    "CleanHtmlMapper::test_only_list_text": HTML,
    "CleanIpMapper::test_ipv4": (MaskPii(entities=ADDRESSES, style="remove"),),
    "CleanIpMapper::test_ipv6": (MaskPii(entities=ADDRESSES, style="remove"),),
    "CleanIpMapper::test_replace_ipv4": (MaskPii(entities=ADDRESSES),),
    "RemoveWordsWithIncorrectSubstringsMapper::test_en_case": (RemoveUrls(), NormalizeWhitespace()),
    "ReplaceContentMapper::test_special_char_pattern_text": (
        (
            DeriveColumn(template="{{ text | replace('●■', '<SPEC>') }}"),
            {"output_column": "text"},
        ),
    ),
    "ReplaceContentMapper::test_raw_digit_pattern_text": (RemoveNumbers(),),
    "ReplaceContentMapper::test_regular_digit_pattern_text": (RemoveNumbers(),),
    "TagsSpecifiedFieldSelector::test_tag_select": (
        (DeriveColumn(template="{{ meta.sentiment }}"), {"output_column": "tag"}),
        FilterRows(where="tag IN ('happy', 'sad')"),
    ),
    "WhitespaceNormalizationMapper::test_case": (NormalizeWhitespace(),),
}
"""What does the work of each case here: operators, with columns where they need some."""

GLUED = "an address that touches other letters is part of a name"
NO_NUMBER = "numbers go, and nothing stands in their place"
BLOCKS = "what ends a line on a page ends a line of the text, so that no words are joined"

DIFFERENT = {
    "DocumentSimhashDeduplicator::test_punctuation_deduplication": (
        "they compare phrases between marks; of words or characters the short texts share too few",
        {1: "kept"},
    ),
    "StopWordsFilter::test_zh_case": (
        "a share of stop words needs words; letters are none, and such texts stay",
        {1: "kept"},
    ),
    "TokenNumFilter::test_token_num": ("another vocabulary, GPT-4's", {2: 8, 3: 27}),
    "WordsNumFilter::test_case": (
        "marks that stand alone are words: 'a - b' has three, this row five",
        {3: "kept"},
    ),
    "WordsNumFilter::test_zh_case": (
        "letters count, 16 and 32 of them, not words of a dictionary",
        {2: "kept", 5: "dropped"},
    ),
    "CleanHtmlMapper::test_complete_html_text": (
        f"{BLOCKS}; items get no asterisk; <tile> is no HTML",
        {
            0: "<tile>测试\n\nHome\n\nAbout\n\nServices\n\nContact\n\nWelcome to My Website\n\n"
            "Lorem ipsum dolor sit amet, consectetur adipiscing elit.Learn More\n\n"
            "© 2021 My Website. All Rights Reserved."
        },
    ),
    "CleanHtmlMapper::test_html_en_text": (
        BLOCKS,
        {2: "\n\n".join(["This is a test"] * 3 + ["Test：This is a test"] * 2)},
    ),
    "CleanHtmlMapper::test_html_zh_text": (
        BLOCKS,
        {
            2: "这是1个测试。\n\n这是2个测试。\n\n这是3个测试。\n\n"
            "测试：这是4个测试。\n\n测试：这是5个测试。"
        },
    ),
    "CleanHtmlMapper::test_fake_html_text": (
        "what is no element of HTML is text, in all of its parts",
        {
            2: "<kkkeabcd>hello</kkkeabcd>",
            3: "<a1bcd>这是个测试</a1bcd>",
            4: "<测试>这是个测试</测试>",
            7: '<abc="https://www.example.com/file.html?name=Test">测试',
        },
    ),
    "CleanHtmlMapper::test_whitespace_text": (
        "white space goes at both ends, not at one",
        {3: "This is a test"},
    ),
    "CleanHtmlMapper::test_only_list_text": (
        "items get no asterisk",
        {0: "Apple", 1: "苹果", 2: "Apple", 3: "苹果"},
    ),
    "CleanIpMapper::test_ipv4": (GLUED, {2: "ftp://example.com/188.46.244.216my-page.html"}),
    "CleanIpMapper::test_ipv6": (
        GLUED,
        {2: "com/f770:c52e:ddce:3a9f:8c3b:a7bd:d81f:985cmy-page.html"},
    ),
    "CleanIpMapper::test_replace_ipv4": (
        f"a label says what was masked; {GLUED}",
        {
            0: "test of ip <IPV4>",
            1: "<IPV4>",
            2: "ftp://example.com/188.46.244.216my-page.html",
        },
    ),
    "RemoveWordsWithIncorrectSubstringsMapper::test_en_case": (
        "a word that begins with www is no address",
        {1: "plusieurs èrdash@hqbchd.ckd d'accéder à ces wwwasdasd fonc"},
    ),
    "ReplaceContentMapper::test_raw_digit_pattern_text": (
        NO_NUMBER,
        {0: "这是一个。Including  and English."},
    ),
    "ReplaceContentMapper::test_regular_digit_pattern_text": (
        NO_NUMBER,
        {0: "这是一个。Including  and English."},
    ),
    "WhitespaceNormalizationMapper::test_case": (
        "a run of spaces becomes one; what has no width is no white space, and scripts need some",
        {0: "x \u200b\u200c\u200d\u2060\ufffc\x84y"},
    ),
}
"""Why a result is another one here, and what it is, by the number of the row."""

NOTHING_OF_OURS = {
    "DocumentSimhashDeduplicator::test_unimplemented_tokenization": "an error there, and here",
    "RangeSpecifiedFieldSelector::test_percentile_select": "rows by the rank of a field",
    "RangeSpecifiedFieldSelector::test_rank_select": "rows by the rank of a field",
    "RangeSpecifiedFieldSelector::test_percentile_rank_select": "rows by the rank of a field",
    "RangeSpecifiedFieldSelector::test_list_select": "rows by the rank of a field",
    "RemoveHeaderMapper::test_case": "the head of LaTeX papers",
    "RemoveLongWordsMapper::test_normal_case": "words by their length",
    "RemoveLongWordsMapper::test_long_short_words_case": "words by their length",
    "RemoveLongWordsMapper::test_special_words_case": "words by their length",
    "RemoveWordsWithIncorrectSubstringsMapper::test_zh_case": "words by a part, cut by a model",
    "TextActionFilter::test_en_text_case": "verbs, which a model of grammar finds",
    "TextActionFilter::test_zh_text_case": "verbs, which a model of grammar finds",
    "TextEmbdSimilarityFilter::test_api": "embeddings by a service",
    "TextEmbdSimilarityFilter::test_rft_data": "embeddings by a service",
}
"""What the cases are about that no operator of ours does."""


def cases():
    lines = (SHARED / "data/judges/datajuicer_op_cases.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in lines.splitlines()]
    return {f"{case['op']}::{case['test'].partition('::')[2]}": case for case in found}


@with_shared_data
def test_each_case_is_accounted_for():
    assert len(cases()) == 44
    assert set(cases()) == OURS.keys() | NOTHING_OF_OURS.keys()
    assert not OURS.keys() & NOTHING_OF_OURS.keys()
    assert DIFFERENT.keys() <= OURS.keys()


@with_shared_data
@pytest.mark.parametrize("name", OURS)
def test_results_are_those_of_the_case_or_differ_as_described(name):
    case = cases()[name]
    wanted = expected(case)
    found = results(case, OURS[name])
    _, different = DIFFERENT.get(name, ("", {}))
    assert {n: found[n] for n in found if found[n] != wanted[n]} == different


def test_a_unit_that_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match="unit: Input should be 'character' or 'word'"):
        DeduplicateSimhash(unit="unimplemented")


def results(case, steps):
    """Return what became of each row: its text or count, or whether a filter kept it."""
    table = MemoryStorage([{**row, "n": n} for n, row in enumerate(case["input"])])
    for step in steps:
        operator, columns = step if isinstance(step, tuple) else (step, {})
        operator.run(table, **columns)
    left = {row["n"]: row for row in table.rows()}
    if case["kind"] == "mapped_text":
        return {n: row["text"] for n, row in left.items()}
    if isinstance(case["expected"][0], int):
        return {n: row["token_count"] for n, row in left.items()}
    assert all({**row, **case["input"][n]} == row for n, row in left.items())
    return {n: "kept" if n in left else "dropped" for n in range(len(case["input"]))}


def expected(case):
    if case["kind"] == "mapped_text" or isinstance(case["expected"][0], int):
        return dict(enumerate(case["expected"]))
    left = iter([*case["expected"], None])
    row, kept = next(left), {}
    for n, given in enumerate(case["input"]):
        kept[n] = "kept" if given == row else "dropped"
        row = next(left) if given == row else row
    assert row is None
    return kept
