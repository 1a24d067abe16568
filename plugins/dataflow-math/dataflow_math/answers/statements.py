"""Sentences that state an answer, in several languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataflow_math.answers.bare import short_answer
from dataflow_math.answers.numbers import numbers_in, without_traces

MINERVA = re.compile(
    r"(?i:final answer is|final answer:)\s*:?\s*((?:(?!(?i:final answer)).){1,400}?)\.?\s*"
    r"I hope (?:it|this) is correct",
    re.DOTALL,
)
_MARKER = re.compile(
    r"""
    (?:\b(?:final[ ]+|correct[ ]+|right[ ]+)?answer\*{0,2}(?:[ ]+(?:to|for)[ ][^.\n:]{1,80}?)?
        [ \t]{0,4}
        (?:\*{0,2}[ ]?[:：]\s{0,4}\*{0,2}
          |[ ](?:is|are|should[ ]be|must[ ]be|would[ ]be|equals?|=)\b[ ]?:?)
      | \banswer\*{0,2}[ \t]{0,4}(?=\\\(|\\\[|\$|\n\s{0,4}\S)
      | \b(?:solution|result)[ ](?:is|are)\b[ ]?:?
      | (?:答案|结果)(?:应该)?(?:是|为|等于|选)?\s{0,4}[:：]?
      | (?:^|\n)[ \t]{0,8}答[ ]?[:：]
      | (?:答え|正解|答)(?:は|：|:)
      | (?:정답|답)(?:은|:|：)
      | \br[ée]ponse(?:[ ]finale|[ ]correcte)?(?:[ ]est|[ ]?:)[ ]?:?
      | \bantwort(?:[ ]ist|[ ]lautet|[ ]?:)[ ]?:?
      | \brespuesta(?:[ ]final|[ ]correcta)?(?:[ ]es|[ ]?:)[ ]?:?
      | \bresposta(?:[ ]final|[ ]correta)?(?:[ ]é|[ ]?:)[ ]?:?
      | \brisposta(?:[ ]finale|[ ]corretta)?(?:[ ]è|[ ]?:)[ ]?:?
      | \bответ[ ]?(?:[:：–—-]|равен)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AFTER = re.compile(
    r"\bis[ ](?:the|our|my)[ ](?:final[ ]|correct[ ])?answer\b", re.VERBOSE | re.IGNORECASE
)
_LAST_LINE = re.compile(r"A(?:nswer)?[ ]?[:：]\s*(.+)", re.IGNORECASE)
_HASHES = re.compile(r"^[ \t]*####[ \t]*([^#\n][^\n]*)$", re.MULTILINE)
_NUMBERED = re.compile(r"\d+[.)]\s+[^\W\d_]{2,}")
_END = re.compile(
    r"\n|[.!?](?=\s|$|[\"'”*])|[。！？；]|,?\s+(?:because|since|as it|where)\b"
    r"|,?\s+(?:rather than|instead of)\b|,\s+(?:and )?not\b|I hope\b"
)
_MATHS = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$|\\\(.+?\\\)|\\\[.+?\\\]|\\boxed\{", re.DOTALL)
_JOINED = re.compile(r"\s*(?:,|and|or|,\s*and)\s*(?=\$|\\\(|\\\[)")
_LEAD = re.compile(
    r"^(?:\s|:|：|\*|=|_|\"|\\\"|`|that\b|exactly\b|approximately\b|about\b|therefore\b|simply\b"
    r"|given by\b|equal to\b|definitely\b|just\b|probably\b)+",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"(?:not|unknown|unclear|undetermined|as follows|below|above|the following)\b", re.IGNORECASE
)
_SO = re.compile(r"(?:thus|so|hence|therefore)\b,?\s*", re.IGNORECASE)
_COPULA = re.compile(r"\s*(?:です|である|だ|입니다|이다|예요|이에요)$")
_CLAUSES = re.compile(r"[.!?,:]\s|\n")
_MOST_STATEMENTS = 50
_MOST = 400


def statements(text: str) -> Iterator[str]:
    """Yield what a text states as its answer, the last statement first.

    Example:
        >>> list(statements("The answer is 5. Wait: the final answer is $6$."))
        ['$6$', '5']
    """
    line = text.rstrip().rpartition("\n")[2]
    if found := _LAST_LINE.fullmatch(line.strip()):
        yield found[1]
    markers = [(found.start(), found.end(), "") for found in _MARKER.finditer(text)]
    markers += [(found.start(), 0, "before") for found in _AFTER.finditer(text)]
    for start, end, before in sorted(markers, reverse=True)[:_MOST_STATEMENTS]:
        statement = _stated_before(text, start) if before else _stated_from(text, end)
        if statement and not _UNKNOWN.match(statement):
            yield statement


def read_statement(statement: str) -> str | None:
    r"""Return the answer in a statement: itself, or the one number of a sentence.

    Example:
        >>> read_statement(r"\frac{1}{2}"), read_statement("Jane began to grow them, 3 hours ago")
        ('\\frac{1}{2}', '3')
    """
    statement = _COPULA.sub("", without_traces(statement).strip().strip("*").strip())
    if found := re.match(r"\\boxed\{(.*)\}\W*$", statement):
        statement = found[1]
    if not statement:
        return None
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", statement))
    numbers = numbers_in(statement)
    if len(words) <= 3 or not numbers:
        return short_answer(statement)
    if len(set(numbers)) == 1:
        return numbers[0]
    _, mark, value = statement.rpartition("=")
    after = numbers_in(value) if mark else []
    if after:
        return after[0]
    return numbers[0] if statement.lstrip("$€£").startswith(numbers[0]) else short_answer(statement)


def hashes(text: str) -> str | None:
    r"""Return what stands after the last ``####`` that is no heading.

    Example:
        >>> hashes("3*4=<<3*4=12>>12\n#### 1,200"), hashes("#### Step 1: add")
        ('1,200', None)
    """
    for found in reversed(_HASHES.findall(text)):
        content = found.strip()
        words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", content))
        starts = re.match(r"[-+(\[{\\$€£¥]*\d|\\|\$", content) and not _NUMBERED.match(content)
        if starts or not words:
            return content
    return None


def _stated_before(text: str, end: int) -> str:
    """Return the answer in the clause before a place: its formula, or all of it."""
    clause = _CLAUSES.split(text[max(0, end - 200) : end].rstrip())[-1]
    formulas = _MATHS.findall(clause)
    return formulas[-1] if formulas else _SO.sub("", clause.strip())


def _stated_from(text: str, start: int) -> str:
    """Return the statement that begins at a place: formulas, or what there is of the sentence."""
    rest = text[start : start + 4 * _MOST]
    rest = _LEAD.sub("", rest)
    if found := _MATHS.match(rest):
        if found[0].startswith("\\boxed"):
            return rest[:_MOST].split("\n")[0]
        end = found.end()
        while (joint := _JOINED.match(rest, end)) and (more := _MATHS.match(rest, joint.end())):
            end = more.end()
        unit = re.match(r"\s*(?:\\?%|percent\b)", rest[end:])
        return rest[: end + (unit.end() if unit else 0)]
    found = _END.search(rest)
    while found and found[0] == "." and re.match(r"\d", rest[found.end() :]):
        found = _END.search(rest, found.end())
    return rest[: found.start() if found else _MOST].strip().rstrip('.,;:"”')
