"""Crawls in WARC files as tables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.storage import Reader, ReadersSource, ReadOptions, TableStorage, expand_source
from dataflow_text.warc.endings import ENDINGS
from dataflow_text.warc.reader import WarcReader

RECORD_TYPES = ("response", "resource", "conversion")
MAX_PAYLOAD = 32 << 20
_SCHEME = re.compile("^warc:(//)?", re.IGNORECASE)
_KNOWN_TYPES = (
    "warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion",
    "continuation",
)  # fmt: skip


class WarcSource(ReadersSource):
    """The records of WARC files, one file after the other.

    Args:
        source: A path, a pattern with ``*`` or ``**``, or a folder.
        options: What to read, and what to do with records that cannot be read.
        record_types: The types of records that are rows.
        max_payload: The most bytes of a payload that is read.
    """

    def __init__(
        self, source: str, options: ReadOptions, record_types: tuple[str, ...], max_payload: int
    ) -> None:
        super().__init__(source, options)
        self.record_types = record_types
        self.max_payload = max_payload

    def find_readers(self) -> list[Reader]:
        """Return one reader a file, in order of name."""
        paths = expand_source(self.name, ENDINGS)
        return [
            WarcReader(path, self.options, self.record_types, self.max_payload) for path in paths
        ]

    def is_data(self, path: Path) -> bool:
        """Tell whether a file's ending is that of a WARC file."""
        return path.name.lower().endswith(ENDINGS)

    def project(self, columns: Sequence[str]) -> Self:
        """Return the source of some columns; without those of the text, nothing is decoded."""
        options = dataclasses.replace(self.options, columns=tuple(columns))
        return type(self)(self.name, options, self.record_types, self.max_payload)

    def describe(self) -> str:
        """Return the path, pattern or folder, as ``--input`` takes it."""
        return f"warc:{self.name}"


class WarcStorage(TableStorage):
    """The pages and texts of crawls: a row a record of WARC files (ISO 28500, WARC/1.0 and 1.1).

    Reads plain files and files packed by gzip or zstd; the WET files of Common Crawl are WARC files
    too. A run streams them. Rows are ``response`` records (what a server answered), ``resource``
    (what was fetched otherwise) and ``conversion`` (the texts of WET files). ``request``,
    ``warcinfo``, ``metadata``, ``revisit`` and ``continuation`` are no rows unless asked for.

    Columns, all texts but two:

    - ``url``, ``warc_record_id``, ``warc_type``, ``date``: as the record has them; the date in ISO
      8601, UTC.
    - ``http_status``: a number; null for what is no HTTP answer.
    - ``content_type``: the media type, in lower case, without parameters.
    - ``language``: as the crawler found it (WET files: ISO 639-3, separated by commas).
    - ``html``: the page, for HTML and XHTML; ``text``: the text, for other types of text. At most
      one of them has a value. Transfer codings (chunked) and content codings (gzip, deflate,
      Brotli, zstd) are undone.
    - ``charset``, ``charset_origin``: the encoding, by Python's name, and what told it: ``bom``
      (a byte-order mark), ``header``, ``meta`` (the page itself), ``content`` (the bytes are
      UTF-8) or ``detected`` (by charset-normalizer; a guess).
    - ``replaced_characters``: the number of U+FFFD in place of bytes that mean nothing.
    - ``problem``: why there is no text, or not all: ``truncated`` (part of it is there),
      ``no_payload``, ``not_text`` (a picture, a PDF), ``too_large``, ``bad_coding``,
      ``unknown_charset`` or ``no_http``.

    So no record of the wanted types is left out; what has no text has a problem. The bytes of what
    is not text are not kept.

    Args:
        source: A path, a pattern (``crawl/*.warc.gz``), or a folder; ``warc:`` may stand before it.
        columns: The columns to read; None for all.
        record_types: The types of records that are rows.
        max_payload: The most bytes of a payload that is read, packed and unpacked; a larger one is
            ``too_large``.
        on_bad_row: What to do where a file is damaged or cut short: ``"error"`` stops and says
            where; ``"quarantine"`` keeps the damaged bytes aside (1 MiB of them) and goes on with
            the next record that is found.

    Example:
        >>> storage = WarcStorage("crawl/*.warc.gz")  # doctest: +SKIP
        >>> storage.read(["url", "html"])  # doctest: +SKIP
    """

    source: WarcSource

    def __init__(
        self,
        source: str | Path,
        *,
        columns: Sequence[str] | None = None,
        record_types: Sequence[str] = RECORD_TYPES,
        max_payload: int = MAX_PAYLOAD,
        on_bad_row: Literal["error", "quarantine"] = "error",
    ) -> None:
        super().__init__()
        path = _SCHEME.sub("", str(source))
        if not path:
            raise ConfigurationError(
                "WarcStorage: the source is empty; name a file, pattern or folder."
            )
        _check_types(record_types)
        if max_payload < 1:
            raise ConfigurationError(
                f"WarcStorage: max_payload is {max_payload}; from 1 on wanted."
            )
        wanted = tuple(columns) if columns is not None else None
        options = ReadOptions(columns=wanted, on_bad_row=on_bad_row)
        self.source = WarcSource(path, options, tuple(record_types), max_payload)


def _check_types(record_types: Sequence[str]) -> None:
    if isinstance(record_types, str) or not record_types:
        raise ConfigurationError(
            f"WarcStorage: record_types is {record_types!r}; a list of types wanted, such as "
            '["response"].'
        )
    for kind in record_types:
        if kind not in _KNOWN_TYPES:
            raise ConfigurationError(
                f"WarcStorage: no record type {kind!r}.{did_you_mean(kind, _KNOWN_TYPES)} There "
                f"are: {', '.join(_KNOWN_TYPES)}."
            )
