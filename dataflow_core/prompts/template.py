"""Prompt templates: what a model is told, with variables, and the form of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dataflow_core.errors import PromptError, did_you_mean
from dataflow_core.prompts.answers import Answer, TextAnswer
from dataflow_core.prompts.header import faults_text, read_header
from dataflow_core.table.failures import ValueRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import jinja2

_HEADER = re.compile(
    r"---[ \t]*\n(?P<header>.*?)^---[ \t]*(?:\n(?P<body>.*))?\Z",
    re.DOTALL | re.MULTILINE,
)
_HEADER_BEGINS = re.compile(r"---[ \t]*\n")
# As in an f-string; the braces of TeX (`\\boxed{x}`, `x_{i}`) are none.
_SINGLE_BRACES = re.compile(r"(?P<tex>\\[A-Za-z]+\s?|[_^}])?\{ ?(?P<name>[A-Za-z_]\w*) ?\}")
_TEXTS = ("user", "system")


class TemplateFailed(ValueRefused):
    """A template cannot be rendered with the values of a row, which others may well have."""

    reason = "template_failed"


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
            name = fields.get("name") or type(self).model_fields["name"].default
            raise PromptError(faults_text(name, error)) from None

    @classmethod
    def from_text(cls, text: str, name: str = "the prompt") -> PromptTemplate:
        """Return the template of a file's text; without a header all of it is the user's message.

        Raises:
            PromptError: The header or a text is wrong; the message has the line, where it can.
        """
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        if not _HEADER_BEGINS.match(text):
            return cls(user=text.strip("\n"), name=name)
        match = _HEADER.match(text)
        if match is None:
            raise PromptError(f"{name}: the header, which begins with ---, does not end with one.")
        fields, lines = read_header(match["header"], name)
        user = (match["body"] or "").strip("\n")
        made = cls.__new__(cls)
        try:
            BaseModel.__init__(made, **fields, user=user, name=name)
        except ValidationError as error:
            raise PromptError(faults_text(name, error, lines)) from None
        return made

    @model_validator(mode="after")
    def _sound(self) -> PromptTemplate:
        if not self.user.strip():
            raise PromptError(f"{self.name} has no text for the user's message.")
        for what in _TEXTS:
            if (text := getattr(self, what)) is not None:
                self._check(what, text)
        if spare := sorted(self.variables.keys() - self.used):
            close = did_you_mean(spare[0], self.used)
            told = ", ".join(map(repr, spare))
            raise PromptError(f"{self.name} describes {told}, which its texts do not use.{close}")
        return self

    def _check(self, what: str, text: str) -> None:
        known = variables_of(text, f"{self.name} ({what})") | self.variables.keys()
        for match in _SINGLE_BRACES.finditer(_plain_text(text)):
            if match["name"] in known and match["tex"] is None:
                name = match["name"]
                raise PromptError(
                    f"{self.name} ({what}) has {match[0]}, which stays as it is. Write "
                    f"{{{{ {name} }}}} for the variable's value, or "
                    f"{{% raw %}}{match[0]}{{% endraw %}} for the braces."
                )

    @cached_property
    def used(self) -> frozenset[str]:
        """The variables that its texts use."""
        return variables_of(self.user, self.name) | self.used_by_system

    @cached_property
    def used_by_system(self) -> frozenset[str]:
        """The variables that its system message uses."""
        return variables_of(self.system or "", self.name)

    def render(self, **values: Any) -> str:
        """Return the user's message.

        Args:
            **values: The values of the variables; further ones are ignored. What stands in them is
                data: braces in a text are braces. Null renders as nothing.

        Raises:
            PromptError: A variable has no value, or Jinja's sandbox refuses what the template does.
            TemplateFailed: It fails with these values.
        """
        return self._rendered("user", values)

    def render_system(self, **values: Any) -> str | None:
        """Return the system message; None for none.

        Args:
            **values: The values of the variables.

        Raises:
            PromptError: As in `render`.
            TemplateFailed: As in `render`.
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
        return {what: environment().from_string(text).render for what, text in texts.items()}

    def _rendered(self, what: str, values: Mapping[str, Any]) -> str:
        from jinja2.exceptions import SecurityError

        try:
            return self._compiled[what](values)
        except SecurityError as error:
            raise PromptError(f"{self.name} ({what}) is not allowed to do this: {error}") from error
        except Exception as error:  # A template is a program: filters and methods raise anything.
            used = self.used_by_system if what == "system" else variables_of(self.user, self.name)
            if missing := sorted(used - values.keys()):
                told = f"no value for {', '.join(missing)}"
                raise PromptError(f"{self.name} ({what}): {told}") from error
            told = f"{type(error).__name__}: {error}"
            raise TemplateFailed(f"{self.name} ({what}): {told}") from error

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # nothing of it changes, and what Jinja has compiled cannot be copied

    def __getstate__(self) -> dict[Any, Any]:
        # What Jinja has compiled cannot be pickled, and is quickly made again.
        state = super().__getstate__()
        kept = {name: one for name, one in state["__dict__"].items() if name != "_compiled"}
        return {**state, "__dict__": kept}


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    r"""Return Jinja's sandbox, in which prompts are rendered.

    Nothing is escaped, null renders as nothing, and ``tojson`` leaves letters as they are, unlike
    Jinja's own, which writes for web pages. ``{{ text | within("text") }}`` is the text as it may
    stand within ``<text>``: what would close that tag in it is written ``<\/text>``.
    """
    import jinja2.sandbox

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        finalize=lambda value: "" if value is None else value,
    )
    made.filters["tojson"] = _to_json
    made.filters["within"] = _within
    # Names are variables, and nothing else: one may be called range. What is random goes too.
    made.globals.clear()
    del made.filters["random"]
    return made


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _within(value: Any, tag: str) -> Any:
    """Return a value whose text does not close a tag that it stands in."""
    if value is None or "<" not in str(value):
        return value
    closing = re.compile(rf"<(?=\s*+/\s*+{re.escape(tag)}\s*+>)(?P<gap>\s*+)/", re.IGNORECASE)
    return closing.sub(r"<\g<gap>\\/", str(value))


@lru_cache(maxsize=512)
def variables_of(text: str, where: str) -> frozenset[str]:
    """Return the variables that a text in Jinja uses.

    Args:
        text: The text.
        where: What to call it in messages.

    Raises:
        PromptError: It is no template, or needs other files.
    """
    import jinja2
    from jinja2 import meta

    try:
        tree = environment().parse(text)
        environment().compile(text)  # which finds what parsing does not: filters that there are not
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"{where}, line {error.lineno}: {error.message}") from None
    if any(True for _ in meta.find_referenced_templates(tree)):
        raise PromptError(f"{where}: a prompt cannot include, import or extend other files.")
    return frozenset(meta.find_undeclared_variables(tree))


def _plain_text(text: str) -> str:
    """Return what of a text in Jinja stands there literally, and not in ``raw`` blocks."""
    parts, raw = [], False
    for _, kind, value in environment().lex(text):
        raw = kind == "raw_begin" or (raw and kind != "raw_end")
        parts.append(value if kind == "data" and not raw else " ")
    return "".join(parts)
