"""Operators that ask a model with a prompt template: what all of them share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import pandas as pd
import pyarrow as pa
from pydantic import AfterValidator, Field

from dataflow_core.errors import PromptError, did_you_mean
from dataflow_core.operators.base import Operator
from dataflow_core.operators.cells import no_text
from dataflow_core.prompts import AnswerForm, JsonAnswer, Prompt, PromptTemplate, TemplateFailed
from dataflow_core.prompts.answers.json_answer import SparingJsonAnswer
from dataflow_core.serving.base import Serving
from dataflow_core.serving.completion import Completion, Failure
from dataflow_core.serving.sampling import Sampling
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.columns import arrow_column
from dataflow_core.table.failures import RowFailure
from dataflow_core.table.values import python_values


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    Sampling().sampling(**given)
    return given


SamplingChanges = Annotated[dict[str, Any], AfterValidator(_changes)]
"""Sampling parameters that an operator sets otherwise than its serving does."""


def _says_something(told: str) -> str:
    if is_blank(told):
        raise ValueError("it is blank: write what the model is to be told")
    return told


Told = Annotated[str, AfterValidator(_says_something)]
"""A text that a prompt cannot do without."""

_INPUT = "input_"


class Prompted(Operator):
    """An operator that asks a model about each row; derive from it beside a function's base class.

    The variables of the prompt are the ``input_*`` columns of ``run`` without that prefix, and the
    operator's fields. Any template with the same variables takes the place of the operator's own.

    A row whose texts are null or blank is not asked about, and gets null. What cannot be answered,
    or is answered in another form than wanted, is a `RowFailure` and goes to quarantine with the
    model's text; so does, with nothing asked, a row that has something else than a text in a
    `TextColumn` (``no_text``), or with which the prompt cannot be rendered (``template_failed``).
    None of it depends on which other rows are in a batch.

    Class attributes:
        answers: The kinds of answers that its prompt may have, such as ``("json",)``.
        may_be_blank: Columns that may be null or blank in rows that are asked about.
        beyond_prompt: Fields that count also where a prompt does not show them, since they
            determine how answers are read.

    Attributes:
        serving: The model that is asked.
        prompt: What it is asked: a registered name, a file, a text with ``{{ variables }}``, or a
            `PromptTemplate`.
        sampling: Sampling parameters that differ from the serving's: ``{"temperature": 0.7}``.
    """

    answers: ClassVar[tuple[str, ...]] = ("text",)
    may_be_blank: ClassVar[frozenset[str]] = frozenset()
    beyond_prompt: ClassVar[frozenset[str]] = frozenset()

    serving: Serving
    prompt: Prompt
    sampling: SamplingChanges = Field(default_factory=dict)

    @property
    def template(self) -> PromptTemplate:
        """The template of its prompt.

        Raises:
            PromptError: It cannot be read.
        """
        return self.prompt.template

    @property
    def form(self) -> AnswerForm:
        """The form of the answers; override where fields say more of it than the template."""
        return self.template.answer

    @property
    def settings(self) -> dict[str, Any]:
        """The variables that are the same for all rows: the fields, by name."""
        own = type(self).model_fields.keys() - Prompted.model_fields.keys()
        return {name: getattr(self, name) for name in own}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Return how its prompt does not fit it."""
        try:
            template = self.template
        except PromptError as error:
            return [str(error)]
        return [
            *super().problems(columns, bindings, others),
            *self._unfit(template, _variables(self.reads(bindings))),
        ]

    def warnings(self) -> list[str]:
        """Say which fields are given, and never told to the model by a prompt of one's own."""
        own = type(self).model_fields["prompt"].default
        try:
            template = self.template
            usual = own.template.used if isinstance(own, Prompt) else frozenset()
        except PromptError:
            return super().warnings()  # it is among the problems
        told = (self.model_fields_set & usual) - template.used - self.beyond_prompt
        return super().warnings() + [
            f"{name} is given, and {template.name} does not use {{{{ {name} }}}}: the model never "
            "sees it. Put the variable into the prompt, or leave the field out."
            for name in sorted(told)
            if not is_blank(getattr(self, name))
        ]

    def ask(
        self,
        storage: Storage,
        columns: Mapping[str, str | None],
        *,
        n: int = 1,
    ) -> Asked:
        """Ask about each row of a storage.

        Args:
            storage: The storage of `run`.
            columns: The column of each variable; None for none, which is then null.
            n: How many answers to each.

        Returns:
            The columns that were read, with the answers.
        """
        table = storage.read(sorted({column for column in columns.values() if column is not None}))
        return self.ask_rows(table, rows_of(table, columns), n=n)

    def ask_rows(
        self,
        table: pd.DataFrame,
        rows: Sequence[Mapping[str, Any] | None],
        *,
        n: int = 1,
        distinct: Sequence[Hashable] | None = None,
    ) -> Asked:
        """Ask with the variables that each row has.

        Args:
            table: The table of the rows.
            rows: The variables of each; None for one that nothing is asked about.
            n: How many answers to each.
            distinct: What tells rows apart where words are chosen at random; None for their ids.
        """
        tags = table.index.tolist() if distinct is None else distinct
        return Asked(table, self.completions(rows, tags, n=n), self.form)

    def completions(
        self,
        rows: Sequence[Mapping[str, Any] | None],
        distinct: Sequence[Hashable],
        *,
        n: int = 1,
    ) -> list[Completion | None]:
        """Ask with variables, whatever rows they are of, in one call; return what is answered.

        Args:
            rows: The variables of each question; None for one that is not asked.
            distinct: What tells each from the others where words are chosen at random.
            n: How many answers to each.

        Returns:
            A completion for each; None where nothing was asked.

        Raises:
            PromptError: The prompt does not fit the operator, as `problems` says where there is a
                plan.
        """
        given = next((row for row in rows if row is not None), None)
        if given is not None and (unfit := self._unfit(self.template, given)):
            raise PromptError("\n".join(unfit))
        inputs, system = self._inputs(rows)
        asked = [place for place, one in enumerate(inputs) if one is not None]
        asked = [place for place in asked if not isinstance(inputs[place], RowFailure)]
        completions = self.serving.generate_from_input(
            [inputs[place] for place in asked],
            system,
            self.form.json_schema,
            n=n,
            distinct=[distinct[place] for place in asked],
            **self.sampling,
        )
        answered = [_failed(one) if isinstance(one, RowFailure) else None for one in inputs]
        for place, completion in zip(asked, completions, strict=True):
            answered[place] = completion
        return answered

    def _may_be_blank(self) -> Collection[str]:
        return self.may_be_blank

    def _inputs(self, rows: Sequence[Mapping[str, Any] | None]) -> tuple[list[Any], str | None]:
        """Return what each row is asked with, and the system message of all.

        Where system messages differ from row to row, whole conversations are. A row that is not
        asked about has None, one that cannot be asked about the failure that it is.
        """
        template, settings = self.template, self.settings
        shared = template.used_by_system <= settings.keys()
        system = template.render_system(**settings) if shared else None
        spared, texts = self._may_be_blank(), _texts_of(type(self))
        inputs: list[Any] = []
        for row in rows:
            if row is None or (failure := _no_text_in(row, texts)):
                inputs.append(None if row is None else failure)
            elif _is_blank(row, spared):
                inputs.append(None)
            else:
                inputs.append(_rendered(template, {**settings, **row}, whole=not shared))
        return inputs, system

    def _unfit(self, template: PromptTemplate, given: Collection[str]) -> list[str]:
        return [*self._unfit_variables(template, given), *self._unfit_answer(template)]

    def _unfit_variables(self, template: PromptTemplate, given: Collection[str]) -> list[str]:
        known = sorted({*given, *self.settings})
        unknown = [
            f"{template.name} uses {{{{ {name} }}}}, which {self.step_name()} does not "
            f"give.{did_you_mean(name, known)} It gives: {', '.join(known)}."
            for name in sorted(template.used - set(known))
        ]
        unused = sorted(set(given) - template.used - self.may_be_blank)
        return unknown + [
            f"{template.name} does not use {{{{ {name} }}}}, so that it would ask the "
            "same whatever that column says. Put the variable into its text."
            for name in unused
        ]

    def _unfit_answer(self, template: PromptTemplate) -> list[str]:
        if template.answer.kind in self.answers:
            return []
        wanted = " or ".join(self.answers)
        told = f"{template.name} is answered as {template.answer.kind}, and {self.step_name()}"
        return [f"{told} reads {wanted}: say 'answer: {self.answers[0]}' in its header."]


