{% include "module/head.py" %}

from typing import Any

import pandas as pd
from dataflow_core import Refiner, Storage
from dataflow_core.operators import TextColumn, TwoPhase
from pydantic import Field


class {{ cookiecutter.cls }}(TwoPhase, Refiner):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `sketch`, `decide` and `apply`.

{% endif %}
    They are cut after as many characters as the given share of all texts have at most. Null stays
    null. Of all rows at once, only the lengths are held in memory. All languages are treated alike.

    Attributes:
        share: The share of texts that stay whole, 0 to 1.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "one"}, {"text": "three"}, {"text": None}])
        >>> {{ cookiecutter.cls }}(share=0.5).run(table)
        >>> [row["text"] for row in table.rows()]
        ['one', 'thr', None]
    """

    share: float = Field(default=0.95, gt=0, le=1)

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_text: TextColumn = "text",
    ) -> None:
        """Cut the texts.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_text: The column for the texts after that.
        """
        self.run_phases(storage, input_text=input_text, output_text=output_text)

{% include "module/lengths.py" %}

    def decide(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the most characters, for every row that has a text."""
        lengths = sketches["length"].dropna().astype("int64")
        most = lengths.quantile(self.share, interpolation="lower")
        return pd.DataFrame({"most": most}, index=lengths.index)

    def apply(self, storage: Storage, decision: pd.DataFrame, **bindings: Any) -> None:
        """Cut the texts of some rows."""
        table = storage.read([bindings["input_text"]])
        most = int(decision["most"].iloc[0]) if len(decision) else 0
        table[bindings["output_text"]] = table[bindings["input_text"]].str.slice(0, most)
        storage.write(table)
