"""The header of a prompt file: YAML, whose faults are told with line and field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import DataflowError, PromptError, did_you_mean
from dataflow_core.prompts.answers import FORMS

if TYPE_CHECKING:
    from pydantic import ValidationError

    from dataflow_core.yaml_lines import Lines

FIELDS = ("description", "variables", "system", "answer", "source")
"""What a header may say."""

_ABOVE = 1  # lines of a file above its header: ---


def read_header(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    """Return the fields of a header, and their lines in it.

    Args:
        text: What stands between the two lines of ``---``.
        name: What to call the prompt in messages.

    Raises:
        PromptError: It is not YAML, or has other fields.
    """
    from dataflow_core.yaml_lines import YamlFault, load_with_lines

    try:
        fields, lines = load_with_lines(text)
    except YamlFault as fault:
        hint = " A text with {{ … }} stands in quotes." if "{{" in text else ""
        where = f"{name}, line {fault.line + _ABOVE}"
        raise PromptError(f"{where}: {fault.message}.{hint}") from None
    if fields is None:
        return {}, lines
    if not isinstance(fields, dict):
        raise PromptError(f"{name}, line {1 + _ABOVE}: found {fields!r}, wanted 'field: value'.")
    for field in fields:
        if field not in FIELDS:
            raise PromptError(
                f"{name}, line {lines.of((field,)) + _ABOVE}: a header has no {field!r}."
                f"{did_you_mean(str(field), FIELDS)} It takes: {', '.join(FIELDS)}."
            )
    return fields, lines


def faults_text(name: str, error: ValidationError, lines: Lines | None = None) -> str:
    """Return what is wrong with the fields of a template, with lines where they are known.

    Args:
        name: What to call the prompt.
        error: What pydantic found.
        lines: The lines of the header, if it has one.
    """
    items = error.errors(include_url=False)
    around = [item["loc"][:-1] for item in items]
    told = []
    for item in items:
        path = item["loc"]
        if item["type"] == "too_short" and path in around:
            continue  # only since what is in it is wrong
        line = lines.of(_written(path)) + _ABOVE if lines is not None and path else 0
        where = f"{name}, line {line}" if line else name
        told.append((line, f"{where}: {_fault(item)}"))
    return "\n".join(message for _, message in sorted(told, key=lambda one: one[0]))


def _written(path: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a path as people write it: pydantic puts the kind of an answer into it."""
    return (path[0], *path[2:]) if path[:1] == ("answer",) and path[1:2] else path


def _fault(item: Any) -> str:
    path, kind, found = item["loc"], item["type"], item["input"]
    field = ".".join(map(str, _written(path)))
    if kind == "extra_forbidden":
        known = _known(path)
        close = did_you_mean(str(path[-1]), known)
        return f"no such field {field!r}.{close} It takes: {', '.join(known)}."
    if kind == "missing":
        return f"{field} is missing."
    if kind == "union_tag_not_found":
        return f"{field}.kind is missing. There are: {', '.join(FORMS)}."
    if kind == "union_tag_invalid":
        given = found.get("kind") if isinstance(found, Mapping) else found
        close = did_you_mean(str(given), FORMS)
        return f"{field}: {given!r} is no form of answers.{close} There are: {', '.join(FORMS)}."
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, DataflowError):
        return str(cause)
    if cause is not None:
        return f"{field}: {cause}"
    return f"{field}: {item['msg']} (found {found!r})."


def _known(path: tuple[Any, ...]) -> list[str]:
    """Return the fields that there are where one is that there is not."""
    if len(path) == 1:
        return ["user", *FIELDS]
    form = FORMS[path[1]]
    named = [field.alias or name for name, field in form.model_fields.items()]
    return ["kind", *(name for name in named if name != "kind")]
