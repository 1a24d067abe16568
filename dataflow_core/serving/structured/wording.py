"""What is wrong with an answer, in words for people and for the model that is to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import ValidationError

from dataflow_core.serving.structured.tolerant import Path, dumped

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


def place(path: Sequence[str | int]) -> str:
    """Return a path as people write it.

    Example:
        >>> place(("steps", 0, "text"))
        'steps[0].text'
    """
    if not path:
        return "the answer"
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text without its middle, if it is long."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 40]} … {text[-36:]}"


def problems_of(errors: Iterable[ValidationError]) -> Iterator[Problem]:
    """Return the problems that errors of a validator are, each once."""
    seen: set[Problem] = set()
    for error in errors:
        for problem in _problems(error):
            if problem not in seen:
                seen.add(problem)
                yield problem


def _problems(error: ValidationError) -> Iterator[Problem]:
    facts, path = error.kind.as_dict(), tuple(error.instance_path)
    if error.kind.name == "required":
        yield Problem((*path, facts["property"]), IS_MISSING)
    elif "context" in facts:
        yield from _problems_of_choice(path, facts["context"])
    else:
        yield Problem(path, _words(error))


def _problems_of_choice(
    path: Path, branches: Sequence[Sequence[ValidationError]]
) -> Iterator[Problem]:
    """Yield what is wrong under the only branch that can be meant, or under all."""
    near = [branch for branch in branches if not any(_is_other_type(e, path) for e in branch)]
    tagged = [branch for branch in near if not any(e.kind.name == "const" for e in branch)]
    near = tagged if len(tagged) == 1 else near
    if len(near) == 1:
        yield from problems_of(near[0])
        return
    found = [_in_words(branch, path) for branch in near or branches]
    yield Problem(path, "fits none of the forms allowed: " + shortened("; or ".join(found), 400))


def _is_other_type(error: ValidationError, path: Path) -> bool:
    return error.kind.name == "type" and tuple(error.instance_path) == path


def _in_words(errors: Sequence[ValidationError], path: Path) -> str:
    problems = list(problems_of(errors))
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
