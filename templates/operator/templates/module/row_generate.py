{% include "module/head.py" %}

from dataflow_core import Generator, Storage
from dataflow_core.operators import TextColumn
from pydantic import Field


class {{ cookiecutter.cls }}(Generator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `first_line`.

{% endif %}
    White space around the line is left out, and blank lines do not count. A text without a line,
    and a null one, get null. All languages are treated alike.

    Attributes:
        max_characters: The most characters of the line; the rest is cut off.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "Results: we found three."}, {"text": None}])
        >>> {{ cookiecutter.cls }}(max_characters=7).run(table)
        >>> [row["first_line"] for row in table.rows()]
        ['Results', None]
    """

    max_characters: int = Field(default=200, ge=1)

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_line: TextColumn = "first_line",
    ) -> None:
        """Add the lines.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_line: The column for their first lines.
        """
        table = storage.read([input_text])
        table[output_line] = [self.first_line(text) for text in table[input_text]]
        storage.write(table)

    def first_line(self, text: object) -> str | None:
        """Return the first line of a text; None where there is none."""
        lines = text.splitlines() if isinstance(text, str) else []
        found = next((line.strip() for line in lines if line.strip()), None)
        return None if found is None else found[: self.max_characters]
