"""Prompt templates: what a model is told, with variables, and the form of its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dataflow_core.configuration import explain
from dataflow_core.errors import PromptError, did_you_mean
from dataflow_core.prompts.answers import Answer, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    import jinja2

_HEADER = re.compile(
    r"\A---[ \t]*\r?\n(?P<header>.*?)^---[ \t]*\r?\n(?P<body>.*)\Z",
    re.DOTALL | re.MULTILINE,
)


class PromptTemplate(BaseModel):
    """What a model is told: texts in Jinja, rendered in its sandbox, and the form of the answer.

    A file has a header in YAML between two lines of ``---``, with any of the fields but ``user``,
    and after it the user's message::

        ---
        description: Name the capital of a country.
        variables:
          country: The country's name.
        system: You answer in one word.
        answer: text
        ---
        What is the capital of {{ country }}?

    Attributes:
        user: The user's message.
        system: The system message; None for none.
        description: What it asks for, in a line.
        variables: What each variable stands for. Those of the texts are known without.
        answer: The form of the answer; see `dataflow_core.prompts.answers`.
        source: The published work that it follows.
        name: What to call it in messages.

    Example:
        >>> template = PromptTemplate(user="What is the capital of {{ country }}?")
        >>> template.used
        frozenset({'country'})
        >>> template.render(country="Peru")
        'What is the capital of Peru?'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    user: str
    system: str | None = None
    description: str = ""
    variables: dict[str, str] = Field(default_factory=dict)
    answer: Answer = Field(default_factory=TextAnswer)
    source: str = ""
    name: str = Field("the prompt", exclude=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise PromptError(explain(type(self), error)) from None

    @classmethod
    def from_text(cls, text: str, name: str = "the prompt") -> PromptTemplate:
        """Return the template of a file's text; without a header all of it is the user's message.

        Raises:
            PromptError: The header or a text is wrong.
        """
        match = _HEADER.match(text)
        if match is None:
            return cls(user=text.strip("\n"), name=name)
        fields = _header(match["header"], name)
        for given in ("user", "name"):
            if given in fields:
                raise PromptError(f"{name}: the header may not have {given!r}")
        return cls(**fields, user=match["body"].strip("\n"), name=name)

    @model_validator(mode="after")
    def _sound(self) -> PromptTemplate:
        for what, text in (("user", self.user), ("system", self.system)):
            if text is not None:
                self._check(what, text)
        if self.variables and (spare := sorted(self.variables.keys() - self.used)):
            raise PromptError(
                f"{self.name} describes {', '.join(map(repr, spare))}, which its texts do not use."
            )
        return self

    def _check(self, what: str, text: str) -> None:
        used = variables_of(text, f"{self.name} ({what})")
        known = used | self.variables.keys()
        single = re.findall(r"(?<![{%#])\{ ?([A-Za-z_]\w*) ?\}(?!\})", text)
        if wrong := [name for name in single if name in known]:
            raise PromptError(
                f"{self.name} ({what}) has {{{wrong[0]}}}, which stays as it is. Write "
                f"{{{{ {wrong[0]} }}}} for the variable's value."
            )

    @cached_property
    def used(self) -> frozenset[str]:
        """The variables that its texts use."""
        return variables_of(self.user, self.name) | self.used_by_system

    @cached_property
    def used_by_system(self) -> frozenset[str]:
        """The variables that its system message uses."""
        return variables_of(self.system or "", self.name)

    @property
    def fixed(self) -> str:
        """What all its prompts begin with, as far as no variable comes into it."""
        return re.split(r"\{[{%]", self.user, maxsplit=1)[0]

    def render(self, **values: Any) -> str:
        """Return the user's message.

        Args:
            **values: The values of the variables; further ones are ignored. What stands in them is
                data: braces in a text are braces.

        Raises:
            PromptError: A variable has no value, or Jinja's sandbox refuses what the template does.
        """
        return self._rendered("user", values)

    def render_system(self, **values: Any) -> str | None:
        """Return the system message; None for none.

        Args:
            **values: The values of the variables.
        """
        if self.system is None:
            return None
        return self._rendered("system", values).strip() or None

    def fingerprint(self) -> dict[str, Any]:
        """Return what determines the prompts that it makes, and what is read out of answers."""
        return {"user": self.user, "system": self.system, "answer": self.answer.model_dump()}

    @cached_property
    def _compiled(self) -> dict[str, Callable[..., str]]:
        texts = {"user": self.user, "system": self.system or ""}
        return {what: _environment().from_string(text).render for what, text in texts.items()}

    def _rendered(self, what: str, values: Mapping[str, Any]) -> str:
        import jinja2

        try:
            return self._compiled[what](values)
        except jinja2.UndefinedError as error:
            missing = sorted(self.used - values.keys())
            told = f"no value for {', '.join(missing)}" if missing else str(error)
            raise PromptError(f"{self.name} ({what}): {told}") from error
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError) as error:
            raise PromptError(f"{self.name} ({what}): {error}") from error

    def __getstate__(self) -> dict[Any, Any]:
        # What Jinja has compiled cannot be pickled, and is quickly made again.
        state = super().__getstate__()
        kept = {name: one for name, one in state["__dict__"].items() if name != "_compiled"}
        return {**state, "__dict__": kept}


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2.sandbox

    return jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )


@lru_cache(maxsize=512)
def variables_of(text: str, where: str) -> frozenset[str]:
    """Return the variables that a text in Jinja uses.

    Args:
        text: The text.
        where: What to call it in messages.

    Raises:
        PromptError: It is no template.
    """
    import jinja2
    from jinja2 import meta

    try:
        return frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"{where}, line {error.lineno}: {error.message}") from None


def _header(text: str, name: str) -> dict[str, Any]:
    import yaml

    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"{name}: the header is no YAML: {error}") from None
    if not isinstance(fields, dict):
        raise PromptError(f"{name}: the header is {fields!r}; names and values are wanted.")
    known = [one for one in PromptTemplate.model_fields if one not in ("user", "name")]
    for field in fields:
        if field not in known:
            raise PromptError(
                f"{name}: the header has {field!r}.{did_you_mean(str(field), known)} "
                f"It takes: {', '.join(known)}."
            )
    return fields
