{% include "module/head.py" %}

from typing import Any

import pandas as pd
from dataflow_core import Storage
from dataflow_core.operators import DatasetEvaluator, TextColumn


class {{ cookiecutter.cls }}(DatasetEvaluator):
    """{{ cookiecutter.summary | sentence }}

{% if cookiecutter.does %}
    As generated, it does this: {{ cookiecutter.does }}.
    Put what it is to do into `sketch`, `merge` and `findings`.

{% endif %}
    What it finds stands in the report of the run: ``texts``, how many are not null; and, where
    there are some, ``mean_length`` and ``longest``, in characters. The rows stay as they are. All
    languages are treated alike.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"text": "one"}, {"text": "three"}, {"text": None}])
        >>> {{ cookiecutter.cls }}().run(table)
        >>> [found] = table.findings().values()
        >>> found
        {'texts': 2, 'mean_length': 4.0, 'longest': 5}
    """

    def run(self, storage: Storage, input_text: TextColumn = "text") -> None:
        """Note the findings.

        Args:
            storage: The table.
            input_text: The column of texts.
        """
        self.run_phases(storage, input_text=input_text)

    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the sums of some rows."""
        lengths = storage.read([bindings["input_text"]])[bindings["input_text"]].str.len().dropna()
        sums = {"texts": len(lengths), "characters": lengths.sum(), "longest": lengths.max()}
        return pd.DataFrame([sums] if len(lengths) else [], columns=list(sums))

    def merge(self, sketches: pd.DataFrame) -> pd.DataFrame:
        """Return the sums of all rows so far."""
        return sketches.agg({"texts": "sum", "characters": "sum", "longest": "max"}).to_frame().T

    def findings(self, sketches: pd.DataFrame) -> dict[str, Any]:
        """Return what the report says."""
        texts = int(sketches["texts"].sum())
        if not texts:
            return {"texts": 0}
        mean = float(sketches["characters"].sum() / texts)
        return {"texts": texts, "mean_length": mean, "longest": int(sketches["longest"].max())}
