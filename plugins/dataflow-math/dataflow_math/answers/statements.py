"""Sentences that state an answer, in several languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataflow_math.answers.bare import short_answer
from dataflow_math.answers.multipliers import factor_of
from dataflow_math.answers.numbers import first_value, last_value, numbers_in, without_traces
from dataflow_math.answers.separators import with_points
from dataflow_math.answers.units import unit_of
from dataflow_math.answers.wording import alters, is_taken_back

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
      | \b(?:correct|right|best)[ ](?:options?|choices?)[ ](?:is|are)\b[ ]?:?
      | \b(?:solution|result)[ ](?:is|are)\b[ ]?:?
      | (?:答案|结果)(?:应该)?(?:是|为|等于|选)?\s{0,4}[:：]?
      | (?:^|\n)[ \t]{0,8}答[ ]?[:：]
      | (?:答え|正解|答)(?:は|：|:)
      | (?:정답|답)(?:은|:|：)
      | คำตอบ(?:สุดท้าย)?[ ]?(?:คือ|:)
      | (?P<comma>\b(?:r[ée]ponse|r[ée]sultat)(?:[ ]finale?|[ ]correcte)?(?:[ ]est|[ ]?:)[ ]?:?
        | \b(?:ответ|результат)[ ]?(?:[:：–—-]|равен))
      | (?P<points>\b(?:antwort|lösung|ergebnis)(?:[ ]ist|[ ]lautet|[ ]?:)[ ]?:?
        | \b(?:respuesta|resultado)(?:[ ]final|[ ]correcta)?(?:[ ]es|[ ]?:)[ ]?:?
        | \b(?:resposta|resultado)(?:[ ]final|[ ]correta)?(?:[ ]é|[ ]?:)[ ]?:?
        | \b(?:risposta|risultato)(?:[ ]finale|[ ]corretta)?(?:[ ]è|[ ]?:)[ ]?:?)
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
    r"\n|[.!?](?=\s|$|[\"'”*])|[。！？；]|,?\s+(?:because|since|as it|where|which)\b"
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
_NOT = r"(?:not|nicht|pas|no|não|non|не|不是|并非)"
_BUT = re.compile(
    rf"{_NOT}\s*[^.\n]{{1,60}}?[,，]?\s*(?:\b(?:but(?:[ ]rather)?|sondern|mais|sino|mas(?:[ ]sim)?"
    r"|ma|bensì|а)\b|而是)\s*",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    rf"^{_NOT}(?:\s*(?=[\d$\\(（+-])|\s+(?=[A-J]\b))|(?:では|じゃ)(?:ない|ありません)$|[가이은]\s?아니[가-힣]*$",
    re.IGNORECASE,
)
_GLOSS = re.compile(r"([^()]*\d[^()]*?)\s?[(（]((?:not\s\S{1,20})|[^\W\d_][^()（）\d+*/^=]*)[)）]")
_UNSPACED = re.compile(r"[\u3040-\u9fff]+\d[^=<>≤≥]*$")  # words that no space sets off
_LISTED = re.compile(r"\d\S*\s?(?:,|;|and|or|&)\s(?:\\?\$)?\d|[^\W\d_]\s(?:and|or)\s(?:\\?\$)?\d")
_LONGEST_UNIT = 40
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
    markers = [*_MARKER.finditer(text), *_AFTER.finditer(text)]
    markers.sort(key=lambda found: found.start(), reverse=True)
    for found in markers[:_MOST_STATEMENTS]:
        if found.re is _AFTER:
            statement = _stated_before(text, found.start())
        else:
            statement = _pointed(_stated_from(text, found.end()), found)
        if statement and not _is_void(statement, text[found.end() : found.end() + _MOST]):
            yield statement


def read_statement(statement: str) -> str | None:
    r"""Return the answer in a statement: itself, or the one number of a sentence.

    Example:
        >>> read_statement(r"\frac{1}{2}"), read_statement("Jane began to grow them, 3 hours ago")
        ('\\frac{1}{2}', '3')
    """
    statement = _COPULA.sub("", without_traces(statement).strip().strip("*").strip())
    statement = _without_gloss(statement)
    if found := re.match(r"\\boxed\{(.*)\}\W*$", statement):
        statement = found[1]
    if not statement:
        return None
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", statement))
    numbers = numbers_in(statement)
    if _UNSPACED.match(statement):
        return last_value(statement) or short_answer(statement)
    if len(words) <= 3 or not numbers:
        return short_answer(statement)
    if len(set(numbers)) == 1:
        return last_value(statement) or short_answer(statement)
    _, mark, value = statement.rpartition("=")
    if mark and numbers_in(value):
        return first_value(value)
    starts = statement.lstrip("$€£").startswith(numbers[0]) and not _LISTED.search(statement)
    return (first_value(statement) if starts else None) or short_answer(statement)


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
    rest = rest[but.end() :] if (but := _BUT.match(rest)) else rest
    if found := _MATHS.match(rest):
        if found[0].startswith("\\boxed"):
            return rest[:_MOST].split("\n")[0]
        end = found.end()
        while (joint := _JOINED.match(rest, end)) and (more := _MATHS.match(rest, joint.end())):
            end = more.end()
        return rest[: end + _end_of_unit(rest[end:])]
    found = _END.search(rest)
    while found and found[0] == "." and re.match(r"\d", rest[found.end() :]):
        found = _END.search(rest, found.end())
    return _unmarked(rest[: found.start() if found else _MOST])


def _end_of_unit(after: str) -> int:
    """Return how much of what stands after a formula belongs to it: units, and what alters it."""
    if unit := re.match(r"\s*(?:\\?%|percent\b)", after):
        return unit.end()
    end = _END.search(after)
    words = after[: end.start() if end else _MOST].rstrip(" .,;:")
    if alters("", words) or factor_of(words.strip())[0] != 1:
        return len(words)
    return len(words) if len(words) < _LONGEST_UNIT and unit_of(words.strip()) else 0


def _unmarked(statement: str) -> str:
    """Return a statement without what is left of the markup around it."""
    statement = statement.strip().rstrip('.,;:"”*_').lstrip("}").strip()
    while statement.endswith("}") and statement.count("}") > statement.count("{"):
        statement = statement[:-1].rstrip()
    return statement


def _is_void(statement: str, after: str) -> bool:
    """Tell whether a statement says that there is no answer, or is negated or taken back."""
    return bool(_UNKNOWN.match(statement) or _NEGATED.search(statement) or is_taken_back(after))


def _pointed(statement: str, marker: re.Match[str]) -> str:
    """Return a statement with decimal points, if its language has commas for them."""
    if marker["comma"] or marker["points"]:
        return with_points(statement, points_separate=bool(marker["points"]))
    return statement


def _without_gloss(statement: str) -> str:
    """Return a value without the words in brackets that explain it: ``6 (six)``."""
    found = _GLOSS.fullmatch(statement)
    if found is None or alters("", found[2]) or factor_of(found[2])[0] != 1:
        return statement
    return f"{found[1]} {found[2]}" if unit_of(found[2]) else found[1]
