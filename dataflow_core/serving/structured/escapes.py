r"""Backslashes in the strings of an answer: what JSON says, unless LaTeX was plainly meant.

Models write LaTeX into JSON and forget to double the backslash. Some of it is no JSON then (``\(``,
``\alpha``); some is, and would silently become a control character (``\frac`` a form feed and
``rac``). The rule, by what follows the backslash:

- ``"``, ``\``, ``/`` and ``u`` with four hex digits: as JSON says. ``'``: an apostrophe.
- ``b``: a backslash and a b. No answer has a backspace; ``\beta`` and a regular expression's ``\b``
  are common.
- ``f``: a backslash and an f before a lower-case letter (``\frac``), else a form feed.
- ``n``, ``r``, ``t``: a backslash where the letters are the name of a LaTeX command (``\nabla``,
  ``\rho``, ``\times``). A few names read as well as a line break or tab and a word (``\ne``,
  ``\to``, ``\tan``): they count as commands only in a string that has other undoubled backslashes,
  or between dollar signs. Else a line break, carriage return or tab.
- anything else is no JSON: the backslash stays.
- ``\\`` in a string with undoubled backslashes: both stay before a space, a digit, another
  backslash or the end, where it is LaTeX's line break; else it is one backslash, as in JSON.
- In a single-quoted string, ``\xNN`` and ``\UNNNNNNNN`` are Python's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SURE = (
    r"n(?:abla|atural|cong|earrow|eq|eqq|ewcommand|ewline|exists|geq|leq|mid|olimits|onumber|ot"
    r"|otin|parallel|prec|sim|subseteq|succ|supseteq|warrow)"
    r"|r(?:angle|brace|brack|ceil|enewcommand|floor|ho|ight|ightarrow|ightharpoonup"
    r"|ightleftharpoons|m|oot|Vert|vert)"
    r"|t(?:binom|ext(?:[a-z]*)|frac|herefore|heta|hickapprox|ilde|imes|riangle|riangleleft"
    r"|riangleright|riangleq)"
)
_DOUBTFUL = r"n(?:e|eg|i|u)|t(?:ag|an|anh|au|iny|o|op|t)"
_SURE_NAME = re.compile(rf"(?:{_SURE})(?![A-Za-z])")
_DOUBTFUL_NAME = re.compile(rf"(?:{_DOUBTFUL})(?![A-Za-z])")
_SUSPECT = re.compile(  # goes over all that is not suspect, and stops at a backslash that is
    r"(?:[^\\]++|\\"
    rf"(?!b|f[a-z]|u[dD][89a-fA-F]|(?:{_SURE}|{_DOUBTFUL})(?![A-Za-z]))"
    r".)*+\\",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PYTHON_ESCAPE = re.compile(
    r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|.)", re.DOTALL
)
_UNDOUBLED = re.compile(r"u(?![0-9a-fA-F]{4})|[bf][a-z]|[^\"\\/'bfnrtu\n]")
_LINE_BREAK_ENDS = re.compile(r"[\s\d\\]|\Z")
_MATH_SPAN = 200
_PLAIN = {'"': '"', "'": "'", "\\": "\\", "/": "/", "n": "\n", "r": "\r", "t": "\t", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Unescaped:
    """The text that a string of an answer stands for.

    Attributes:
        text: The text.
        repaired: Whether a backslash was not read as JSON would.
        halved: Whether it had half a surrogate pair, for which it has U+FFFD now.
    """

    text: str
    repaired: bool = False
    halved: bool = False


def is_suspect(text: str) -> bool:
    r"""Return whether JSON text has an escape that JSON and this module may read differently.

    Example:
        >>> is_suspect(r'{"a": "\frac12"}'), is_suspect(r'{"a": "\\frac12\n"}')
        (True, False)
    """
    return "\\" in text and _SUSPECT.match(text) is not None


def unescape(raw: str, *, python: bool = False) -> Unescaped:
    r"""Return the text that the inside of a quoted string stands for.

    Args:
        raw: What is between the quotes.
        python: Whether the quotes are single ones, as in Python.

    Example:
        >>> unescape(r"\frac{1}{2}\n\(x\)").text == "\\frac{1}{2}\n\\(x\\)"
        True
    """
    if "\\" not in raw:
        return Unescaped(raw)
    return _Unescaping(raw, _PYTHON_ESCAPE if python else _ESCAPE).done()


class _Unescaping:
    """The replacement of the escapes of one string."""

    def __init__(self, raw: str, escape: re.Pattern[str]) -> None:
        self.raw = raw
        self.escape = escape
        self.undoubled = any(_is_undoubled(found) for found in escape.finditer(raw))
        self.repaired = False

    def done(self) -> Unescaped:
        text = self.escape.sub(self._replaced, self.raw)
        whole, halved = _paired(text)
        return Unescaped(whole, self.repaired, halved)

    def _replaced(self, found: re.Match[str]) -> str:
        name = found[1]
        if len(name) > 1:
            self.repaired |= name[0] != "u"
            return chr(int(name[1:], 16))
        if name == "'":
            self.repaired = True
        if name in _PLAIN and not self._is_literal(name, found):
            return _PLAIN[name]
        self.repaired = True
        return found[0] if name != "\\" else "\\\\"

    def _is_literal(self, name: str, found: re.Match[str]) -> bool:
        after = found.end()
        if name == "f":
            return "a" <= self.raw[after : after + 1] <= "z"
        if name == "\\":
            return self.undoubled and _LINE_BREAK_ENDS.match(self.raw, after) is not None
        if name in "nrt":
            return self._is_command(after - 1)
        return False

    def _is_command(self, at: int) -> bool:
        if _SURE_NAME.match(self.raw, at):
            return True
        if not _DOUBTFUL_NAME.match(self.raw, at):
            return False
        return self.undoubled or _in_math(self.raw, at)


def _is_undoubled(found: re.Match[str]) -> bool:
    """Return whether an escape is one that nobody would write who doubles backslashes."""
    if len(found[1]) > 1:
        return False
    return _UNDOUBLED.match(found.string, found.start(1)) is not None


def _in_math(raw: str, at: int) -> bool:
    """Return whether a place is between two dollar signs that are close to each other."""
    if raw.count("$", 0, at) % 2 == 0:
        return False
    opened, closed = raw.rfind("$", 0, at), raw.find("$", at)
    return closed != -1 and closed - opened <= _MATH_SPAN


def _paired(text: str) -> tuple[str, bool]:
    """Return a text with its surrogate pairs joined, and whether there was half a pair."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text, False
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined, joined.count("\ufffd") > text.count("\ufffd")
