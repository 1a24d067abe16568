"""Rules on words: how many, how long, how many kinds, and which.

A word is a run of characters between white space of any kind that Unicode knows. In Chinese,
Japanese, Thai, Lao, Khmer and Burmese, which write no spaces, each letter counts as a word, and
punctuation and marks beside it as none.
"""

from __future__ import annotations

import numpy as np

from dataflow_text.analysis.characters import LETTER, LOWER, UNSPACED, UPPER
from dataflow_text.analysis.spans import Integers, Numbers, ratio
from dataflow_text.analysis.texts import Texts
from dataflow_text.quality.rule import rule
from dataflow_text.sources import C4, DATAFLOW, GOPHER, REDPAJAMA

GOPHER_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


@rule(
    GOPHER,
    min_value=50,
    max_value=100_000,
    examples={"One  two\nthree": 3, "你好，世界": 4, "word " * 50: 50},
)
def word_count(texts: Texts) -> Integers:
    """The number of words.

    A letter of a script without spaces counts as a word. An empty text has 0.
    """
    return texts.words.count


@rule(GOPHER, min_value=3, max_value=10, examples={"A good length": 3.67, "a b c": 1.0})
def mean_word_length(texts: Texts) -> Numbers:
    """The mean number of characters of a word.

    Punctuation attached to a word counts. Does not apply to texts whose words are letters of
    scripts without spaces, nor to empty ones.
    """
    words = texts.spaced_words
    return np.round(ratio(words.sums(words.lengths), words.count), 2)


@rule(GOPHER, min_value=0.8, examples={"All words and 1": 0.75, "only words": 1.0})
def alphabetic_word_share(texts: Texts) -> Numbers:
    """The share of words that have a letter of any alphabet, 0 to 1.

    A letter of a script without spaces counts. Does not apply to texts without words.
    """
    words = texts.words
    found = texts.flags[words.begins] & LETTER != 0
    others = np.flatnonzero(~found)  # few: most words begin with a letter
    if len(others):
        flags, starts = words.at(others).characters(texts.flags)
        found[others] = np.bitwise_or.reduceat(flags, starts) & LETTER != 0
    return words.share(found)


@rule(REDPAJAMA, min_value=0.12, examples={"the end of it": 0.5, "no such words": 0.0})
def stop_word_share(texts: Texts, *, stop_words: tuple[str, ...] = GOPHER_STOP_WORDS) -> Numbers:
    """The share of words that are stop words, case and attached punctuation aside, 0 to 1.

    Lists, menus and spam have few. The default words are the eight of English that Gopher counts;
    give those of other languages. Does not apply to texts whose words are letters of scripts
    without spaces, nor to texts without words. The bound was chosen on one half of 180 pages that
    people had judged.

    Args:
        texts: The texts.
        stop_words: The words to count.
    """
    words = np.where(texts.spaced_words.count > 0, texts.words.count, 0)
    return ratio(texts.words.sums(texts.phrases(stop_words)), words)


@rule(GOPHER, max_value=0.1, examples={"# one two ... three": 0.4, "#### no symbols": 1.33})
def symbol_word_ratio(texts: Texts) -> Numbers:
    """The number of hash marks and ellipses for each word, from 0 on.

    An ellipsis is one character (…) or three or more full stops. In scripts without spaces letters
    are the words. Does not apply to texts without words.
    """
    symbols = texts.count(texts.where("#")) + texts.count(texts.ellipses)
    return np.round(ratio(symbols, texts.words.count), 2)


@rule(REDPAJAMA, max_value=0.2, examples={"NASA and I AGREE": 0.5, "I see a B": 0.0})
def capital_word_share(texts: Texts) -> Numbers:
    """The share of words of two letters or more that are all in upper case, 0 to 1.

    Does not apply to texts without words. Scripts without case have none.
    """
    words, flags = texts.words, texts.flags
    upper = (flags[words.begins] | flags[words.begins + 1]) & LOWER == 0
    candidates = np.flatnonzero(upper)  # few
    if len(candidates):
        flags, starts = words.at(candidates).characters(flags)
        letters = np.add.reduceat(flags & LETTER == UPPER, starts, dtype=np.int64)
        others = np.bitwise_or.reduceat(flags, starts) & LOWER
        upper[candidates] = (letters > 1) & (others == 0)
    return words.share(upper)


