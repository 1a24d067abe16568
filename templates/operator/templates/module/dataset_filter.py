{% include "module/head.py" %}

from typing import Any

import pandas as pd
from dataflow_core import Storage
from dataflow_core.operators import DatasetFilter, TextColumn
from pydantic import Field


class {{ cookiecutter.cls }}(DatasetFilter):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `sketch` and `decide`.

{% endif %}
    Of texts of equal length, those go that stand later in the table. Dropped rows have the reason
    ``not_among_longest``, with the length in characters as the value, or ``no_text`` where the text
    is null. Of all rows at once, only the lengths are held in memory. All languages are treated
    alike.

    Attributes:
        count: How many texts are kept.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "one"}, {"text": "three"}, {"text": None}])
        >>> {{ cookiecutter.cls }}(count=1).run(table)
        >>> table.rows(), table.dropped()["reason"].tolist()
        ([{'text': 'three'}], ['not_among_longest', 'no_text'])
    """

    count: int = Field(default=1000, ge=1)

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Drop the other rows.

        Args:
            storage: The table.
            input_text: The column of texts.
        """
        self.run_phases(storage, input_text=input_text)

{% include "module/lengths.py" %}

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the rows to drop, with the reason and the length of each."""
        lengths = sketches["length"]
        kept = lengths.rank(method="first", ascending=False) <= self.count
        gone = lengths[~kept.fillna(False)]
        reason = pd.Series("not_among_longest", gone.index).mask(gone.isna(), "no_text")
        return pd.DataFrame({"reason": reason, "value": gone})
