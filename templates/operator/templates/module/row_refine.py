{% include "module/head.py" %}

from dataflow_core import Refiner, Storage
from dataflow_core.operators import TextColumn


class {{ cookiecutter.cls }}(Refiner):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `spaced`.

{% endif %}
    White space at the beginning and at the end goes too. Null stays null. All languages are treated
    alike.

    Attributes:
        keep_lines: Whether line breaks stay; else they become spaces as well.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "  one   two "}, {"text": None}])
        >>> {{ cookiecutter.cls }}().run(table)
        >>> [row["text"] for row in table.rows()]
        ['one two', None]
    """

    keep_lines: bool = True

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_text: TextColumn = "text",
    ) -> None:
        """Rewrite the texts.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_text: The column for the rewritten texts.
        """
        table = storage.read([input_text])
        table[output_text] = [self.spaced(text) for text in table[input_text]]
        storage.write(table)

    def spaced(self, text: object) -> str | None:
        """Return a text with single spaces; None where there is none."""
        if not isinstance(text, str):
            return None
        lines = text.splitlines() if self.keep_lines else [text]
        return "\n".join(" ".join(line.split()) for line in lines).strip()
