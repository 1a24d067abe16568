"""What operators hold: a prompt template by name, by file, or written out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from dataflow_core.errors import PluginError, PromptError
from dataflow_core.prompts.answers import TextAnswer
from dataflow_core.prompts.template import PromptTemplate

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

ENDING = ".jinja"
_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


class Prompt:
    """A prompt template, read when it is first needed.

    Args:
        given: One of: a registered name (``"math/solve"``); a file (``"my/solve.jinja"``, or a
            path); the user's message itself, as Jinja (``"Sum up: {{ text }}"``); a
            `PromptTemplate`, or its fields as a mapping.

    Raises:
        PromptError: It is none of these.

    Example:
        >>> Prompt("Sum up: {{ text }}").template.used
        frozenset({'text'})
    """

    given: str | Path | PromptTemplate

    def __init__(self, given: str | Path | Mapping[str, Any] | PromptTemplate | Prompt) -> None:
        if isinstance(given, Prompt):
            given = given.given
        if isinstance(given, Mapping):
            given = PromptTemplate(**given)
        if isinstance(given, str):
            given = given if is_text(given) or _NAME.fullmatch(given) else _as_file(given)
        if not isinstance(given, (str, Path, PromptTemplate)):
            raise PromptError(f"a prompt is {_WAYS}; found {given!r}.")
        self.given = given

    @cached_property
    def template(self) -> PromptTemplate:
        """The template.

        Raises:
            PromptError: There is no such file or name, or what it has is no template.
        """
        if isinstance(self.given, PromptTemplate):
            return self.given
        if isinstance(self.given, Path):
            return read_template(self.given)
        if is_text(self.given):
            return PromptTemplate.from_text(self.given)
        return registered(self.given)

    def plain(self) -> str | dict[str, Any]:
        """Return it as recipes write it: name, path, text, or fields."""
        if isinstance(self.given, PromptTemplate):
            template = self.given
            answer = template.answer.model_dump(mode="json", exclude_defaults=True)
            fields = template.model_dump(mode="json", exclude_defaults=True, exclude={"answer"})
            is_text = template.answer == TextAnswer()
            return (
                fields
                if is_text
                else {**fields, "answer": {"kind": template.answer.kind, **answer}}
            )
        return str(self.given)

    def fingerprint(self) -> dict[str, Any]:
        """Return what determines its prompts, whatever file or name they come from."""
        return self.template.fingerprint()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and self.given == other.given

    def __hash__(self) -> int:
        return hash(str(self.given))

    def __repr__(self) -> str:
        return f"Prompt({self.plain()!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(cls.plain)
        )


_WAYS = (
    "a registered name such as 'core/translate', a file ending with .jinja, a text with "
    "{{ variables }}, or a PromptTemplate"
)


def is_text(given: str) -> bool:
    """Tell whether what a prompt is given as is the text of a template, no name and no file."""
    return "{{" in given or "{%" in given or "\n" in given


def _as_file(given: str) -> Path:
    if given.endswith(ENDING):
        return Path(given)
    raise PromptError(
        f"{given!r} is no prompt: that is {_WAYS}. `dataflow prompts list` has the names."
    )


def read_template(path: Path, name: str | None = None) -> PromptTemplate:
    """Return the template of a file.

    Args:
        path: The file.
        name: What to call it in messages; None for its path.

    Raises:
        PromptError: It cannot be read, or is no template.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        told = error.strerror or str(error)
        raise PromptError(f"cannot read the prompt {path}: {told}") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"cannot read the prompt {path}: it is no UTF-8 text: {error}") from error
    return PromptTemplate.from_text(text, name or f"the prompt {path}")


@lru_cache(maxsize=1024)
def registered(name: str) -> PromptTemplate:
    """Return the template that a plugin registered under a full name.

    Raises:
        PromptError: There is none, or it cannot be read.
    """
    from dataflow_core.plugins import PluginManager

    plugins = PluginManager()
    try:
        found = plugins.find("prompt", name)
        return read_template(plugins.load(found), f"the prompt {found.full_name}")
    except PluginError as error:
        raise PromptError(str(error)) from error
