"""The variables of a prompt that are fields of the operator that asks with it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from dataflow_core.cli.parameters import value_for
from dataflow_core.errors import ConfigurationError, DataflowError

if TYPE_CHECKING:
    from dataflow_core.operators.prompted import Prompted
    from dataflow_core.plugins import PluginManager


@dataclass(frozen=True)
class Asking:
    """An operator that asks with a prompt.

    Attributes:
        name: Its full name.
        cls: Its class.
    """

    name: str
    cls: type[Prompted]

    @property
    def fields(self) -> set[str]:
        """Its fields that may be variables."""
        from dataflow_core.operators.prompted import Prompted

        return self.cls.model_fields.keys() - Prompted.model_fields.keys()

    @property
    def required(self) -> set[str]:
        """Those of them that have no default."""
        return {name for name in self.fields if self.cls.model_fields[name].is_required()}

    def takes_text(self, variable: str) -> bool:
        """Tell whether a variable is the value of a column of texts."""
        return any(
            parameter.name == f"input_{variable}" and parameter.kind.name == "text"
            for parameter in self.cls.parameters()
        )

    def settings(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the variables that its fields make, as it gives them to its prompt.

        Args:
            given: Values of fields, as a command line has them; the others have their defaults.

        Raises:
            ConfigurationError: A field does not take its value.
        """
        made = self.cls.model_construct(
            **{name: self._value(name, text) for name, text in given.items()}
        )
        return made.settings

    def _value(self, name: str, text: str) -> Any:
        from pydantic import TypeAdapter, ValidationError

        field = self.cls.model_fields[name]
        wanted: Any = Annotated[field.annotation, *field.metadata, None]
        try:
            return TypeAdapter(wanted).validate_python(value_for(text, field.annotation))
        except ValidationError as error:
            told = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise ConfigurationError(
                f"{name}={text!r}: {told}. It is a field of {self.name}; "
                f"`dataflow operators show {self.name}` says what it takes."
            ) from None


def asking_operator(manager: PluginManager, prompt: str, names: list[str]) -> Asking | None:
    """Return the operator that asks with a prompt by default; None for none.

    Args:
        manager: The plugins.
        prompt: The prompt's full name.
        names: The operators whose modules name it.
    """
    from dataflow_core.operators.prompted import Prompted
    from dataflow_core.prompts import Prompt

    for name in sorted(names, key=lambda one: one != prompt):
        try:
            cls = manager.load(manager.find("operator", name))
        except DataflowError:
            continue  # a prompt can be rendered without its operator
        if isinstance(cls, type) and issubclass(cls, Prompted):
            default = cls.model_fields["prompt"].default
            if isinstance(default, Prompt) and default.given == prompt:
                return Asking(name, cls)
    return None


def fields_in(source: str) -> set[str]:
    """Return the names of fields of the classes of a module, which is not imported."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {
        line.target.id
        for made in ast.walk(tree)
        if isinstance(made, ast.ClassDef)
        for line in made.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
