"""Formats to learn from pairs of answers: TRL's two, and the two that LLaMA-Factory ranks."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa

from dataflow_core.export.conversation import require_plain, without_system
from dataflow_core.export.names import TrainingFormatName
from dataflow_core.export.prompts import Cells, pair_of
from dataflow_core.export.sharegpt import sharegpt_turn, sharegpt_turns
from dataflow_core.export.supervised import Alpaca, ShareGPT
from dataflow_core.export.training_format import (
    HISTORY,
    TEXT,
    TURN,
    Columns,
    Groups,
    TrainingFormat,
    one_turn,
)

_PAIRS: Groups = (
    ("messages", "chosen", "rejected"),
    ("instruction", "chosen", "rejected"),
    ("chosen", "rejected"),
)


class Preference(TrainingFormat):
    """``prompt``, ``chosen`` and ``rejected`` as texts (TRL's standard preference format)."""

    name: ClassVar[TrainingFormatName] = "dpo"
    needs: ClassVar[Groups] = _PAIRS
    optional = ("input", "system", "history")

    def columns(self) -> Columns:
        """Return the columns."""
        return {"prompt": TEXT, "chosen": TEXT, "rejected": TEXT}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row; a prompt of several turns is none of one text."""
        pair = pair_of(cells, self.ignore)
        require_plain((*pair.prompt, pair.chosen, pair.rejected), "a text")
        prompt = one_turn(pair.prompt, "dpo-messages")
        return {"prompt": prompt, "chosen": pair.chosen.content, "rejected": pair.rejected.content}


class PreferenceMessages(TrainingFormat):
    """``prompt``, ``chosen`` and ``rejected`` as messages (TRL's conversational format)."""

    name: ClassVar[TrainingFormatName] = "dpo-messages"
    needs: ClassVar[Groups] = _PAIRS
    optional = ("input", "system", "history")

    def columns(self) -> Columns:
        """Return the columns."""
        return dict.fromkeys(("prompt", "chosen", "rejected"), self._messages_type())

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        pair = pair_of(cells, self.ignore)
        return {
            "prompt": self._messages(pair.prompt),
            "chosen": self._messages((pair.chosen,)),
            "rejected": self._messages((pair.rejected,)),
        }


class AlpacaPreference(Alpaca):
    """``instruction``, ``input``, ``chosen`` and ``rejected``: LLaMA-Factory's ranking form."""

    name: ClassVar[TrainingFormatName] = "dpo-alpaca"
    needs: ClassVar[Groups] = _PAIRS

    def columns(self) -> Columns:
        """Return the columns."""
        names = self._names("chosen", "rejected")
        return {name: HISTORY if name == "history" else TEXT for name in names}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        pair = pair_of(cells, self.ignore)
        answers = {
            "chosen": self._text((pair.chosen,)),
            "rejected": self._text((pair.rejected,)),
        }
        return self._trimmed({**self._asked(pair.prompt, cells), **answers})

    def description(self) -> dict[str, Any] | None:
        """Return which column is what."""
        answers = {"chosen": "chosen", "rejected": "rejected"}
        return {"ranking": True, "columns": self._described(answers)}

    def _names(self, *answers: str) -> list[str]:
        turned = not self.has("instruction")  # the prompt may be of any turns
        further = [n for n in ("system", "history") if turned or self.has(n)]
        return ["instruction", "input", *answers, *further]


class ShareGPTPreference(ShareGPT):
    """``conversations`` with a turn each as ``chosen`` and ``rejected``: the ranking form."""

    name: ClassVar[TrainingFormatName] = "dpo-sharegpt"
    needs: ClassVar[Groups] = _PAIRS

    def columns(self) -> Columns:
        """Return the columns."""
        return {
            "conversations": pa.list_(TURN),
            "chosen": TURN,
            "rejected": TURN,
            **self._beside(),
        }

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        pair = pair_of(cells, self.ignore)
        system, turns = without_system(pair.prompt)
        row = {
            "conversations": sharegpt_turns(turns),
            "chosen": sharegpt_turn(pair.chosen),
            "rejected": sharegpt_turn(pair.rejected),
        }
        return self._with_beside(row, system, cells)

    def description(self) -> dict[str, Any] | None:
        """Return which column is what."""
        told = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
        beside = {name: name for name in self._beside()}
        return {"formatting": "sharegpt", "ranking": True, "columns": {**told, **beside}}
