"""The main text of a web page, without what stands around it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import pyarrow as pa

from dataflow_core import Generator, Storage
from dataflow_core.operators import RowFailure, TextColumn
from dataflow_core.storage import Bindings
from dataflow_text.libraries import import_library, missing_library
from dataflow_text.texts import texts_of

_LIBRARY = ("trafilatura", "'dataflow-text[html]'")

_Found: TypeAlias = "dict[str, str | None]"
_PAGE = re.compile(r"<(?:!doctype|html|head|body|frameset)\b", re.IGNORECASE)


class HtmlExtract(Generator):
    r"""Extract the main text of HTML pages, without navigation, advertisements and footers.

    Headings, paragraphs, lists and tables stay, a line each; what a page repeats on every page of
    its site goes. A page in which no text of its own is found has a null text, as has a null page.
    Pages are HTML as text; decode bytes first. A fragment, such as ``<p>One.</p>``, is taken as the
    body of a page. Made for articles, posts and documentation in any
    language; pages that are mostly links have little main text.

    What a page says of itself comes in columns of its own where they are asked for: title, author,
    date, language; null where it says nothing. A page on which the extraction fails goes to
    quarantine with reason ``extraction_failed``.

    Needs the library trafilatura: ``pip install 'dataflow-text[html]'``.

    Attributes:
        favor: ``"precision"`` leaves out what is doubtful, ``"recall"`` takes it in.
        comments: Whether readers' comments are taken in.
        tables: Whether tables are; a short page may be taken whole all the same.

    Source: trafilatura (Barbaresi 2021).

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> page = "<html><body><nav><a href='/'>Home</a></nav><article><h1>Rivers</h1>"
        >>> page += "<p>A river flows from its source to the sea.</p></article></body></html>"
        >>> table = MemoryStorage([{"html": page}])
        >>> HtmlExtract().run(table)  # doctest: +SKIP
        >>> table.rows()[0]["text"]  # doctest: +SKIP
        'Rivers\nA river flows from its source to the sea.'
    """

    modality: ClassVar = "text"
    in_place: ClassVar = True  # a text may take the place of its page

    favor: Literal["balanced", "precision", "recall"] = "balanced"
    comments: bool = False
    tables: bool = True

    def run(
        self,
        storage: Storage,
        input_html: TextColumn = "html",
        output_text: TextColumn = "text",
        output_title: TextColumn | None = None,
        output_author: TextColumn | None = None,
        output_date: TextColumn | None = None,
        output_language: TextColumn | None = None,
    ) -> None:
        """Add the text, and what else is asked for.

        Args:
            storage: The table.
            input_html: The column of pages.
            output_text: The column for their texts.
            output_title: The column for their titles; None for none.
            output_author: The column for their authors, separated by semicolons; None for none.
            output_date: The column for the days of their publication, such as ``2024-05-31``, as
                metadata or visible text tell, none later than today; None for none.
            output_language: The column for the languages that they declare, such as ``en-GB`` (not
                detected); None for none.

        Raises:
            ConfigurationError: trafilatura is not installed.
        """
        library = import_library(*_LIBRARY)
        outputs = {
            "text": output_text,
            "title": output_title,
            "author": output_author,
            "date": output_date,
            "language": output_language,
        }
        asked = {name: column for name, column in outputs.items() if column is not None}
        pages = texts_of(storage.read([input_html])[input_html]).to_pylist()
        found = [self._found(library, page, asked) for page in pages]
        if any(isinstance(one, RowFailure) for one in found):
            table = storage.read([input_html])
            table[output_text] = [one if isinstance(one, RowFailure) else None for one in found]
            storage.write(table)
        sound = [one for one in found if not isinstance(one, RowFailure)]
        for name, column in asked.items():
            values = [one.get(name) for one in sound]
            storage.assign(column, pa.array(values, pa.string()))

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether trafilatura is not installed."""
        return missing_library(*_LIBRARY)

    def _found(self, library: Any, page: str | None, asked: Collection[str]) -> _Found | RowFailure:
        if page is None or not page.strip():
            return {}
        page = _whole(page)
        try:
            told = _told(library, page, asked) if len(asked) > 1 else {}
            return {**told, "text": self._text(library, page)}
        except Exception as error:  # noqa: BLE001 - a page may break its parsers in any way
            return RowFailure("extraction_failed", f"{type(error).__name__}: {error}")

    def _text(self, library: Any, page: str) -> str | None:
        found: str | None = library.extract(
            page,
            favor_precision=self.favor == "precision",
            favor_recall=self.favor == "recall",
            include_comments=self.comments,
            include_tables=self.tables,
        )
        return found or None


def _whole(page: str) -> str:
    """Return a page, also of a fragment: without a root, of one element no text would be found."""
    return page if _PAGE.search(page) else f"<html>{page}"


def _told(library: Any, page: str, asked: Collection[str]) -> _Found:
    """Return what a page says of itself."""
    tree = library.load_html(page)
    if tree is None:
        return {}
    language = (tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang")) or ""
    if set(asked) <= {"text", "language"}:
        return {"language": language.strip() or None}
    told = library.extract_metadata(tree)
    return {
        "title": told.title or None,
        "author": told.author or None,
        "date": told.date or None,
        "language": language.strip() or None,
    }
