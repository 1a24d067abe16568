"""What is wrong with an answer, in words for people and for the model that is to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import ValidationError

from dataflow_core.serving.structured.places import Path, located, place
from dataflow_core.serving.structured.tolerant import dumped

IS_MISSING = "is missing"
_LONGEST = 160
_ARTICLES = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer does not fit.

    Attributes:
        path: Where, as keys and positions from the answer's root; empty for the whole.
        message: What is wrong there.
    """

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{place(self.path)} {self.message}" if self.path else self.message


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text without its middle, if it is long."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 40]} … {text[-36:]}"


def problems_of(errors: Iterable[ValidationError], value: Any) -> list[Problem]:
    """Return the problems that a validator's errors about a value are, each once."""
    found = [problem for error in errors for problem in _problems(error, value)]
    return list(dict.fromkeys(found))


def _problems(error: ValidationError, value: Any) -> list[Problem]:
    facts = error.kind.as_dict()
    path = located(value, error.instance_path, error.instance)
    if path is None:  # told of the whole then
        return [Problem((), f"at {place(error.instance_path)} or below, a part {_words(error)}")]
    if error.kind.name == "required":
        return [Problem((*path, facts["property"]), IS_MISSING)]
    if "context" in facts:
        return _problems_of_choice(path, facts["context"], value)
    return [Problem(path, _words(error))]


def _problems_of_choice(
    path: Path, branches: Sequence[Sequence[ValidationError]], value: Any
) -> list[Problem]:
    """Return what is wrong under the only branch that can be meant, or under all."""
    depth = len(path)
    near = [branch for branch in branches if not any(_is_other_type(e, depth) for e in branch)]
    tagged = [branch for branch in near if not any(e.kind.name == "const" for e in branch)]
    near = tagged if len(tagged) == 1 else near
    if len(near) == 1:
        return problems_of(near[0], value)
    found = [_in_words(branch, path, value) for branch in near or branches]
    words = shortened("; or ".join(found), 400)
    return [Problem(path, f"fits none of the forms allowed: {words}")]


def _is_other_type(error: ValidationError, depth: int) -> bool:
    return error.kind.name == "type" and len(error.instance_path) == depth


def _in_words(errors: Sequence[ValidationError], path: Path, value: Any) -> str:
    problems = problems_of(errors, value)
    return ", ".join(
        problem.message if problem.path == path else str(problem) for problem in problems[:3]
    )


def _words(error: ValidationError) -> str:
    kind, facts, value = error.kind.name, error.kind.as_dict(), error.instance
    if kind == "type":
        wanted = " or ".join(_ARTICLES[name] for name in facts["types"])
        return f"should be {wanted}, and is {_shown(value)}"
    if kind == "enum":
        options = ", ".join(dumped(option) for option in facts["options"])
        return f"should be one of {shortened(options, 400)}, and is {_shown(value)}"
    if kind == "const":
        return f"should be {_shown(facts['expected_value'])}, and is {_shown(value)}"
    said = _COUNTED.get(kind)
    if said is not None:
        size = f"{len(value):,}" if isinstance(value, Sequence | Mapping) else _shown(value)
        return f"should be {said} {_shown(facts['limit'])}, and is {size}"
    return shortened(error.message.removeprefix(dumped(value)).strip())


_COUNTED = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minLength": "of a length of at least",
    "maxLength": "of a length of at most",
    "minItems": "of a length of at least",
    "maxItems": "of a length of at most",
}


def _shown(value: Any) -> str:
    return shortened(dumped(value), 80)