class PromptedForJson(Prompted):
    """An operator whose fields say what JSON it is answered; derive from it as from `Prompted`.

    Its prompts say ``answer: json``, and no schema of their own.

    Class attributes:
        spared: Fields that people alone read, such as an explanation: a model is asked for them,
            and an answer without them is none the worse.
    """

    answers = ("json",)
    spared: ClassVar[tuple[str, ...]] = ()

    @property
    def wanted(self) -> dict[str, Any]:
        """The JSON schema of the answers."""
        raise NotImplementedError(f"{type(self).__name__} does not define wanted")

    @property
    def form(self) -> AnswerForm:
        """JSON of the schema."""
        if self.spared:
            return SparingJsonAnswer(fields=self.wanted, spared=self.spared)
        return JsonAnswer(fields=self.wanted)

    def _unfit_answer(self, template: PromptTemplate) -> list[str]:
        answer = template.answer
        if isinstance(answer, JsonAnswer) and answer.fields:
            told = f"{template.name} has a schema, and what {self.step_name()} is answered follows"
            return [f"{told} from its fields: say 'answer: json' alone in its header."]
        return super()._unfit_answer(template)


@dataclass
class Asked:
    """A table, and what a model answered about its rows.

    Attributes:
        table: The table; put columns into it, and write it.
        completions: The completion of each row; None where nothing was asked.
        form: The form of the answers.
    """

    table: pd.DataFrame
    completions: list[Completion | None]
    form: AnswerForm
    _values: list[Any] | None = field(default=None, repr=False)

    @property
    def values(self) -> list[Any]:
        """What each row is answered: a value of the form, None, or a `RowFailure`."""
        if self._values is None:
            self._values = [one and self.form.value(one) for one in self.completions]
        return self._values

    def column(
        self,
        pick: Callable[[Any], Any] = lambda value: value,
        otherwise: Sequence[Any] | None = None,
    ) -> pd.Series:
        """Return a column made of the answers; failures stay what they are.

        Args:
            pick: Makes a cell of an answer; it may return a `RowFailure`.
            otherwise: The cells of rows about which nothing was asked; null without.
        """
        made = [one if _is_none(one) else pick(one) for one in self.values]
        if otherwise is not None:
            pairs = zip(made, self.completions, otherwise, strict=True)
            made = [other if asked is None else one for one, asked, other in pairs]
        return self.cells(made)

    def cells(self, values: Iterable[Any]) -> pd.Series:
        """Return a column of cells, one for each row."""
        return column_of(values, self.table)

    def write(self, storage: Storage, columns: Mapping[str, pd.Series]) -> None:
        """Put columns into the table, and write it.

        Args:
            storage: The storage of `run`.
            columns: The columns by name.
        """
        for name, column in columns.items():
            self.table[name] = column
        storage.write(self.table)


