"""Formats of prompts whose answers are checked: TRL's for GRPO, and verl's."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa

from dataflow_core.export.conversation import Message, as_json, require_plain, text_of
from dataflow_core.export.names import TrainingFormatName
from dataflow_core.export.prompts import Cells, prompt_of
from dataflow_core.export.training_format import TEXT, Columns, Groups, TrainingFormat, one_turn

REWARD = pa.struct([("style", TEXT), ("ground_truth", TEXT)])

_ASKED: Groups = (("messages",), ("instruction",))


class Reinforcement(TrainingFormat):
    """``prompt`` as messages, and ``ground_truth``: TRL's prompt-only format, for GRPO."""

    name: ClassVar[TrainingFormatName] = "grpo"
    needs = tuple((*asked, "ground_truth") for asked in _ASKED)
    optional = ("input", "system", "history")

    def columns(self) -> Columns:
        """Return the columns."""
        return {"prompt": self._messages_type(), "ground_truth": TEXT}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        prompt = self._prompt(prompt_of(cells, self.ignore))
        return {"prompt": prompt, "ground_truth": truth_of(cells["ground_truth"])}

    def _prompt(self, messages: tuple[Message, ...]) -> Any:
        return self._messages(messages)


class ReinforcementText(Reinforcement):
    """``prompt`` as a text, and ``ground_truth``: for models without a chat template."""

    name: ClassVar[TrainingFormatName] = "grpo-text"

    def columns(self) -> Columns:
        """Return the columns."""
        return {"prompt": TEXT, "ground_truth": TEXT}

    def _prompt(self, messages: tuple[Message, ...]) -> Any:
        require_plain(messages, "a text")
        return one_turn(messages, "grpo")


class Verl(TrainingFormat):
    """``data_source``, ``prompt``, ``ability`` and ``reward_model``, as verl reads them.

    ``extra_info`` holds what tells a row from others, and comes from where it is written.
    """

    name: ClassVar[TrainingFormatName] = "verl"
    needs = tuple((*asked, "ground_truth", "data_source", "ability") for asked in _ASKED)
    optional = ("input", "system", "history")

    def columns(self) -> Columns:
        """Return the columns."""
        texts = {"data_source": TEXT, "ability": TEXT}
        return {**texts, "prompt": self._messages_type(), "reward_model": REWARD}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        truth = truth_of(cells["ground_truth"])
        return {
            "data_source": text_of(cells["data_source"], "data source"),
            "prompt": self._messages(prompt_of(cells, self.ignore)),
            "ability": text_of(cells["ability"], "ability"),
            "reward_model": {"style": "rule", "ground_truth": truth},
        }


def truth_of(value: Any) -> str:
    """Return what an answer must come to as a text; what is no text, as JSON.

    Raises:
        Misfit: It is null or empty.
    """
    if value is None or isinstance(value, str):
        return text_of(value, "ground truth")
    return as_json(value, "ground truth")
