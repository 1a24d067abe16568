"""Rules on lines and sentences: how they begin, how they end, how many there are.

A line is what stands between two line ends of any kind (line feed, carriage return, both, NEL, the
separators of Unicode), blank ones aside; white space around it does not count.
"""

from __future__ import annotations

import numpy as np

from dataflow_text.analysis.characters import members
from dataflow_text.analysis.sentences import sentence_counts
from dataflow_text.analysis.spans import Integers, Numbers
from dataflow_text.analysis.texts import Texts
from dataflow_text.quality.rule import rule
from dataflow_text.sources import C4, DATAFLOW, GOPHER, REDPAJAMA

_BULLETS = "•‣▶◀◦■□▪▫–-*·●○◆►"


@rule(GOPHER, max_value=0.3, examples={"Read more...\nThe end.": 0.5, "The end.": 0.0})
def ellipsis_line_share(texts: Texts) -> Numbers:
    """The share of lines that end with an ellipsis, 0 to 1.

    That is "…" or three full stops. Independent of language. Does not apply to texts without lines.
    """
    return texts.lines.share(texts.at_end(texts.lines, "…", "..."))


@rule(GOPHER, max_value=0.9, examples={"- one\n• two": 1.0, "a list:\n* one": 0.5})
def bullet_line_share(texts: Texts) -> Numbers:
    """The share of lines that begin with a bullet, 0 to 1.

    Bullets are •, ‣, ▶, ◦, ■, □, ●, ○, -, *, – and the like. A minus before a number counts too.
    Independent of language. Does not apply to texts without lines.
    """
    lines = texts.lines
    return lines.share(members(_BULLETS)[texts.codes[lines.begins]])


@rule(C4, max_value=0.2, examples={"Please enable JavaScript.\nOK": 0.5, "Java and scripts": 0.0})
def javascript_line_share(texts: Texts) -> Numbers:
    """The share of lines that speak of JavaScript, 0 to 1.

    C4 drops such lines; a text that consists of them has nothing else to say. Independent of
    language. Does not apply to texts without lines.
    """
    return texts.lines.share(texts.lines_with(texts.find("javascript")))


@rule(
    DATAFLOW,
    max_value=0,
    examples={"The parts: ": 1, "价格：": 1, "Done.": 0},
)
def ends_with_colon(texts: Texts) -> Integers:
    """Whether the text ends with a colon (1) or not (0), white space aside.

    Such a text announces something that it does not hold. The colons of all scripts count.
    """
    lines = texts.lines
    last = np.zeros(len(lines.begins), dtype=bool)
    last[lines.places[1:][lines.count > 0] - 1] = True
    return lines.sums(last & texts.at_end(lines, ":", "：", "︓", "﹕"))


@rule(
    REDPAJAMA,
    min_value=3,
    max_value=7_500,
    examples={"Pi is 3.14, e.g. here. Is it? Yes!": 3, "你好。再见！": 2},
)
def sentence_count(texts: Texts) -> Integers:
    """The number of sentences.

    A sentence ends with a mark (. ! ? … and those of other scripts) before white space, or with its
    line; in Thai and Lao, which have no such mark, with white space between letters. Decimals,
    initials, common abbreviations of English, and a full stop before a small letter end none. A
    line without words is no sentence.
    """
    return sentence_counts(texts)


EllipsisLineEvaluator, EllipsisLineFilter = ellipsis_line_share.operators("EllipsisLine")
BulletLineEvaluator, BulletLineFilter = bullet_line_share.operators("BulletLine")
JavascriptLineEvaluator, JavascriptLineFilter = javascript_line_share.operators("JavascriptLine")
ColonEndEvaluator, ColonEndFilter = ends_with_colon.operators("ColonEnd")
SentenceCountEvaluator, SentenceCountFilter = sentence_count.operators("SentenceCount")