@functools.cache
def _texts_of(cls: type[Operator]) -> tuple[str, ...]:
    """Return the variables whose columns hold texts."""
    return tuple(
        parameter.name.removeprefix(_INPUT)
        for parameter in cls.parameters()
        if parameter.is_input and parameter.kind.name == "text"
    )


def _no_text_in(row: Mapping[str, Any], texts: Iterable[str]) -> RowFailure | None:
    """Return the failure of a row that has something else where a text should be."""
    return next((told for name in texts if (told := no_text(row.get(name), _INPUT + name))), None)


def _rendered(template: PromptTemplate, values: Mapping[str, Any], *, whole: bool) -> Any:
    """Return what is sent of a row: the user's text, or the ``whole`` conversation."""
    try:
        user = template.render(**values)
        if not whole:
            return user
        return [*_turn("system", template.render_system(**values)), *_turn("user", user)]
    except TemplateFailed as error:
        return RowFailure(error.reason, str(error))


def _failed(failure: RowFailure) -> Completion:
    """Return the completion of a row about which nothing could be asked."""
    return Completion(error=Failure(failure.reason, failure.message, raw=failure.raw))


def _turn(role: str, content: str | None) -> list[dict[str, str]]:
    return [] if content is None else [{"role": role, "content": content}]


def column_of(values: Iterable[Any], table: pd.DataFrame) -> pd.Series:
    """Return values, one for each row of a table, as a column of it.

    Args:
        values: The values; among them may be lists, dicts, and failures.
        table: The table.
    """
    return pd.Series(list(values), index=table.index, dtype=object)


def is_blank(value: Any) -> bool:
    """Tell whether a value is null, or a text of white space alone."""
    return value is None or (isinstance(value, str) and not value.strip())


def object_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object that has these fields, in this order, and no others.

    Args:
        fields: The schema of each field.
    """
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _is_blank(row: Mapping[str, Any], spared: Collection[str]) -> bool:
    return any(is_blank(value) for name, value in row.items() if name not in spared)


def _is_none(value: Any) -> bool:
    return value is None or isinstance(value, RowFailure)


def rows_of(table: pd.DataFrame, columns: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Return the values of the variables of each row, as Python has them.

    Args:
        table: The table.
        columns: The column of each variable; None for none, which is then null.
    """
    nulls = [None] * len(table)
    lists = [nulls if column is None else cells(table[column]) for column in columns.values()]
    rows = zip(*lists, strict=True) if lists else (() for _ in nulls)
    return [dict(zip(columns, values, strict=True)) for values in rows]


def cells(column: pd.Series) -> list[Any]:
    """Return the values of a column as Python values, None for null."""
    return python_values(pa.chunked_array([arrow_column(column)]))


def _variables(reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [name.removeprefix(_INPUT) for name in reads]
