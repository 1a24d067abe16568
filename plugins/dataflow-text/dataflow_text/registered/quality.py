"""The quality rules: each an evaluator, which adds its measure, and a filter on bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataflow_core.plugins import OperatorSpec
from dataflow_text.registered import EXAMPLES
from dataflow_text.sources import C4, DATAFLOW, FINEWEB, GOPHER, GOPHER_REPETITION, REDPAJAMA

# The module of each rule, its operators' names, its measure in a line, and its source.
RULES = (
    ("word_rules", "WordCount", "the number of words", GOPHER),
    ("word_rules", "MeanWordLength", "the mean number of characters of a word", GOPHER),
    (
        "word_rules",
        "AlphabeticWord",
        "the share of words that have a letter of any alphabet, 0 to 1",
        GOPHER,
    ),
    (
        "word_rules",
        "StopWord",
        "the share of words that are stop words, case and attached punctuation aside, 0 to 1",
        REDPAJAMA,
    ),
    (
        "word_rules",
        "SymbolWordRatio",
        "the number of hash marks and ellipses for each word, from 0 on",
        GOPHER,
    ),
    (
        "word_rules",
        "CapitalWord",
        "the share of words of two letters or more that are all in upper case, 0 to 1",
        REDPAJAMA,
    ),
    (
        "word_rules",
        "UniqueWord",
        "the share of words that are different, case and attached punctuation aside, 0 to 1",
        REDPAJAMA,
    ),
    ("word_rules", "LoremIpsum", 'the number of times that "lorem ipsum" occurs for each word', C4),
    ("blocklist", "Blocklist", "how often words of a list occur", C4),
    ("word_rules", "Watermark", "the number of watermark terms for each word, from 0 on", DATAFLOW),
    (
        "word_rules",
        "IdentityDocument",
        "the number of mentions of identity documents for each word, from 0 on",
        DATAFLOW,
    ),
    (
        "word_rules",
        "UnpunctuatedRun",
        "the largest number of words in a row without punctuation between them",
        DATAFLOW,
    ),
    ("line_rules", "EllipsisLine", "the share of lines that end with an ellipsis, 0 to 1", GOPHER),
    ("line_rules", "BulletLine", "the share of lines that begin with a bullet, 0 to 1", GOPHER),
    ("line_rules", "JavascriptLine", "the share of lines that speak of JavaScript, 0 to 1", C4),
    (
        "line_rules",
        "ColonEnd",
        "whether the text ends with a colon (1) or not (0), white space aside",
        DATAFLOW,
    ),
    ("line_rules", "SentenceCount", "the number of sentences", REDPAJAMA),
    (
        "character_rules",
        "Content",
        "whether there is anything but white space (1) or not (0)",
        DATAFLOW,
    ),
    (
        "character_rules",
        "CharacterCount",
        "the number of characters (code points), white space aside",
        DATAFLOW,
    ),
    (
        "character_rules",
        "CurlyBracket",
        "the share of curly brackets among the characters, 0 to 1",
        C4,
    ),
    (
        "character_rules",
        "HtmlEntity",
        "the number of HTML entities for each word, from 0 on",
        DATAFLOW,
    ),
    (
        "character_rules",
        "SpecialCharacter",
        "the share of characters that have no place in prose, 0 to 1",
        DATAFLOW,
    ),
)


def _specs() -> Iterator[OperatorSpec]:
    for module, stem, measure, source in RULES:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).lower()
        target = f"dataflow_text.quality.{module}:{stem}"
        yield OperatorSpec(
            name=f"{name}_evaluator",
            target=f"{target}Evaluator",
            summary=f"Measure {measure}",
            function="evaluate",
            source=source,
            example=EXAMPLES,
        )
        yield OperatorSpec(
            name=f"{name}_filter",
            target=f"{target}Filter",
            summary=f"Keep texts by {measure}",
            function="filter",
            source=source,
            example=EXAMPLES,
        )


RULE_SETS = (
    OperatorSpec(
        name="gopher_quality",
        target="dataflow_text.quality.gopher:GopherQuality",
        summary="Drop texts that break a quality rule of Gopher, with every reason",
        function="filter",
        source=GOPHER,
    ),
    OperatorSpec(
        name="gopher_repetition",
        target="dataflow_text.quality.gopher:GopherRepetition",
        summary="Drop texts that repeat lines, paragraphs or n-grams, after Gopher",
        function="filter",
        source=GOPHER_REPETITION,
    ),
    OperatorSpec(
        name="c4_quality",
        target="dataflow_text.quality.web:C4Quality",
        summary="Drop pages that break a rule of C4, with every reason",
        function="filter",
        source=C4,
    ),
    OperatorSpec(
        name="fineweb_quality",
        target="dataflow_text.quality.web:FinewebQuality",
        summary="Drop pages that break a rule of FineWeb, with every reason",
        function="filter",
        source=FINEWEB,
    ),
)

OPERATORS = (*_specs(), *RULE_SETS)
