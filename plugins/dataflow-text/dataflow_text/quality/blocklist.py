"""The rule on words of a list that the user gives."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa
from pydantic import field_validator, model_validator

from dataflow_core import Operator
from dataflow_core.errors import ConfigurationError
from dataflow_core.storage import Bindings
from dataflow_text.analysis.spans import Integers
from dataflow_text.analysis.texts import Texts
from dataflow_text.analysis.word_lists import word_list
from dataflow_text.quality.rule import Rule, RuleEvaluator, RuleFilter, rule
from dataflow_text.sources import C4


@rule(C4, max_value=0, examples={})
def blocklist_hits(texts: Texts, *, entries: tuple[str, ...]) -> Integers:
    """The number of places of a text at which an entry of a list stands.

    Args:
        texts: The texts.
        entries: The words and phrases.
    """
    return texts.count(word_list(entries).find(texts))


class _WithEntries(Operator):
    words: tuple[str, ...] = ()
    file: Path | None = None

    @field_validator("words")
    @classmethod
    def _not_blank(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for number, word in enumerate(words, 1):
            if not word.strip():
                raise ValueError(f"entry {number} is blank")
        return words

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.words and self.file is None:
            raise ValueError("give words, or a file with one entry a line, or both")
        return self

    @property
    def entries(self) -> tuple[str, ...]:
        """The words and phrases, those of the file included."""
        return (*self.words, *(read_entries(self.file) if self.file is not None else ()))

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the file cannot be read."""
        try:
            _ = self.entries
        except ConfigurationError as error:
            return [str(error)]
        return []


class BlocklistEvaluator(_WithEntries, RuleEvaluator):
    """Measure how often words of a list occur in a text.

    Counted are the places at which an entry begins; where two begin at one place, it counts once.
    Case does not matter. A word is a run of letters, digits and currency signs, so no punctuation
    hides it; inflected forms are entries of their own. An entry of several words is found word by
    word, with any white space, a hyphen or a quotation mark between them, but no comma or other
    mark that ends a phrase. What is not made of words alone is found character by character inside
    running text: entries in scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer,
    Burmese), emoji, and entries with other punctuation, such as ``c++``. The time that it takes
    hardly depends on the number of entries.

    No list comes with this package. C4 used LDNOOBW, the "List of Dirty, Naughty, Obscene, and
    Otherwise Bad Words", which has words of many languages. Such lists also find texts on medicine
    and law, and texts by and about minorities (Dodge et al. 2021): look at what goes.

    Source: C4 (Raffel et al. 2020), section 2.2.

    Attributes:
        words: The entries.
        file: A file of more entries, one a line, in UTF-8; blank lines and lines that begin with
            ``#`` do not count.

    Raises:
        ConfigurationError: The file cannot be read.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Darn! A cheap-shot."}, {"text": "他在赌博网站上"}])
        >>> BlocklistEvaluator(words=("darn", "cheap shot", "赌博")).run(table)
        >>> [row["blocklist_hits"] for row in table.rows()]
        [2, 1]
    """

    rule: ClassVar[Rule] = blocklist_hits


class BlocklistFilter(_WithEntries, RuleFilter):
    """Drop texts in which words of a list occur, or occur too often.

    `BlocklistEvaluator` says what is counted. C4 drops a page with a single one; in long texts, and
    with lists of words that have decent meanings too, allow some. A null text is dropped with
    reason ``no_value``. In scripts without spaces entries are found inside running text. The
    measure stays as a column.

    Source: C4 (Raffel et al. 2020), section 2.2.

    Attributes:
        min_value: The smallest measure kept; None for no bound.
        max_value: The largest measure kept; None for no bound.
        words: The entries.
        file: A file of more entries, one a line, in UTF-8; blank lines and lines that begin with
            ``#`` do not count.

    Raises:
        ConfigurationError: The file cannot be read.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Oh, darn!"}, {"text": "She darned a sock."}])
        >>> BlocklistFilter(words=("darn",)).run(table)
        >>> table.rows()
        [{'text': 'She darned a sock.', 'blocklist_hits': 0}]
    """

    rule: ClassVar[Rule] = blocklist_hits
    evaluator: ClassVar = BlocklistEvaluator

    max_value: float | None = blocklist_hits.max_value


def read_entries(path: Path) -> tuple[str, ...]:
    """Return the entries of a file, one a line.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It is missing, not in UTF-8, or without entries.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the list of words cannot be read: {error.strerror}. Give the path of a file "
            "with one entry a line."
        ) from error


@functools.lru_cache(maxsize=8)
def _read(path: Path, _modified: int) -> tuple[str, ...]:
    """Read a file once for each version of it."""
    entries = tuple(_entries_of(path))
    if not entries:
        raise ConfigurationError(
            f"{path} has no entries: each of its lines is blank or begins with '#'. Write one word "
            "or phrase a line."
        )
    return entries


def _entries_of(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            entry = line.decode().strip()
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"{path}, line {number}: byte {error.start + 1} is not UTF-8. Save the list of "
                "words as UTF-8."
            ) from error
        if entry and not entry.startswith("#"):
            yield entry