@rule(REDPAJAMA, min_value=0.1, examples={"the same The same.": 0.5, "all of them differ": 1.0})
def unique_word_share(texts: Texts) -> Numbers:
    """The share of words that are different, case and attached punctuation aside, 0 to 1.

    Long texts repeat more words than short ones. Words of punctuation alone do not count, nor do
    letters of scripts without spaces, of which every long text repeats most. Does not apply to
    texts without other words.
    """
    keys = texts.word_keys
    if texts.spaced_words is texts.words:
        return ratio(keys.distinct, keys.counted)
    counted = (keys.keys != 0) & (texts.flags[texts.words.begins] & UNSPACED == 0)
    return ratio(texts.words.sums(counted & ~keys.repeats), texts.words.sums(counted))


@rule(
    C4,
    max_value=0.01,
    examples={"Lorem ipsum dolor sit amet": 0.2, "a text of its own": 0.0},
)
def lorem_ipsum_share(texts: Texts) -> Numbers:
    """The number of times that "lorem ipsum" occurs for each word.

    One mention in a long text is no reason to drop it. In scripts without spaces letters are the
    words. Does not apply to texts without words.
    """
    return ratio(texts.words.sums(texts.phrases(["lorem ipsum"])), texts.words.count)


@rule(
    DATAFLOW,
    max_value=0.02,
    examples={"Copyright 2020": 0.5, "the copyrighted text": 0.0},
)
def watermark_share(
    texts: Texts, *, watermarks: tuple[str, ...] = ("copyright", "watermark", "confidential")
) -> Numbers:
    """The number of watermark terms for each word, from 0 on.

    Terms are matched word by word, case aside; in scripts without spaces, letter by letter. One
    mention in a long text is no reason to drop it. Does not apply to texts without words.

    Args:
        texts: The texts.
        watermarks: The terms, of one word or several.
    """
    return ratio(texts.words.sums(texts.phrases(watermarks)), texts.words.count)


@rule(
    DATAFLOW,
    max_value=0.01,
    examples={"Your ID card, please": 0.25, "I did not, and an id no longer helps": 0.0},
)
def identity_document_share(
    texts: Texts,
    *,
    terms: tuple[str, ...] = (
        "id number", "id card", "identity card", "identity number",
        "identification number", "identification card", "nric number", "ic number",
        "resident registration", "passport number", "social security number",
        "身份证", "身份證", "身分证", "身分證",
    ),
) -> Numbers:  # fmt: skip
    """The number of mentions of identity documents for each word, from 0 on.

    Forms and leaked records have many; one in a long text is no reason to drop it. Terms are
    matched word by word, case and punctuation aside ("I.D. number" included); in scripts without
    spaces, letter by letter. Does not apply to texts without words.

    Args:
        texts: The texts.
        terms: The terms, of one word or several.
    """
    spelled = (f"I.D. {term[3:]}" for term in terms if term.startswith("id "))
    return ratio(texts.words.sums(texts.phrases((*terms, *spelled))), texts.words.count)


@rule(DATAFLOW, max_value=112, examples={"one two, three four five. six": 3.0})
def longest_unpunctuated_run(texts: Texts) -> Numbers:
    """The largest number of words in a row without punctuation between them.

    Punctuation is what ends a phrase in any script (full stops, commas, colons, dashes, slashes,
    bars and bullets), and a line end. In scripts without spaces letters are counted, and white
    space between them is punctuation too.
    """
    breaks = texts.phrase_ends
    counts = np.diff(np.searchsorted(texts.words.begins, breaks))
    first = np.searchsorted(breaks, texts.places - 1)
    return np.maximum.reduceat(np.append(counts, 0), first[:-1]).astype(float)


WordCountEvaluator, WordCountFilter = word_count.operators("WordCount")
MeanWordLengthEvaluator, MeanWordLengthFilter = mean_word_length.operators("MeanWordLength")
AlphabeticWordEvaluator, AlphabeticWordFilter = alphabetic_word_share.operators("AlphabeticWord")
StopWordEvaluator, StopWordFilter = stop_word_share.operators("StopWord")
SymbolWordRatioEvaluator, SymbolWordRatioFilter = symbol_word_ratio.operators("SymbolWordRatio")
CapitalWordEvaluator, CapitalWordFilter = capital_word_share.operators("CapitalWord")
UniqueWordEvaluator, UniqueWordFilter = unique_word_share.operators("UniqueWord")
LoremIpsumEvaluator, LoremIpsumFilter = lorem_ipsum_share.operators("LoremIpsum")
WatermarkEvaluator, WatermarkFilter = watermark_share.operators("Watermark")
IdentityDocumentEvaluator, IdentityDocumentFilter = identity_document_share.operators(
    "IdentityDocument"
)
UnpunctuatedRunEvaluator, UnpunctuatedRunFilter = longest_unpunctuated_run.operators(
    "UnpunctuatedRun"
)
