"""From web pages to their texts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from dataflow_core import Pipeline, Storage
from dataflow_core.operators.general import FilterRows, SelectColumns
from dataflow_text.extract.html import HtmlExtract


class WebExtract(Pipeline):
    """Extract the main texts of web pages, such as those of a crawl (``--input warc:FILES``).

    Rows without a page (pictures, answers without content) are dropped by the step ``with_page``,
    with reason ``no_page``; pages without a text of their own by ``with_text``, with ``no_text``.
    What a page says of itself comes in the columns ``title``, ``author``, ``page_date`` and
    ``page_language`` if asked for. The page itself is left out of the result. Needs the extra
    ``html``.

    Args:
        storage: The table, with a column of pages as text.
        html_column: The column of pages.
        text_column: The column for their texts.
        favor: Whether what is doubtful is left out (``precision``), taken in (``recall``), or
            weighed (``balanced``).
        metadata: Whether title, author, date and language are added.
        keep_html: Whether the pages stay.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        *,
        html_column: str = "html",
        text_column: str = "text",
        favor: Literal["balanced", "precision", "recall"] = "balanced",
        metadata: bool = False,
        keep_html: bool = False,
    ) -> None:
        super().__init__(storage)
        self.html_column = html_column
        self.text_column = text_column
        self.outputs = _METADATA if metadata else {}
        self.keep_html = keep_html
        self.with_page = FilterRows(where=f"{_quoted(html_column)} IS NOT NULL", reason="no_page")
        self.extract = HtmlExtract(favor=favor)
        self.with_text = FilterRows(where=f"{_quoted(text_column)} IS NOT NULL", reason="no_text")
        self.without_page = SelectColumns(remove=(html_column,))

    def forward(self) -> None:
        """Extract, and drop the rows of which there is nothing."""
        self.with_page.run(self.storage)
        self.extract.run(
            self.storage,
            input_html=self.html_column,
            output_text=self.text_column,
            **self.outputs,
        )
        self.with_text.run(self.storage)
        if not self.keep_html and self.html_column != self.text_column:
            self.without_page.run(self.storage)


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


_METADATA: Mapping[str, str] = MappingProxyType(
    {
        "output_title": "title",
        "output_author": "author",
        "output_date": "page_date",
        "output_language": "page_language",
    }
)
