"""An operator under check: how to make it, what to run it on, and who answers it."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from dataflow_core.errors import ConfigurationError, ConformanceError
from dataflow_core.operators.base import Operator
from dataflow_core.operators.columns import Parameter
from dataflow_core.operators.servings import takes_servings
from dataflow_core.serving.base import Serving
from dataflow_core.storage.base import Storage
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.table.values import table_of
from dataflow_core.testing.answering import Failing, FailingServing, answering, fresh
from dataflow_core.testing.example import Example
from dataflow_core.testing.made_rows import column_of, made_rows

if TYPE_CHECKING:
    from dataflow_core.plugins import Registered
    from dataflow_core.plugins.specs import OperatorSpec
    from dataflow_core.prompts.answers import AnswerForm

STAND_IN = "openai:conformance"
"""A serving for operators that are made but not run: recipes can name it, and nobody opens it."""


class Subject:
    """An operator under check.

    Args:
        cls: Its class, or what is registered, whose class is then imported when it is needed.
        example: How to make and run it; None for what follows from its signature.
    """

    def __init__(
        self, cls: type[Operator] | Registered[OperatorSpec], example: Example | None = None
    ) -> None:
        self._cls = cls if isinstance(cls, type) else None
        self.registered = None if isinstance(cls, type) else cls
        self.has_example = example is not None
        self.example = example or Example()

    @property
    def name(self) -> str:
        """Its full name; of a class that is not registered, the class's name."""
        return self.registered.full_name if self.registered else self.cls.__name__

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def cls(self) -> type[Operator]:
        """Its class.

        Raises:
            PluginError: It cannot be imported.
        """
        if self._cls is not None:
            return self._cls
        from dataflow_core.plugins.targets import resolve

        found = resolve(cast("Registered[OperatorSpec]", self.registered))
        if not (isinstance(found, type) and issubclass(found, Operator)):
            raise ConformanceError(f"{self.name}: its target is {found!r}, which is no Operator.")
        return found

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The fields of the example, without servings."""
        given = self.example.configuration
        return dict(given(self.folder) if callable(given) else given)

    @cached_property
    def folder(self) -> Path:
        """A folder for the files of the example, gone with this object."""
        self._folder = tempfile.TemporaryDirectory(prefix="dataflow-conformance-")
        return Path(self._folder.name)

    @cached_property
    def serving_fields(self) -> list[str]:
        """The fields that get a serving: those that need one, or may have that of the example."""
        fields = self.cls.model_fields.items()
        return [
            name
            for name, told in fields
            if takes_servings(told.annotation)
            and name not in self.configuration
            and (told.is_required() or self.example.serving is not None)
        ]

    def with_example(self, example: Example) -> Subject:
        """Return the same operator with another example."""
        return Subject(self._cls or cast("Registered[OperatorSpec]", self.registered), example)

    def make(self, serving: Serving | str | None = None) -> Operator:
        """Return the operator, configured as in the example.

        Args:
            serving: Who answers; None for a new serving that answers as the example says, or in
                the form that is asked for.
        """
        if serving is None and self.serving_fields:
            serving = self.answers()
        made = self.cls(**self.configuration, **dict.fromkeys(self.serving_fields, serving))
        self._form = getattr(made, "form", None)
        return made

    def answers(self) -> Serving:
        """Return a new serving that answers as the example says, or in the form asked for."""
        if self.example.serving is not None:
            return fresh(self.example.serving)
        return answering(lambda: cast("AnswerForm | None", self._form))

    _form: Any = None

    @cached_property
    def columns(self) -> dict[str, Any]:
        """What ``run`` is given: the columns of the example, and names for others without default.

        Second tables are lists of rows here.
        """
        given = dict(self.example.columns)
        for parameter in self.cls.parameters():
            if parameter.name not in given and parameter.required:
                given[parameter.name] = self._made_up(parameter)
        return given

    def bindings(self) -> dict[str, Any]:
        """Return what ``run`` is given, with new second tables."""
        return {name: _as_table(value) for name, value in self.columns.items()}

    @cached_property
    def table(self) -> pa.Table:
        """The rows of the example as an Arrow table."""
        if self.example.rows is not None:
            return table_of(list(self.example.rows))
        return table_of(made_rows(self._kinds() or {"text": "text", "number": "number"}))

    def run(
        self,
        table: pa.Table | Storage | None = None,
        *,
        operator: Operator | None = None,
    ) -> MemoryStorage:
        """Run the operator over a table, and return the storage with its account.

        Args:
            table: The table, or a storage; None for the rows of the example.
            operator: The operator; None for one as in the example.
        """
        storage = (
            table
            if isinstance(table, Storage)
            else MemoryStorage(self.table if table is None else table)
        )
        with closing(operator or self.make()) as made:
            made.run(storage, **self.bindings())
        return cast("MemoryStorage", storage)

    def failing(self, how: Failing) -> tuple[Operator, FailingServing]:
        """Return the operator with a serving whose every answer fails, and the serving."""
        serving = FailingServing(failing=how, corrections=0)
        return self.make(serving), serving

    def lacks(self) -> str:
        """Return what an example has to say for the operator to be made; empty if nothing."""
        missing = [
            f"{name} ({_annotation(told.annotation)})"
            for name, told in self.cls.model_fields.items()
            if told.is_required()
            and name not in self.configuration
            and name not in self.serving_fields
        ]
        if missing:
            return f"its fields without default: {', '.join(missing)}"
        try:
            self.make(STAND_IN if self.serving_fields else None)
        except ConfigurationError as error:
            return f"fields that it takes, for: {error}"
        return ""

    def wanted_example(self, lack: str) -> ConformanceError:
        """Return the error that says how to give an example."""
        fields = [part.partition(" ")[0] for part in lack.partition(": ")[2].split(", ")]
        shown = ", ".join(f'"{name}": …' for name in fields if name.isidentifier()) or "…"
        return ConformanceError(
            f"{self.name} needs an Example for {lack}. Give it one: "
            f'examples={{"{self.name}": Example(configuration={{{shown}}})}} in operators(…), or '
            f"the field example of its OperatorSpec."
        )

    def _kinds(self) -> dict[str, str]:
        """Return the kind of each column that it reads, by name."""
        kinds: dict[str, str] = {}
        bound = self.cls.bind(**self.bindings())
        for parameter in self.cls.parameters():
            value = bound[parameter.name]
            if parameter.is_input and parameter.takes != "table" and value is not None:
                names = [value] if isinstance(value, str) else value
                kinds |= dict.fromkeys(names, parameter.kind.name)
        if not self.lacks():
            stand_in = self.make(STAND_IN if self.serving_fields else None)
            for names in stand_in.reads(bound).values():
                kinds |= {name: "text" for name in names if name not in kinds}
        return kinds

    def _made_up(self, parameter: Parameter) -> Any:
        if parameter.takes == "table":
            return list(self.example.rows or made_rows({"text": "text"}))
        name = column_of(parameter)
        return (name,) if parameter.takes == "columns" else name


@contextmanager
def closing(operator: Operator) -> Iterator[Operator]:
    """Close the servings of an operator in the end."""
    try:
        yield operator
    finally:
        for serving in operator.servings().values():
            serving.close()


def _as_table(value: Any) -> Any:
    if isinstance(value, Storage):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and _are_rows(value):
        return MemoryStorage(value)
    return value


def _are_rows(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)


def _annotation(annotation: Any) -> str:
    return inspect.formatannotation(annotation).replace("typing.", "")


def explained(subject: Subject, check: str, error: BaseException) -> ConformanceError:
    """Return the error of a check, with the operator and the check in it."""
    told = str(error) if isinstance(error, ConformanceError) else f"{type(error).__name__}: {error}"
    where = f"{subject.name}, {check}"
    made_up = (
        ""
        if subject.example.rows is not None or isinstance(error, ConformanceError)
        else (
            " The rows were made up after the signature of run; if they do not suit, give an Example "
            "with rows."
        )
    )
    return ConformanceError(f"{where}: {told}{made_up}")
