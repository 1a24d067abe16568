"""The operators that are generated: what each does as it comes, by function, scope and asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.specs import Function, Scope


@dataclass(frozen=True)
class Form:
    """One form of operator, as the files of its name in ``templates/operator/templates`` write it.

    Attributes:
        name: The name of those files: ``row``, ``dataset`` or ``llm``, and the function.
        operator: What it is called where the author says nothing.
        summary: What it does, in one line without a full stop.
        prompt: What its prompt asks for, in one line; empty where it asks no model.
    """

    name: str
    operator: str
    summary: str
    prompt: str = ""


_FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("row_generate", "first_line", "Add the first line of each text"),
        Form("row_evaluate", "letter_share", "Measure the share of letters in each text"),
        Form("row_filter", "letter_filter", "Keep texts that have enough letters"),
        Form("row_refine", "single_spaces", "Write one space where several stand"),
        Form(
            "dataset_generate",
            "length_rank",
            "Add the rank of each text by its length, the longest first",
        ),
        Form(
            "dataset_evaluate",
            "length_summary",
            "Tell how many texts there are, and how long they are",
        ),
        Form("dataset_filter", "longest_texts", "Keep the longest texts of all"),
        Form("dataset_refine", "length_limit", "Cut texts that are longer than most"),
        Form(
            "llm_generate",
            "question_writer",
            "Have a model write a question that each text answers",
            "Write a question that a text answers",
        ),
        Form(
            "llm_evaluate",
            "clarity",
            "Have a model rate how clear each text is",
            "Rate how clear a text is",
        ),
        Form(
            "llm_filter",
            "clarity_filter",
            "Keep the texts that a model finds clear",
            "Say whether a text is clear",
        ),
        Form(
            "llm_refine",
            "spelling",
            "Have a model correct the spelling of each text",
            "Correct the spelling of a text",
        ),
    )
}


def form_of(function: Function, scope: Scope, *, llm: bool) -> Form:
    """Return the form of an operator.

    Raises:
        ConfigurationError: It is to ask a model, and to look at all rows at once.
    """
    if llm and scope == "dataset":
        raise ConfigurationError(
            "--llm and --scope dataset do not go together: an operator that asks a model is asked "
            "row by row, so that a run can go on with the answers it has. Have one operator ask "
            "(--llm), and another decide over all rows on the column that it makes (--scope "
            "dataset)."
        )
    return _FORMS[f"{'llm' if llm else scope}_{function}"]
