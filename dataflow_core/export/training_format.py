"""What all formats of training data have in common: roles in, columns out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from dataflow_core.export.conversation import (
    Message,
    openai_messages,
    require_plain,
    wide_messages,
)
from dataflow_core.export.misfit import Misfit
from dataflow_core.export.names import TrainingFormatName
from dataflow_core.export.prompts import Cells
from dataflow_core.table.types import JSON_TYPE

Columns = dict[str, pa.DataType]
Groups = tuple[tuple[str, ...], ...]

TEXT = pa.string()
TURN = pa.struct([("from", TEXT), ("value", TEXT)])
MESSAGE = pa.struct([("role", TEXT), ("content", TEXT)])
CALL = pa.struct(
    [("id", TEXT), ("type", TEXT), ("function", pa.struct([("name", TEXT), ("arguments", TEXT)]))]
)
WIDE_MESSAGE = pa.struct(
    [*MESSAGE, ("tool_calls", pa.list_(CALL)), ("tool_call_id", TEXT), ("name", TEXT)]
)
HISTORY = pa.list_(pa.list_(TEXT))


@dataclass(frozen=True)
class TrainingFormat(ABC):
    """One format, for rows whose columns play certain roles.

    Attributes:
        roles: The roles that columns or constants play, out of those that it knows.
        ignore: Keys that messages may have, which go nowhere.
        typed: Whether columns have fixed types, as Parquet wants them; else lists of messages, and
            tools, are JSON, in which what is absent is absent.
        tool_calls: Whether messages may call tools, where columns have fixed types.
    """

    roles: frozenset[str]
    ignore: Collection[str] = ()
    typed: bool = False
    tool_calls: bool = False

    name: ClassVar[TrainingFormatName]
    needs: ClassVar[Groups]
    """The roles that must be played: one of these groups."""
    optional: ClassVar[tuple[str, ...]] = ()
    """The roles that may be played besides."""

    @abstractmethod
    def columns(self) -> Columns:
        """Return the columns that it makes, with their types."""

    @abstractmethod
    def row(self, cells: Cells) -> dict[str, Any]:
        """Return a row in the format.

        Args:
            cells: Its cells by role.

        Raises:
            Misfit: The format cannot hold it.
        """

    def description(self) -> dict[str, Any] | None:
        """Return what LLaMA-Factory's ``dataset_info.json`` says of it, but for the file's name.

        None where LLaMA-Factory does not read the format.
        """
        return None

    def has(self, *roles: str) -> bool:
        """Tell whether one of some roles is played."""
        return any(role in self.roles for role in roles)

    def _messages_type(self) -> pa.DataType:
        if not self.typed:
            return JSON_TYPE
        return pa.list_(WIDE_MESSAGE if self.tool_calls else MESSAGE)

    def _messages(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        if not self.typed:
            return openai_messages(messages)
        if self.tool_calls:
            return wide_messages(messages)
        require_plain(
            messages, "a column of role and content alone (it has more keys with --tool-calls)"
        )
        return openai_messages(messages)


def one_turn(messages: tuple[Message, ...], otherwise: str) -> str:
    """Return a prompt of one turn as its text.

    Args:
        messages: The prompt.
        otherwise: The format that holds others.

    Raises:
        Misfit: It has a system prompt, or more turns.
    """
    if len(messages) > 1:
        what = "a system prompt" if messages[0].role == "system" else f"{len(messages)} turns"
        raise Misfit(
            "more_than_a_text",
            f"the prompt has {what}, which one text cannot hold. Use --format {otherwise}",
        )
    return str(messages[0].content)
