"""Formats to learn answers from, and texts: Alpaca, ShareGPT, messages, plain text."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa

from dataflow_core.export.conversation import Message, require_plain, text_of, without_system
from dataflow_core.export.names import TrainingFormatName
from dataflow_core.export.prompts import Cells, conversation_of, history_of, tools_of, tools_text
from dataflow_core.export.sharegpt import sharegpt_turns
from dataflow_core.export.training_format import (
    HISTORY,
    TEXT,
    TURN,
    Columns,
    Groups,
    TrainingFormat,
)
from dataflow_core.table.types import JSON_TYPE

_TURNED: Groups = (("messages",), ("instruction", "output"))


class Alpaca(TrainingFormat):
    """``instruction``, ``input``, ``output``; ``system`` and ``history`` where there are any."""

    name: ClassVar[TrainingFormatName] = "alpaca"
    needs: ClassVar[Groups] = _TURNED
    optional = ("input", "system", "history")

    def columns(self) -> Columns:
        """Return the columns, all texts but the history: a list of pairs."""
        return {name: HISTORY if name == "history" else TEXT for name in self._names("output")}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row; the last two turns of messages are instruction and output."""
        messages = conversation_of(cells, self.ignore)
        return self._trimmed({**self._asked(messages[:-1], cells), "output": self._text(messages)})

    def description(self) -> dict[str, Any] | None:
        """Return which column is what."""
        return {"columns": self._described({"response": "output"})}

    def _names(self, *answers: str) -> list[str]:
        further = [n for n in ("system", "history") if self.has(n, "messages")]
        return ["instruction", "input", *answers, *further]

    def _described(self, answers: dict[str, str]) -> dict[str, str]:
        further = {name: name for name in self.columns() if name in ("system", "history")}
        return {"prompt": "instruction", "query": "input", **answers, **further}

    def _trimmed(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in self.columns()}

    def _text(self, messages: tuple[Message, ...]) -> str:
        require_plain(messages, "Alpaca")
        return str(messages[-1].content)

    def _asked(self, prompt: tuple[Message, ...], cells: Cells) -> dict[str, Any]:
        """Return what is asked: of columns, as they are, and of messages, as turns."""
        require_plain(prompt, "Alpaca")
        system, turns = without_system(prompt)
        if "messages" not in cells and "instruction" in cells:
            about = {"instruction": cells["instruction"], "input": cells.get("input") or ""}
            return {**about, "system": system, "history": history_of(cells)}
        pairs = zip(turns[:-1:2], turns[1:-1:2], strict=True)
        return {
            "instruction": turns[-1].content,
            "input": "",
            "system": system,
            "history": [[asked.content, answer.content] for asked, answer in pairs],
        }


class ShareGPT(TrainingFormat):
    """``conversations`` of ``from`` and ``value``, and ``system`` and ``tools`` beside them."""

    name: ClassVar[TrainingFormatName] = "sharegpt"
    needs: ClassVar[Groups] = _TURNED
    optional = ("input", "system", "history", "tools")

    def columns(self) -> Columns:
        """Return the columns: a list of turns, and texts."""
        return {"conversations": pa.list_(TURN), **self._beside()}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row; the system prompt is no turn."""
        system, turns = without_system(conversation_of(cells, self.ignore))
        return self._with_beside({"conversations": sharegpt_turns(turns)}, system, cells)

    def description(self) -> dict[str, Any] | None:
        """Return which column is what; the tags are the default ones."""
        beside = {name: name for name in self._beside()}
        return {"formatting": "sharegpt", "columns": {"messages": "conversations", **beside}}

    def _beside(self) -> Columns:
        # A prompt of columns has a system prompt only if there is a column or constant of it.
        system = {"system": TEXT} if self.has("system") or not self.has("instruction") else {}
        return {**system, **({"tools": TEXT} if self.has("tools") else {})}

    def _with_beside(self, row: dict[str, Any], system: str, cells: Cells) -> dict[str, Any]:
        beside = {"system": system, "tools": tools_text(cells.get("tools"))}
        return {**row, **{name: beside[name] for name in self._beside()}}


class Messages(TrainingFormat):
    """``messages`` of ``role`` and ``content``, as OpenAI and TRL have them, and ``tools``."""

    name: ClassVar[TrainingFormatName] = "messages"
    needs: ClassVar[Groups] = _TURNED
    optional = ("input", "system", "history", "tools")

    def columns(self) -> Columns:
        """Return the columns."""
        tools = {"tools": TEXT if self.typed else JSON_TYPE} if self.has("tools") else {}
        return {"messages": self._messages_type(), **tools}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        row: dict[str, Any] = {"messages": self._messages(conversation_of(cells, self.ignore))}
        if self.has("tools"):
            given = cells.get("tools")
            row["tools"] = tools_text(given) or None if self.typed else tools_of(given)
        return row

    def description(self) -> dict[str, Any] | None:
        """Return which column is what, and what the roles are called."""
        tags = {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "observation_tag": "tool",
            "function_tag": "function_call",
            "system_tag": "system",
        }
        columns = {name: name for name in self.columns()}
        return {"formatting": "sharegpt", "columns": columns, "tags": tags}


class Text(TrainingFormat):
    """``text``, for pre-training."""

    name: ClassVar[TrainingFormatName] = "text"
    needs = (("text",),)

    def columns(self) -> Columns:
        """Return the column."""
        return {"text": TEXT}

    def row(self, cells: Cells) -> dict[str, Any]:
        """Return the row."""
        return {"text": text_of(cells["text"], "text")}

    def description(self) -> dict[str, Any] | None:
        """Return which column is the text."""
        return {"columns": {"prompt": "text"}}
