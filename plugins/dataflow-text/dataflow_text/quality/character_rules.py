"""Rules on characters: how many, and which have no place in prose."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from dataflow_text.analysis.characters import SPECIAL
from dataflow_text.analysis.spans import Integers, Numbers, ratio
from dataflow_text.analysis.texts import Texts
from dataflow_text.quality.rule import rule
from dataflow_text.sources import C4, DATAFLOW

_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"


@rule(DATAFLOW, min_value=1, examples={" \n": 0, "x": 1})
def has_content(texts: Texts) -> Integers:
    """Whether there is anything but white space (1) or not (0).

    White space of all kinds that Unicode knows. Independent of language.
    """
    return (texts.tokens.count > 0).astype(np.int64)


@rule(DATAFLOW, min_value=100, examples={"one two\n": 6, "x" * 100: 100})
def character_count(texts: Texts) -> Integers:
    """The number of characters (code points), white space aside.

    Independent of language; where a letter is a word, a text says more in fewer.
    """
    return texts.tokens.sums(texts.tokens.lengths)


@rule(C4, max_value=0.025, examples={"{ab}": 0.5, "plain": 0.0})
def curly_bracket_share(texts: Texts) -> Numbers:
    """The share of curly brackets among the characters, 0 to 1.

    C4 drops every page with a curly bracket, most likely code; as a share, it spares long texts
    that quote one. Independent of language; an empty text has 0.
    """
    return texts.count(texts.where("{}")) / np.maximum(texts.characters, 1)


@rule(DATAFLOW, max_value=0.01, examples={"AT&amp;T &#38; you": 0.67, "?a=1&lt=2": 0.0})
def html_entity_share(texts: Texts) -> Numbers:
    """The number of HTML entities for each word, from 0 on.

    Named and numeric ones that end with a semicolon: an ampersand in a URL is none. In scripts
    without spaces letters are the words. Does not apply to texts without words.
    """
    candidates = texts.count(texts.where("&")) > 0
    entities = np.zeros(len(texts), dtype=np.int64)
    if candidates.any():
        found = pc.count_substring_regex(texts.texts.filter(candidates), _ENTITY)
        entities[candidates] = np.asarray(pc.fill_null(found, 0))
    return np.round(ratio(entities, texts.words.count), 2)


@rule(DATAFLOW, max_value=0.01, examples={"a\u200e🙂\ufffd": 0.75, "plain – text": 0.0})
def special_character_share(texts: Texts) -> Numbers:
    """The share of characters that have no place in prose, 0 to 1.

    Direction marks and other invisible format characters (not the joiners that Persian and Indic
    scripts need), the replacement character, empty boxes, private use, emoji and dingbats. An empty
    text has 0.
    """
    return texts.count(texts.has(SPECIAL)) / np.maximum(texts.characters, 1)


ContentEvaluator, ContentFilter = has_content.operators("Content")
CharacterCountEvaluator, CharacterCountFilter = character_count.operators("CharacterCount")
CurlyBracketEvaluator, CurlyBracketFilter = curly_bracket_share.operators("CurlyBracket")
HtmlEntityEvaluator, HtmlEntityFilter = html_entity_share.operators("HtmlEntity")
SpecialCharacterEvaluator, SpecialCharacterFilter = special_character_share.operators(
    "SpecialCharacter"
)
