{% include "module/head.py" %}

import unicodedata

from dataflow_core import Evaluator, Storage
from dataflow_core.operators import NumberColumn, TextColumn


class {{ cookiecutter.cls }}(Evaluator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `letter_share`.

{% endif %}
    The share, 0 to 1, is that of all characters but white space. Letters of all scripts count, and
    so do the marks that combine with them. A text of white space alone, and a null one, get null.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "ab 12"}, {"text": "很好"}, {"text": None}])
        >>> {{ cookiecutter.cls }}().run(table)
        >>> [row["letter_share"] for row in table.rows()]
        [0.5, 1.0, None]
    """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_share: NumberColumn = "letter_share",
    ) -> None:
        """Add the shares.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_share: The column for the share of letters, 0 to 1.
        """
        table = storage.read([input_text])
        table[output_share] = [self.letter_share(text) for text in table[input_text]]
        storage.write(table)

    def letter_share(self, text: object) -> float | None:
        """Return the share of letters in a text; None where it has no characters."""
        characters = "".join(text.split()) if isinstance(text, str) else ""
        if not characters:
            return None
        letters = sum(unicodedata.category(one)[0] in "LM" for one in characters)
        return letters / len(characters)
