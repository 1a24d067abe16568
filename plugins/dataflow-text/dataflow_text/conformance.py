"""Examples for the conformance kit, of operators of which it cannot make one itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataflow_core.testing import Example

_PROSE = (
    "The old man walked to the river and sat down.",
    "The new house stood by the garden, and the woman was glad.",
    "A tall horse went to the river to drink.",
)


def _with_model(folder: Path) -> dict[str, Any]:
    from dataflow_text.evaluate.character_model import CharacterModel

    path = folder / "prose.npz"
    CharacterModel.train(_PROSE).save(path)
    return {"model": path}


_WORDS = Example(configuration={"words": ["harbour", "salt"]})

EXAMPLES = {
    "blocklist_evaluator": _WORDS,
    "blocklist_filter": _WORDS,
    "language_filter": Example(configuration={"languages": ("en",)}),
    "perplexity_evaluator": Example(configuration=_with_model),
    "perplexity_filter": Example(configuration=_with_model),
}
"""By name."""
