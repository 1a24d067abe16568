"""Bring rows into a format of training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import pyarrow as pa
from pydantic import AfterValidator, Field

from dataflow_core.errors import ColumnError, ConfigurationError
from dataflow_core.export.conversion import cells_of, convert
from dataflow_core.export.formats import format_called
from dataflow_core.export.names import ROLES, TrainingFormatName
from dataflow_core.export.roles import Roles, require_use, roles_of
from dataflow_core.export.training_format import TrainingFormat
from dataflow_core.operators.base import Generator
from dataflow_core.operators.cells import set_aside
from dataflow_core.operators.columns import AnyColumn, TextColumn
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.columns import to_arrow
from dataflow_core.table.failures import RowFailure
from dataflow_core.table.identity import formatted

_EXTRA = "extra_info"
_EXTRA_TYPE = pa.struct([("row_id", pa.string())])


def _known(constants: dict[str, str]) -> dict[str, str]:
    for role, text in constants.items():
        if role not in ("system", "data_source", "ability"):
            raise ValueError(f"{role!r} is no constant; it takes system, data_source and ability")
        if role != "system" and not text.strip():
            raise ValueError(f"{role!r} is empty")
    return constants


class FormatTraining(Generator):
    """Bring rows into a format of training data, as ``dataflow export`` writes it.

    The columns of the format are added, under the names that it prescribes. A row that does not
    fit goes to quarantine with the reason (``empty_cell``, ``wrong_turn``, ``wrong_end``,
    ``unknown_role``, ``tool_calls``, ``equal_answers``, …); none is written as data.

    What the format needs and is not bound is read from the column of its own name: ``alpaca``
    reads ``instruction`` and ``output``. Where messages are bound, they are the conversation.

    ==================  =====================================================  ====================
    format              columns                                                reads
    ==================  =====================================================  ====================
    ``alpaca``          instruction, input, output, system, history            messages, or
                                                                               instruction, output
    ``sharegpt``        conversations (from, value), system, tools             the same
    ``messages``        messages (role, content), tools                        the same
    ``text``            text                                                   text
    ``dpo``             prompt, chosen, rejected, as texts                     a prompt as above,
                                                                               chosen, rejected
    ``dpo-messages``    prompt, chosen, rejected, as messages                  the same
    ``dpo-alpaca``      instruction, input, chosen, rejected                   the same
    ``dpo-sharegpt``    conversations, chosen, rejected                        the same
    ``grpo``            prompt (messages), ground_truth                        a prompt,
                                                                               ground_truth
    ``grpo-text``       prompt (text), ground_truth                            the same
    ``verl``            data_source, prompt, ability, reward_model,            the same, and
                        extra_info (row_id)                                    data_source, ability
    ==================  =====================================================  ====================

    Source: LLaMA-Factory, TRL and verl, their documentation of data: ``data/README.md``, "Dataset
    formats and types", "Prepare Data for Post-Training".

    Attributes:
        format: The format.
        constants: What is the same in all rows: ``data_source``, ``ability`` or ``system``.
        keep_columns: Whether the other columns of the table stay.
        prompt_in_answers: For pairs, whether the prompt is what the answers begin with.
        tool_calls: Whether messages may call tools. They, and the tools, are then JSON, in which
            what is absent is absent, and no structs of role and content alone.
        ignore_keys: Keys that messages may have, which go nowhere.

    Raises:
        ColumnError: A column of the format would overwrite one that is not read.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"question": "2 + 2?", "answer": "4"}])
        >>> formatter = FormatTraining(format="messages", keep_columns=False)
        >>> formatter.run(table, input_instruction="question", input_output="answer")
        >>> table.rows()[0]["messages"]
        [{'role': 'user', 'content': '2 + 2?'}, {'role': 'assistant', 'content': '4'}]
    """

    format: TrainingFormatName
    constants: Annotated[dict[str, str], AfterValidator(_known)] = Field(default_factory=dict)
    keep_columns: bool = True
    prompt_in_answers: bool = False
    tool_calls: bool = False
    ignore_keys: tuple[str, ...] = ()

    modality: ClassVar = "text"

    def run(
        self,
        storage: Storage,
        input_messages: AnyColumn | None = None,
        input_instruction: TextColumn | None = None,
        input_input: TextColumn | None = None,
        input_output: TextColumn | None = None,
        input_system: TextColumn | None = None,
        input_history: AnyColumn | None = None,
        input_tools: AnyColumn | None = None,
        input_text: TextColumn | None = None,
        input_chosen: AnyColumn | None = None,
        input_rejected: AnyColumn | None = None,
        input_ground_truth: AnyColumn | None = None,
        input_data_source: TextColumn | None = None,
        input_ability: TextColumn | None = None,
    ) -> None:
        """Add the columns of the format.

        Args:
            storage: The table.
            input_messages: Lists of messages, with role and content or with from and value.
            input_instruction: What the user asks.
            input_input: What the instruction is about; follows it on a line of its own.
            input_output: The answer to learn.
            input_system: The system prompt.
            input_history: Earlier turns, as lists of pairs of instruction and output.
            input_tools: The tools that may be called, as lists of JSON schemas or their JSON text.
            input_text: A text to learn as it is.
            input_chosen: The better answer: a text, a message, or messages.
            input_rejected: The worse answer.
            input_ground_truth: What the answer must come to.
            input_data_source: The name by which verl finds the reward function.
            input_ability: The kind of task, as verl has it.

        Raises:
            ColumnError: A column of the format would overwrite one that is not read.
        """
        given = {
            "messages": input_messages, "instruction": input_instruction, "input": input_input,
            "output": input_output, "system": input_system, "history": input_history,
            "tools": input_tools, "text": input_text, "chosen": input_chosen,
            "rejected": input_rejected, "ground_truth": input_ground_truth,
            "data_source": input_data_source, "ability": input_ability,
        }  # fmt: skip
        roles = self._roles({f"input_{role}": column for role, column in given.items()})
        if taken := self._taken(storage.columns() or {}, roles):
            raise ColumnError(taken[0])
        self._format(storage, roles)

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that are bound, and those of their own names that are needed."""
        return {f"input_{role}": (one,) for role, one in self._roles(bindings).columns.items()}

    def writes(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns of the format."""
        return {"format": tuple(self._columns(self._form(self._roles(bindings))))}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the table's columns with those of the format, or these alone."""
        own = self._columns(self._form(self._roles(bindings)))
        return {**columns, **own} if self.keep_columns else own

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Return which columns it would overwrite."""
        return self._taken(columns, self._roles(bindings))

    @property
    def _kind(self) -> type[TrainingFormat]:
        return format_called(self.format)

    def _roles(self, bindings: Bindings) -> Roles:
        """Return the column of each role: as bound, or of its own name where it is needed.

        Raises:
            ConfigurationError: The format takes no such column, or two that exclude each other.
        """
        given = {role: bindings.get(f"input_{role}") for role in ROLES}
        bound = {role: str(column) for role, column in given.items() if column is not None}
        known = roles_of(self._kind)
        for role in (*bound, *self.constants):
            if role not in known:
                takes = ", ".join(f"input_{name}" for name in known)
                raise ConfigurationError(
                    f"format_training: {self.format} takes no {role!r}; it takes {takes}."
                )
        group = self._group({*bound, *self.constants})
        require_use(self._kind, group, bound)
        needed = [role for role in group if role not in self.constants]
        return Roles({**{role: role for role in needed}, **bound}, self.constants)

    def _group(self, told: set[str]) -> Sequence[str]:
        """Return the roles that are needed, of which those told are some."""
        needs = self._kind.needs
        if self.prompt_in_answers:
            needs = tuple(g for g in needs if not {"messages", "instruction"} & set(g))
        told = {role for role in told if any(role in group for group in self._kind.needs)}
        fitting = [group for group in needs if told <= set(group)]
        if not fitting:
            ways = ", or ".join(" and ".join(group) for group in needs) or "no answers in pairs"
            raise ConfigurationError(
                f"format_training: {self.format} reads {ways}; bound are {', '.join(sorted(told))}."
            )
        return min(fitting, key=lambda g: ("messages" in g and "messages" not in told, -len(g)))

    def _form(self, roles: Roles) -> TrainingFormat:
        return self._kind(roles.names, self.ignore_keys, typed=not self.tool_calls)

    def _columns(self, form: TrainingFormat) -> dict[str, pa.DataType]:
        extra = {_EXTRA: _EXTRA_TYPE} if self.format == "verl" else {}
        return {**form.columns(), **extra}

    def _taken(self, columns: Mapping[str, Any], roles: Roles) -> list[str]:
        """Return what is wrong where other columns would be overwritten."""
        if not self.keep_columns:
            return []
        return [
            f"{self.format} writes a column {name!r}, and the table has one, which would be "
            f"overwritten unread. {_bound_as(name)}Rename it before, or have the columns of the "
            "format alone: keep_columns: false."
            for name in self._columns(self._form(roles))
            if name in columns and name not in roles.columns.values()
        ]

    def _format(self, storage: Storage, roles: Roles) -> None:
        form, read = self._form(roles), list(dict.fromkeys(roles.columns.values()))
        table = storage.read(read)
        done = convert(form, roles, {name: to_arrow(table[name].array, None) for name in read})
        failures = [
            RowFailure(misfit.reason, str(misfit)) if (misfit := done.misfits.get(place)) else None
            for place in range(len(table))
        ]
        set_aside(storage, failures, read=read)
        for name, kind in form.columns().items():
            cells = cells_of([row[name] for row in done.rows], kind)
            storage.assign(name, pa.chunked_array([cells]))
        if self.format == "verl":
            ids = formatted(storage.row_ids())
            extra = pa.StructArray.from_arrays([ids], fields=list(_EXTRA_TYPE))
            storage.assign(_EXTRA, pa.chunked_array([extra]))
        if not self.keep_columns:
            storage.write(storage.read()[list(self._columns(form))])


def _bound_as(column: str) -> str:
    return f"If it is that, bind it: input_{column}: {column}. " if column in ROLES else ""
