"""The formats of training data: what each needs, and what it makes of a row.

Sources: LLaMA-Factory, ``data/README.md`` (Alpaca, ShareGPT, ranking forms of both, pre-training);
TRL, "Dataset formats and types" (text, messages, preference, prompt-only); verl, "Prepare Data for
Post-Training". The conversions are pure: cells of a row in, cells of a row out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import pyarrow as pa

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.export.conversation import (
    Message,
    openai_messages,
    require_plain,
    text_of,
    wide_messages,
    without_system,
)
from dataflow_core.export.misfit import Misfit
from dataflow_core.export.names import TrainingFormatName
from dataflow_core.export.prompts import (
    Cells,
    conversation_of,
    history_of,
    pair_of,
    prompt_of,
    tools_of,
    tools_text,
)
from dataflow_core.export.sharegpt import sharegpt_turn, sharegpt_turns
from dataflow_core.table.types import JSON_TYPE, json_text

Columns = dict[str, pa.DataType]

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
REWARD = pa.struct([("style", TEXT), ("ground_truth", TEXT)])

_Groups = tuple[tuple[str, ...], ...]

_TURNED: _Groups = (("messages",), ("instruction", "output"))
_ASKED: _Groups = (("messages",), ("instruction",))


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
    needs: ClassVar[_Groups]
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


class Alpaca(TrainingFormat):
    """``instruction``, ``input``, ``output``; ``system`` and ``history`` where there are any."""

    name: ClassVar[TrainingFormatName] = "alpaca"
    needs: ClassVar[_Groups] = _TURNED
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
    needs: ClassVar[_Groups] = _TURNED
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
        system = {"system": TEXT} if self.has("system", "messages", "chosen") else {}
        return {**system, **({"tools": TEXT} if self.has("tools") else {})}

    def _with_beside(self, row: dict[str, Any], system: str, cells: Cells) -> dict[str, Any]:
        beside = {"system": system, "tools": tools_text(cells.get("tools"))}
        return {**row, **{name: beside[name] for name in self._beside()}}


class Messages(TrainingFormat):
    """``messages`` of ``role`` and ``content``, as OpenAI and TRL have them, and ``tools``."""

    name: ClassVar[TrainingFormatName] = "messages"
    needs: ClassVar[_Groups] = _TURNED
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


_PAIRS: _Groups = (
    ("messages", "chosen", "rejected"),
    ("instruction", "chosen", "rejected"),
    ("chosen", "rejected"),
)


class Preference(TrainingFormat):
    """``prompt``, ``chosen`` and ``rejected`` as texts (TRL's standard preference format)."""

    name: ClassVar[TrainingFormatName] = "dpo"
    needs: ClassVar[_Groups] = _PAIRS
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
    needs: ClassVar[_Groups] = _PAIRS
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
    needs: ClassVar[_Groups] = _PAIRS

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
    needs: ClassVar[_Groups] = _PAIRS

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


FORMATS: Mapping[str, type[TrainingFormat]] = {
    one.name: one
    for one in (
        Alpaca, ShareGPT, Messages, Text, Preference, PreferenceMessages, AlpacaPreference,
        ShareGPTPreference, Reinforcement, ReinforcementText, Verl,
    )
}  # fmt: skip
"""The formats by name."""

if set(FORMATS) != set(get_args(TrainingFormatName)):  # both are lists for people to read
    raise AssertionError("TrainingFormatName and FORMATS differ")


def format_called(name: str) -> type[TrainingFormat]:
    """Return a format by its name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in FORMATS:
        raise ConfigurationError(
            f"no training format {name!r}.{did_you_mean(name, FORMATS)} "
            f"There are: {', '.join(FORMATS)}."
        )
    return FORMATS[name]


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


def truth_of(value: Any) -> str:
    """Return what an answer must come to as a text; what is no text, as JSON.

    Raises:
        Misfit: It is null or empty.
    """
    if value is None or isinstance(value, str):
        return text_of(value, "ground truth")
    return json_text(value) or ""
