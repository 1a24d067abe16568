"""Lines that a page shows to visitors and that say nothing of its subject."""

from __future__ import annotations

import re
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from dataflow_text.refine.boilerplate import RULES, LineRule
from dataflow_text.refine.each_text import BREAKS, EachTextRefiner

_LINE = re.compile(rf"[^{BREAKS}]*+(?:\r\n|[{BREAKS}])|[^{BREAKS}]++")
# Line breaks at which RE2 begins and ends no line.
_ODD_BREAK = r"\r(?:[^\n]|\z)|[\x{85}\x{2028}\x{2029}]"


class RemoveBoilerplateLines(EachTextRefiner):
    r"""Remove lines that say nothing of a page's subject: cookie banners, notices, navigation.

    A line goes whole, with its line break (LF, CR LF, CR, NEL, U+2028 or U+2029), when a rule or a
    pattern is found in it and it is short enough; paragraphs stay. Rules, all regardless of case:

    - ``cookies`` ("this site uses cookies"), ``copyright`` ("all rights reserved", "© 2024"),
      ``legal`` ("our privacy policy", "Privacy Policy | Terms of Use"), ``javascript_notice``
      ("please enable JavaScript"): phrases with which a site speaks of itself, in English and some
      in translation; sentences about cookies, policies and JavaScript stay;
    - ``navigation``: lines that are nothing but "Read more", "Back to top", "Menu" and the like, or
      four and more parts of a few words, without digits, between ``»`` and ``›``, or between ``|``,
      ``·`` and ``•`` if one is a part of most sites ("Home", "Contact", some in translation);
    - ``c4_javascript`` (any line with "javascript"), ``c4_policy`` (six phrases) and
      ``c4_citation_marks`` (lines of ``[1]``, ``[edit]`` alone) as for C4, better for prose than
      for pages about programming, so not among the defaults.

    Source: C4 (Raffel et al. 2020), section 2.2, for the rules named after it, and for two measures
    of lines that are off by default: ``terminal_punctuation`` and ``min_words`` (there 5, in its
    code; words are what white space parts, so leave it at 0 for languages without spaces).

    Null stays null; a text of boilerplate alone becomes empty.

    Attributes:
        rules: Which rules count.
        patterns: More phrases, as plain strings, found anywhere in a line regardless of case.
        max_length: Lines with more characters stay, whatever they say.
        terminal_punctuation: Whether lines go that do not end in ``.``, ``!``, ``?``, ``…``, a
            closing quotation mark, or full-width punctuation.
        min_words: Lines with fewer words go.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> text = "Home | News | Shop | Help\nBees dance.\nWe use cookies.\n© 2024 Bees Inc."
        >>> table = MemoryStorage([{"text": text}])
        >>> RemoveBoilerplateLines().run(table)
        >>> table.rows()
        [{'text': 'Bees dance.\n'}]
    """

    rules: tuple[LineRule, ...] = (
        "cookies",
        "copyright",
        "javascript_notice",
        "legal",
        "navigation",
    )
    patterns: tuple[str, ...] = ()
    max_length: int = Field(default=200, ge=1)
    terminal_punctuation: bool = False
    min_words: int = Field(default=0, ge=0)

    @field_validator("patterns")
    @classmethod
    def _say_something(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if not all(pattern.strip() for pattern in patterns):
            raise ValueError("an empty pattern would remove every line")
        return patterns

    def needed_for(self, texts: pa.Array) -> pa.Array:
        """Tell which texts have such a line, or may have one."""
        if self.terminal_punctuation or self.min_words:
            return texts.is_valid()
        return pc.match_substring_regex(texts, f"(?im){self._expression()}|{_ODD_BREAK}")

    def clean(self, text: str) -> str:
        """Return one text without boilerplate."""
        return "".join(line for line in _LINE.findall(text) if not self._is_boilerplate(line))

    def _is_boilerplate(self, line: str) -> bool:
        bare = line.strip()
        if not bare or len(bare) > self.max_length:
            return False
        if self.terminal_punctuation and not bare.endswith(_TERMINAL):
            return True
        if len(bare.split(None, self.min_words)) < self.min_words:
            return True
        return _compiled(self._expression()).search(line) is not None

    def _expression(self) -> str:
        escaped = [re.escape(pattern) for pattern in self.patterns]
        return "|".join([*(RULES[rule] for rule in self.rules), *escaped]) or r"[^\s\S]"


_TERMINAL = (
    ".",
    "!",
    "?",
    "…",
    '"',
    "”",
    "’",
    "»",
    "。",
    "！",
    "？",
    "」",
    "』",
    "．",
    "।",
    "؟",
    "۔",
)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)


class RemoveRepeatedLines(EachTextRefiner):
    r"""Remove lines that occurred before in the same text.

    Lines are equal if they are but for white space at their ends. The first of each stays, and so
    do blank lines, short lines (``}``, ``---``), and the order. Null stays null. Independent of
    language.

    Source: DataFlow text operators.

    Attributes:
        min_length: Lines with fewer characters stay however often they occur.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Our newsletter\nBees dance.\nOur newsletter\n"}])
        >>> RemoveRepeatedLines().run(table)
        >>> table.rows()
        [{'text': 'Our newsletter\nBees dance.\n'}]
    """

    min_length: int = Field(default=10, ge=1)

    def needed_for(self, texts: pa.Array) -> pa.Array:
        """Tell which texts have two lines."""
        return pc.match_substring_regex(texts, rf"[^\n]\n+[^\n]|{_ODD_BREAK}")

    def clean(self, text: str) -> str:
        """Return one text without repeated lines."""
        lines = _LINE.findall(text)
        seen: set[str] = set()
        return "".join(line for line in lines if not self._is_repeated(line.strip(), seen))

    def _is_repeated(self, line: str, seen: set[str]) -> bool:
        if len(line) < self.min_length:
            return False
        if line in seen:
            return True
        seen.add(line)
        return False
