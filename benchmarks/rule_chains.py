"""Chains of rules that a benchmark runs; apart from the others, which must not import them."""

from __future__ import annotations

from dataflow_core import Storage
from dataflow_text import QualityRules, SymbolWordRatioFilter


class TwentyRules(QualityRules):
    """The default quality rules without one."""

    def __init__(self, storage: Storage | None = None) -> None:
        super().__init__(storage)
        self.rules = [r for r in self.rules if not isinstance(r, SymbolWordRatioFilter)]
