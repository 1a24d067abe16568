"""What an operator makes of a model's failures: rows in quarantine, never data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from dataflow_core.errors import ConfigurationError, ConformanceError, OperatorError
from dataflow_core.serving.backend import ChatRequest
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.testing.answering import Failing, refusing
from dataflow_core.testing.checks.accounts import Account, account_of, difference
from dataflow_core.testing.scripted import ScriptedServing
from dataflow_core.testing.subject import Subject, closing

Questions = set[str]
"""What was asked about one row."""


def asks(subject: Subject) -> bool:
    """Tell whether it asks a serving that the kit can replace, or may do so."""
    return bool(subject.serving_fields or subject.optional_servings)


def check_failure_is_quarantined(subject: Subject) -> None:
    """A row whose question the server refuses goes to quarantine: it is no null, no 0, no pass.

    So does one of whose questions one alone is refused. The other rows get what they get else.
    """
    asked = _check(subject, "refused")
    if any(asked) and subject.serving_fields:
        _check_each_question(subject, next(at for at, one in enumerate(asked) if one))
        _check_others(subject, asked)


def check_empty_answer_is_quarantined(subject: Subject) -> None:
    """A row whose question the model answers with nothing goes to quarantine."""
    _check(subject, "empty")


def _check(subject: Subject, how: Failing) -> list[Questions]:
    """Run row by row, so that it is known which rows were asked about; return what was asked."""
    asked: list[Questions] = []
    embedded = False
    for at in range(subject.table.num_rows):
        storage = MemoryStorage(subject.table.slice(at, 1))
        try:
            operator, serving = subject.failing(how)
            with closing(operator):
                operator.run(storage, **subject.bindings())
        except (ConfigurationError, OperatorError):
            if subject.serving_fields:
                raise
            return []  # as the example configures it, it takes no serving, or ends the run
        asked.append({_question(request) for request in serving.requests})
        embedded = embedded or bool(serving.embedded)
        if asked[-1] or serving.embedded:
            _require_quarantined(account_of([storage]), how)
    if subject.serving_fields and not (embedded or any(asked)):
        raise ConformanceError("no row of the example is asked about, so that nothing is known.")
    return asked


def _require_quarantined(found: Account, how: Failing) -> None:
    if found.failed and not found.rows:
        return
    went = "came out" if found.rows else "was dropped" if found.dropped else "vanished"
    raise ConformanceError(
        f"a row about which the model answered nothing ({how}) {went}: "
        f"{next(iter(found.rows.values()), '')}. Write a RowFailure, such as completion.cell() "
        "gives, into a column of it."
    )


def _check_each_question(subject: Subject, at: int) -> None:
    """Let each question about a row fail alone, where there are several."""
    answers = subject.answers()
    if not isinstance(answers, ScriptedServing):
        return
    row = subject.table.slice(at, 1)
    subject.run(row, operator=subject.make(answers))
    questions = list(dict.fromkeys(map(_question, answers.requests)))
    for number, question in enumerate(questions[1:], start=2):
        partly = refusing(answers, _asks_one_of({question}))
        storage = subject.run(row, operator=subject.make(partly))
        if not account_of([storage]).failed:
            raise ConformanceError(
                f"question {number} of {len(questions)} about a row is refused, and nothing of it "
                f"goes to quarantine: {storage.rows()}. Write the failure of each answer that a "
                "row is made of."
            )


def _check_others(subject: Subject, asked: Sequence[Questions]) -> None:
    """Let the questions of one row fail among all, and compare the others with a run without."""
    refused = next(one for one in asked if one)
    concerned = [bool(one & refused) for one in asked]
    answers = subject.answers()
    if not isinstance(answers, ScriptedServing) or subject.make().scope != "row":
        return
    whole = subject.run()
    storage = MemoryStorage(subject.table)
    ids = [row for row, is_one in zip(storage.row_ids().tolist(), concerned, strict=True) if is_one]
    partly = refusing(answers, _asks_one_of(refused))
    subject.run(storage, operator=subject.make(partly))
    outcome = whole.outcomes[0]
    made = zip(outcome.children.tolist(), outcome.parents.tolist(), strict=True)
    gone = {*ids, *(child for child, parent in made if parent in ids)}
    rows = account_of([whole]).rows.items()
    expected = Account({row: cells for row, cells in rows if row not in gone})
    found = Account(account_of([storage]).rows)
    if told := difference(expected, found, ("undisturbed", "then")):
        raise ConformanceError(
            f"where the server refuses what is asked about row {concerned.index(True) + 1} alone, "
            f"the others change. {told}. Give each row its own answer: there is one for each "
            "input, in their order."
        )


def _asks_one_of(questions: Questions) -> Callable[[ChatRequest], bool]:
    return lambda request: _question(request) in questions


def _question(request: ChatRequest) -> str:
    return json.dumps(request.messages, sort_keys=True, default=str)
