"""Have a model answer the questions of a benchmark, and score its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import model_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.base import Evaluator
from dataflow_core.operators.columns import (
    AnyColumn,
    BooleanColumn,
    ColumnKind,
    NumberColumn,
    TextColumn,
)
from dataflow_core.operators.general.answer_options import (
    ReferenceIs,
    lettered,
    named_by_answer,
    named_by_reference,
    plain_text,
)
from dataflow_core.operators.general.answer_scores import exact_match, set_f1, token_f1
from dataflow_core.operators.general.judge_answers import JudgeAnswers, is_correct
from dataflow_core.operators.prompted import Prompted, column_of, is_blank, object_of, rows_of
from dataflow_core.prompts import (
    AnswerForm,
    JsonAnswer,
    Prompt,
    PromptTemplate,
    TagsAnswer,
    Unparsable,
)
from dataflow_core.serving.base import Serving
from dataflow_core.serving.completion import Completion
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.table.failures import RowFailure

_FIELD = "answer"


class _Row(NamedTuple):
    """A question as it is asked; the failure that the row is already.

    Attributes:
        variables: The variables of the prompt; None where nothing is asked.
        right: The accepted texts, or the letters of the right options; None without reference.
        failure: Why nothing is asked, where that is an error.
    """

    variables: dict[str, Any] | None
    right: Any = None
    failure: RowFailure | None = None


class BenchmarkAnswers(Prompted, Evaluator):
    """Have a model answer the questions of a benchmark, and score its answers.

    Kinds of questions:

    - ``open``: the reference is an accepted answer, or a list of several. The score is the F1 of
      tokens with the closest of them, and an answer is correct if it equals one, both after the
      normalisation of SQuAD (case, articles, punctuation, white space); scripts without spaces are
      compared by characters. With `judge`, a model tells instead whether the answer says the same.
    - ``choice``: one of the options is right; the score is 1 or 0.
    - ``choices``: any number of options are right; the score is the F1 of the two sets, and an
      answer is correct if they are the same.

    Options are a list, or an object from letters (``{"A": "three", "B": "four"}``), whose letters
    stay; texts or numbers. Others fail (``invalid_options``).

    Only what stands between the tags ``<answer>`` (or in the JSON field ``answer``, where the
    prompt says ``answer: json``) is the answer. For options it has letters alone, a letter with the
    text of its option or in a fixed phrase (``The answer is B``), or the very text of one option:
    all else fails (``unparsable_answer``, ``no_such_option``), and so does a reference that names
    no option (``invalid_reference``), before anything is asked. A row without reference is answered
    and has no score; one without question, or without options where there should be some, gets
    nulls.

    The report has the distributions of both measures, over the rows with a reference that were
    answered; rows in quarantine are not among them. The mean of the verdicts, 1 for correct, is the
    accuracy; that of the scores the benchmark's F1.

    Source: SQuAD (Rajpurkar et al. 2016), arXiv:1606.05250, for exact match and F1.

    Attributes:
        kind: The kind of the questions.
        reference_is: What references name options by: ``"letter"``, ``"text"``, ``"index"`` (from
            0 on) or ``"number"`` (from 1 on). It is never guessed.
        judge: A model that judges open answers; None for the measures.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> row = {"question": "2 + 2?", "options": ["3", "4"], "reference": 1}
        >>> table = MemoryStorage([row])
        >>> serving = ScriptedServing(lambda text: "A sum of twos. <answer>B</answer>")
        >>> bench = BenchmarkAnswers(serving=serving, kind="choice", reference_is="index")
        >>> bench.run(table, input_options="options")
        >>> [table.rows()[0][name] for name in ("answer", "score", "is_correct")]
        ['B', 1.0, True]
    """

    answers = ("tags", "json")
    may_be_blank = frozenset({"context", "options", "reference"})
    beyond_prompt = frozenset({"kind"})

    kind: Literal["open", "choice", "choices"] = "open"
    reference_is: ReferenceIs | None = None
    judge: Serving | None = None
    prompt: Prompt = Prompt("core/benchmark_answers")

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind == "open" and self.reference_is is not None:
            raise ValueError(
                "reference_is says how options are named, and open questions have none"
            )
        if self.kind != "open" and self.reference_is is None:
            raise ValueError(
                "say what references are: reference_is = letter, text, index or number"
            )
        if self.kind != "open" and self.judge is not None:
            raise ValueError(f"judge is for open questions, and these are {self.kind!r}")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The kind of the questions."""
        return {"kind": self.kind}

    @property
    def form(self) -> AnswerForm:
        """The template's tags, or JSON with the answer in a field."""
        answer = self.template.answer
        if not isinstance(answer, JsonAnswer) or answer.fields:
            return answer
        text = {"type": "string"}
        wanted = {"type": "array", "items": text} if self.kind == "choices" else text
        return JsonAnswer(fields=object_of({_FIELD: wanted}))

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the table's columns with the answers: texts or letters, or lists of letters."""
        kind = pa.list_(pa.string()) if self.kind == "choices" else pa.string()
        after = super().columns_after(columns, bindings)
        return {**after, str(bindings["output_answer"]): kind}

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Return how prompt and options do not fit it."""
        return [
            *super().problems(columns, bindings, others),
            *self._unfit_options(bindings.get("input_options"), columns),
        ]

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        input_reference: AnyColumn = "reference",
        input_options: AnyColumn | None = None,
        input_context: TextColumn | None = None,
        output_answer: AnyColumn = "answer",
        output_score: NumberColumn = "score",
        output_is_correct: BooleanColumn = "is_correct",
    ) -> None:
        """Add the answers, their scores, and whether they are correct.

        Args:
            storage: The table.
            input_question: The column of questions.
            input_reference: The column of references.
            input_options: The column of options: lists of texts or numbers, or objects of them by
                letter; None for open questions.
            input_context: The column of texts that the questions are about; None for none.
            output_answer: The column for the answers.
            output_score: The column for the scores, 0 to 1.
            output_is_correct: The column for whether they are correct.

        Raises:
            ConfigurationError: There are options to open questions, or none to others.
        """
        if unfit := self._unfit_options(input_options, storage.columns() or {}):
            raise ConfigurationError(unfit[0])
        columns = {
            "question": input_question,
            "reference": input_reference,
            "options": input_options,
            "context": input_context,
        }
        table = storage.read(sorted({one for one in columns.values() if one is not None}))
        rows = [self._row(row) for row in rows_of(table, columns)]
        ids = table.index.tolist()
        completions = self.completions([row.variables for row in rows], ids)
        pairs = zip(rows, completions, strict=True)
        answers = [row.failure or self._answer(row, one) for row, one in pairs]
        scored = self._scored(rows, answers, ids)
        table[output_answer] = column_of(map(self._listed, answers), table)
        for place, output in enumerate((output_score, output_is_correct)):
            values = [one[place] if isinstance(one, tuple) else one for one in scored]
            table[output] = column_of(values, table)
        storage.observe(output_score, _floats(table[output_score]))
        storage.observe(output_is_correct, _floats(table[output_is_correct]), low=1)
        storage.write(table)

    def _row(self, given: Mapping[str, Any]) -> _Row:
        """Return what is asked about a row."""
        reference = given["reference"]
        shown = {name: given[name] for name in ("question", "context")}
        if self.kind == "open":
            return _Row({**shown, "options": {}}, _accepted(reference))
        if is_blank(given["question"]) or not given["options"]:
            return _Row(None)
        try:
            options = lettered(given["options"])
            right = None
            if not is_blank(reference) and self.reference_is is not None:
                right = named_by_reference(reference, options, self.reference_is)
                if self.kind == "choice" and len(right) != 1:
                    told = f"the reference names {len(right)} options, and one is right"
                    raise Unparsable(told, "invalid_reference")  # noqa: TRY301  one way out
        except Unparsable as error:
            return _Row(None, None, RowFailure(error.reason, str(error)))
        return _Row({**shown, "options": options}, right)

    def _answer(self, row: _Row, completion: Completion | None) -> Any:
        """Return an answer: a text, a set of letters, None, or the failure that it is."""
        if completion is None or row.variables is None:
            return None
        value = self.form.value(completion)
        if isinstance(value, RowFailure):
            return value
        told = value[_FIELD]
        if self.kind == "open":
            raw = RowFailure("empty_answer", "the answer is blank", completion.text)
            return raw if is_blank(told) else str(told)
        try:
            letters = named_by_answer(told, row.variables["options"])
        except Unparsable as error:
            return RowFailure(error.reason, str(error), completion.text)
        if self.kind == "choice" and len(letters) != 1:
            told = f"it names {len(letters)} options, and one is wanted"
            return RowFailure("unparsable_answer", told, completion.text)
        return letters

    def _scored(
        self, rows: Sequence[_Row], answers: Sequence[Any], ids: Sequence[int]
    ) -> list[tuple[float, bool] | RowFailure | None]:
        """Return score and verdict of each row; None without answer or reference."""
        if self.judge is not None:
            return self._judged(self.judge, rows, answers, ids)
        scores: list[tuple[float, bool] | RowFailure | None] = []
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, RowFailure) or answer is None or row.right is None:
                scores.append(answer if isinstance(answer, RowFailure) else None)
            elif self.kind == "open":
                scores.append((token_f1(answer, row.right), exact_match(answer, row.right)))
            else:
                f1, same = set_f1(answer, row.right), answer == row.right
                scores.append((f1 if self.kind == "choices" else float(same), same))
        return scores

    def _judged(
        self, judge: Serving, rows: Sequence[_Row], answers: Sequence[Any], ids: Sequence[int]
    ) -> list[tuple[float, bool] | RowFailure | None]:
        judging = JudgeAnswers(serving=judge)
        questions = [
            {
                "answer": answer if isinstance(answer, str) else None,
                "reference": "\nor\n".join(row.right or ()),
                "question": (row.variables or {}).get("question"),
            }
            for row, answer in zip(rows, answers, strict=True)
        ]
        verdicts, form = judging.completions(questions, ids), judging.form
        scores: list[tuple[float, bool] | RowFailure | None] = []
        for answer, verdict in zip(answers, verdicts, strict=True):
            told = None if verdict is None else form.value(verdict)
            if isinstance(told, Mapping):
                scores.append((float(is_correct(told)), is_correct(told)))
            else:
                scores.append(answer if isinstance(answer, RowFailure) else told)
        return scores

    def _listed(self, answer: Any) -> Any:
        """Return an answer as it stands in its column: of letters, one or a list."""
        if not isinstance(answer, set):
            return answer
        return sorted(answer) if self.kind == "choices" else next(iter(answer))

    def _unfit_options(self, column: Any, columns: Mapping[str, pa.DataType]) -> list[str]:
        if self.kind == "open" and column is not None:
            return ["input_options is for questions of kind 'choice' or 'choices'."]
        if self.kind != "open" and column is None:
            return [f"questions of kind {self.kind!r} have options: name input_options."]
        kind = columns.get(column, pa.null())
        if column is None or pa.types.is_struct(kind) or ColumnKind("list").accepts(kind):
            return []
        return [f"input_options: column {column!r} is {kind}; lists or objects are wanted."]

    def _unfit_variables(self, template: PromptTemplate, given: Any) -> list[str]:
        return [
            *super()._unfit_variables(template, set(given) - {"reference"}),
            *(
                [f"{template.name} does not show the {{{{ options }}}}."]
                if self.kind != "open" and "options" not in template.used
                else []
            ),
        ]

    def _unfit_answer(self, template: PromptTemplate) -> list[str]:
        answer = template.answer
        names: Any = [_FIELD]
        if isinstance(answer, TagsAnswer):
            names = answer.tags
        elif isinstance(answer, JsonAnswer) and answer.fields:
            names = answer.fields.get("required", ())
        if _FIELD not in names:
            return [f"{template.name} has the answer elsewhere than in {_FIELD!r}, a tag or field."]
        return super()._unfit_answer(template)


def _accepted(reference: Any) -> list[str] | None:
    several = reference if isinstance(reference, (list, tuple)) else [reference]
    return [plain_text(one) for one in several if not is_blank(one)] or None


def _floats(column: pd.Series) -> Any:
    plain = [np.nan if one is None or isinstance(one, RowFailure) else float(one) for one in column]
    return np.array(plain, dtype=np.float64)
