r"""One way of writing what LaTeX and plain text write in many: spacing, sizes, signs, wrappers.

Nothing here changes what an expression means: ``\dfrac12`` becomes ``\frac{1}{2}``, ``\left(`` a
parenthesis, ``\text{even}`` its words, ``≤`` and ``<=`` become ``\le``, ``12{,}000`` becomes
``12000``. A comma between digits separates thousands only outside all brackets, with three digits
after it and no space: ``1,234`` is a number, ``(1,234)`` a pair, ``1, 234`` two numbers.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from dataflow_math.answers.brackets import closing_brace, enclosed
from dataflow_math.answers.separators import joined_thousands

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_SQUARE_METERS = re.compile(r"(?<=\d)\s?m[²³](?![\w^])")  # a variable has a ^ before its power
_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "×": r"\times ", "÷": r"\div ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∗": "*", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "±": r"\pm ", "∓": r"\mp ", "∞": r"\infty ", "∅": r"\emptyset ",
    "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "°": r"^\circ ", "ℝ": r"\mathbb{R}",
    "∶": ":", "⁄": "/", "′": "'", '\\"': '"', "“": '"', "”": '"', "’": "'", "、": ",",
    "．": ".", "。": ".", "\u00a0": r"\, ", "\u2009": r"\, ", "\u202f": r"\, ",
}  # fmt: skip
_SYMBOL = re.compile("|".join(map(re.escape, _SYMBOLS)))
_NAMES = (
    "left|right|frac|dfrac|tfrac|cfrac|sqrt|text|mathrm|mathbf|boxed|pi|infty|cdot|times|begin|end"
    "|circ|pm|le|leq|ge|geq|ne|neq|cup|cap|in|theta|alpha|beta|sin|cos|tan|log|ln"
)
_ESCAPED_TWICE = re.compile(rf"(?<!\\)\\\\(?=(?:{_NAMES})(?![a-zA-Z]))")
_THOUSANDS_MARK = re.compile(r"(?<=\d)\s*(?:\{\s*,\s*\}|,\s*\\!|\\,)\s*(?=\d{3}(?!\d))")
_LATEX_COMMA = re.compile(r"(?<=\d)\{,\}(?=\d)")  # {,} is no comma between elements
_SPACE = re.compile(r"(?<!\\)\\[,;:!> ]|\\q?quad(?![a-zA-Z])|~|\s+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FORMULA = re.compile(r"(?<![\\\d])\$([^$]*[^$\\\s])\s*\$(?!\d)|\\\((.+?)\\\)")
_PROSE = re.compile(r"(?<!\\)\b[a-zA-Z]{2,}\s")
_SIZE = re.compile(r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr)(?![a-zA-Z])\s*\.?")
_RENAMED = (
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:leq|leqslant)(?![a-zA-Z])|<="), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant)(?![a-zA-Z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])|\\not\s*=|!="), r"\\ne "),
    (re.compile(r"\\lbrace(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\varnothing(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\\(?:displaystyle|textstyle|limits|nolimits|hline)(?![a-zA-Z])"), " "),
    (re.compile(r"\^\s*(?:\\circ(?![a-zA-Z])|\{\s*\\circ\s*\})|\\degrees?(?![a-zA-Z])"), r"°"),
    (re.compile(r"\\\{\s*\\\}"), r"\\emptyset "),
    (re.compile(r"(?<=[0-9A-Fa-f])_\{(\d+)\}"), r"_\1"),
    (re.compile(r"\\colon(?![a-zA-Z])"), ":"),
    (re.compile(r"\\(?:lt)(?![a-zA-Z])"), "<"),
    (re.compile(r"\\(?:gt)(?![a-zA-Z])"), ">"),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"(?:(?<=\d)\s*(?:AM|[Aa]\.[Mm]\b\.?)|(?<=:\d\d)\s*am)(?!\w)"), " am"),
    (re.compile(r"(?:(?<=\d)\s*(?:PM|[Pp]\.[Mm]\b\.?)|(?<=:\d\d)\s*pm)(?!\w)"), " pm"),
    (re.compile(r"\\begin\{array\}\s*\{[^{}]*\}"), r"\\begin{pmatrix}"),
    (re.compile(r"\\end\{array\}"), r"\\end{pmatrix}"),
    (re.compile(r"\\(begin|end)\{[bs]matrix\}"), r"\\\1{pmatrix}"),
)
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:(\d)|\{([^{}]*)\})\s*(?:([\dA-Za-z])|\{([^{}]*)\})")
_SHORT_ROOT = re.compile(r"\\sqrt\s*([\dA-Za-z])")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|rm|bf|operatorname\*?"
    r"|boldsymbol|emph|fbox|boxed)\s*(?=\{)"
)
_PLAIN = (
    (re.compile(r"(?<![\\a-zA-Z])sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"√\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"√\s*(\d+|[a-zA-Z])"), r"\\sqrt{\1}"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<![\\a-zA-Z])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![\\a-zA-Z])(?:infinity|infty|inf)(?![a-zA-Z])"), r"\\infty "),
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]\d?)")
_MOST_CHARACTERS = 10_000
_UPRIGHT = {
    "m": "meter", "s": "second", "g": "gram", "h": "hour", "L": "liter", "N": "newton",
    "J": "joule", "W": "watt", "V": "volt",
}  # fmt: skip
_BEFORE_UNITS = frozenset("0123456789}")
_ENDS = re.compile(r"^[\s\"`]+|[\s\"`,;]+$")
_WORD = r"[^\W\u3040-\u9fff]"
_IDLE_SPACE = re.compile(rf"(?<!{_WORD}) | (?!{_WORD})")
_END_OF_COMMAND = re.compile(r"(\\[a-zA-Z]+) (?=\d)")
_LETTER_IN_BRACKETS = re.compile(r"\(\s*([A-Za-z])\s*\)|([A-J])[).:]")


@functools.lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    r"""Return an answer in one way of writing, with single spaces.

    Example:
        >>> canonical(r"$\left(\dfrac12,\, \text{ even }\right)$.")
        '(\\frac{1}{2}, even )'
        >>> canonical("12{,}000"), canonical("1,234"), canonical("(1,234)")
        ('12000', '1234', '(1,234)')
    """
    if _PLAIN_NUMBER.fullmatch(text):
        return text
    if len(text) > _MOST_CHARACTERS:  # no answer, but no harm either
        return " ".join(text.split())
    text = _VULGAR.sub(_vulgar_fraction, text)
    text = _SQUARE_METERS.sub(lambda found: " meter" + found[0][-1], text)
    text = _RAISED.sub(lambda found: "^{" + found[0].translate(_SUPERSCRIPTS) + "}", text)
    text = _SYMBOL.sub(lambda found: _SYMBOLS[found[0]], text)
    text = unicodedata.normalize("NFKC", text)
    text = _ESCAPED_TWICE.sub(r"\\", text)
    text = _LATEX_COMMA.sub(".", _THOUSANDS_MARK.sub("", text))
    text = joined_thousands(text)
    text = _SPACE.sub(" ", _SIZE.sub("", text))
    text = _FORMULA.sub(_formula, _without_wrappers(text))
    for pattern, replacement in _RENAMED:
        text = pattern.sub(replacement, text)
    text = _without_text(text)
    text = _SHORT_FRACTION.sub(_long_fraction, text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    text = _without_wrappers(text)
    text = _ungrouped(text)
    return re.sub(r"\s+", " ", text).strip()


def key(text: str) -> str:
    r"""Return what two canonical answers share that are the same but for spaces.

    A space between digits or letters stays: ``1 1/2`` is not ``11/2``, nor "now here" "nowhere".
    Chinese and Japanese are written without spaces, and digits end a command.

    Example:
        >>> key(r"x \le 2 + y"), key("1 1/2"), key("(1, 2 )")
        ('x\\le2+y', '1 1/2', '(1,2)')
    """
    return _IDLE_SPACE.sub("", _END_OF_COMMAND.sub(r"\1", text)) if " " in text else text


def _without_wrappers(text: str) -> str:
    r"""Remove what stands around an answer: ``$…$``, ``\(…\)``, ``**…**``, quotes, a full stop."""
    while True:
        before, text = text, _ENDS.sub("", text)
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1]
        for start, end in (
            ("$$", "$$"),
            ("$", "$"),
            (r"\(", r"\)"),
            (r"\[", r"\]"),
            ("**", "**"),
            ("'", "'"),
        ):
            inner = text[len(start) : -len(end)]
            if (
                text.startswith(start)
                and text.endswith(end)
                and inner.strip()
                and start not in inner
                and end not in inner
            ):
                text = inner
        found = _LETTER_IN_BRACKETS.fullmatch(text)
        if found:
            text = found[1] or found[2]
        if text == before:
            return text


def _without_text(text: str) -> str:
    r"""Replace ``\text{…}`` and the like by what they hold."""
    while found := _TEXT.search(text):
        opening = text.index("{", found.end())
        closing = closing_brace(text, opening)
        if closing is None:
            return text[: found.start()] + " " + text[opening + 1 :]
        inside = text[opening + 1 : closing]
        if text[: found.start()].rstrip()[-1:] in _BEFORE_UNITS:
            inside = _UPRIGHT.get(inside.strip(), inside)
        text = f"{text[: found.start()]} {inside} {text[closing + 1 :]}"
    return text


def _formula(found: re.Match[str]) -> str:
    """Return what a formula within an answer holds; ``$`` around prose is about money."""
    return found[0] if found[1] and _PROSE.search(found[1]) else found[1] or found[2]


def _vulgar_fraction(found: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", found[0]).partition("⁄")
    return f"\\frac{{{top}}}{{{bottom}}}"


def _long_fraction(found: re.Match[str]) -> str:
    top, bottom = found[1] or found[2] or "", found[3] or found[4] or ""
    return f"\\frac{{{top.strip()}}}{{{bottom.strip()}}}"


def _ungrouped(text: str) -> str:
    """Remove the commas of thousands outside all brackets, and braces around the whole."""
    while (inside := enclosed(text)) and inside[0] == "{" and "," not in inside[1]:
        text = inside[1].strip()
    if "," not in text:
        return text
    depth_of = _depths(text)
    return _THOUSANDS.sub(
        lambda found: found[0] if depth_of[found.start()] else found[0].replace(",", ""), text
    )


def _depths(text: str) -> list[int]:
    depth, depths = 0, []
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        depths.append(depth)
    return depths
