{% include "module/head.py" %}

from typing import Any

import pandas as pd
from dataflow_core import Generator, Storage
from dataflow_core.operators import IntegerColumn, TextColumn, TwoPhase


class {{ cookiecutter.cls }}(TwoPhase, Generator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `sketch` and `decide`.

{% endif %}
    Ranks begin with 1; texts of equal length rank as they stand in the table. Null texts get null.
    Of all rows at once, only the lengths are held in memory. All languages are treated alike.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "one"}, {"text": "three"}, {"text": None}])
        >>> {{ cookiecutter.cls }}().run(table)
        >>> [row["length_rank"] for row in table.rows()]
        [2, 1, None]
    """

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_rank: IntegerColumn = "length_rank",
    ) -> None:
        """Add the ranks.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_rank: The column for the ranks.
        """
        self.run_phases(storage, input_text=input_text, output_rank=output_rank)

{% include "module/lengths.py" %}

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the rank of each row."""
        ranks = sketches["length"].rank(method="first", ascending=False)
        return pd.DataFrame({"rank": ranks.astype("Int64")})

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Write the ranks of some rows."""
        table = storage.read([bindings["input_text"]])
        table[bindings["output_rank"]] = decision["rank"].reindex(table.index)
        storage.write(table)
