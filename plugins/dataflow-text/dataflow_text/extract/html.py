"""The main text of a web page, without what stands around it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pyarrow as pa

from dataflow_core import Generator, Storage
from dataflow_core.operators import TextColumn
from dataflow_text.libraries import import_library
from dataflow_text.texts import texts_of


class HtmlExtract(Generator):
    r"""Extract the main text of HTML pages, without navigation, advertisements and footers.

    Headings, paragraphs, lists and tables stay, a line each; what a page repeats on every page of
    its site goes. A page in which no text of its own is found has a null text, as has a null page.
    Pages are HTML as text; decode bytes first. Made for articles, posts and documentation in any
    language; pages that are mostly links have little main text.

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

    favor: Literal["balanced", "precision", "recall"] = "balanced"
    comments: bool = False
    tables: bool = True

    def run(
        self,
        storage: Storage,
        input_html: TextColumn = "html",
        output_text: TextColumn = "text",
    ) -> None:
        """Add the text.

        Args:
            storage: The table.
            input_html: The column of pages.
            output_text: The column for their texts.

        Raises:
            ConfigurationError: trafilatura is not installed.
        """
        library = import_library("trafilatura", "'dataflow-text[html]'")
        pages = texts_of(storage.read([input_html])[input_html]).to_pylist()
        texts = [self._text(library, page) for page in pages]
        storage.assign(output_text, pa.array(texts, pa.string()))

    def _text(self, library: Any, page: str | None) -> str | None:
        if page is None or not page.strip():
            return None
        found: str | None = library.extract(
            page,
            favor_precision=self.favor == "precision",
            favor_recall=self.favor == "recall",
            include_comments=self.comments,
            include_tables=self.tables,
        )
        return found or None
