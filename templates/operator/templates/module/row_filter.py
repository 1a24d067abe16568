{% include "module/head.py" %}

import unicodedata

import pandas as pd
from dataflow_core import Filter, Storage
from dataflow_core.operators import TextColumn
from pydantic import Field


class {{ cookiecutter.cls }}(Filter):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `letter_share`, and name the reason in `run`.

{% endif %}
    What counts is the share of letters, 0 to 1, in all characters but white space; letters of all
    scripts count, and so do the marks that combine with them. Dropped rows have the reason
    ``few_letters``, with the share as the value, or ``no_text`` where there are no characters.

    Attributes:
        min_share: The smallest share of letters that is kept.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "ab 1"}, {"text": "12 + 3"}, {"text": None}])
        >>> {{ cookiecutter.cls }}().run(table)
        >>> table.rows(), table.dropped()["reason"].tolist()
        ([{'text': 'ab 1'}], ['few_letters', 'no_text'])
    """

    min_share: float = Field(default=0.5, ge=0, le=1)

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Drop the other rows.

        Args:
            storage: The table.
            input_text: The column of texts.
        """
        texts = storage.read([input_text])[input_text]
        shares = pd.Series([self.letter_share(text) for text in texts], texts.index, "Float64")
        reason = pd.Series("few_letters", texts.index).mask(shares.isna(), "no_text")
        self.keep(storage, shares >= self.min_share, reason=reason, value=shares)

    def letter_share(self, text: object) -> float | None:
        """Return the share of letters in a text; None where it has no characters."""
        characters = "".join(text.split()) if isinstance(text, str) else ""
        if not characters:
            return None
        letters = sum(unicodedata.category(one)[0] in "LM" for one in characters)
        return letters / len(characters)
