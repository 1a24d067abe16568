"""An operator under check: how to make it, what to run it on, and who answers it."""

from __future__ import annotations

import shutil
import tempfile
import typing
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from dataflow_core.errors import ConfigurationError, ConformanceError, OperatorError, PluginError
from dataflow_core.operators.base import Operator
from dataflow_core.operators.columns import Parameter
from dataflow_core.operators.servings import serving_fields
from dataflow_core.serving.base import Serving
from dataflow_core.storage.base import Storage
from dataflow_core.storage.bindings import flat
from dataflow_core.storage.memory import MemoryStorage
from dataflow_core.table.values import table_of
from dataflow_core.testing.answering import Failing, FailingServing, answering, fresh
from dataflow_core.testing.example import Example
from dataflow_core.testing.made_rows import column_of, made_rows
from dataflow_core.testing.watching import watched

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
        fault: Why it cannot be checked at all, where that is known already.
    """

    def __init__(
        self,
        cls: type[Operator] | Registered[OperatorSpec],
        example: Example | None = None,
        fault: str = "",
    ) -> None:
        self._cls = cls if isinstance(cls, type) else None
        self.registered = None if isinstance(cls, type) else cls
        self.example = example or Example()
        self._fault = fault
        self.example_fails: bool | None = None
        """Whether the operator fails on its own example; None before that was tried."""
        self.told_by = "check_example"
        """The check that tells why the example fails."""
        self.made_first: list[str] | None = None
        """What the class did with files and the like when it was made first; None before that."""

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
    def fault(self) -> str:
        """Why it cannot be checked at all, as when it cannot be imported; empty if it can."""
        if not self._fault:
            try:
                _ = self.cls
            except (PluginError, ConformanceError) as error:
                return str(error)
        return self._fault

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The fields of the example, without servings."""
        given = self.example.configuration
        return dict(given(self.folder) if callable(given) else given)

    @cached_property
    def folder(self) -> Path:
        """A folder for the files of the example, gone with this object."""
        folder = Path(tempfile.mkdtemp(prefix="dataflow-conformance-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def serving_fields(self) -> list[str]:
        """The fields that get a serving: those that need one, or may have that of the example."""
        fields = self.cls.model_fields
        return [
            name
            for name in self._free_serving_fields
            if fields[name].is_required() or self.example.serving is not None
        ]

    @cached_property
    def optional_servings(self) -> list[str]:
        """The fields that may have a serving or none, and have none in the example."""
        fields = self.cls.model_fields
        return [
            name
            for name in self._free_serving_fields
            if name not in self.serving_fields and fields[name].default is None
        ]

    @property
    def _free_serving_fields(self) -> list[str]:
        return [name for name in serving_fields(self.cls) if name not in self.configuration]

    def with_example(self, example: Example) -> Subject:
        """Return the same operator with another example."""
        return Subject(self._cls or cast("Registered[OperatorSpec]", self.registered), example)

    def make(self, serving: Serving | None = None, fields: Sequence[str] = ()) -> Operator:
        """Return the operator, configured as in the example.

        Args:
            serving: Who answers; None for a new serving that answers as the example says, or in
                the form that is asked for.
            fields: Fields that get the serving besides those that always do.
        """
        asking = [*self.serving_fields, *fields]
        if serving is None and asking:
            serving = self.answers()
        given = {**self.configuration, **dict.fromkeys(asking, serving)}
        cls = self.cls
        if self.made_first is None:
            with watched() as self.made_first:
                made = cls(**given)
        else:
            made = cls(**given)
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

    def bound(self, operator: Operator) -> tuple[dict[str, Any], list[Storage]]:
        """Return the columns of ``run`` by parameter, those by default too, and second tables."""
        found = operator.bind(**self.bindings())
        tables = [value for value in found.values() if isinstance(value, Storage)]
        return {n: v for n, v in found.items() if not isinstance(v, Storage)}, tables

    @cached_property
    def rows(self) -> list[Mapping[str, Any]]:
        """The rows of the example, or such as the kinds of its columns ask for."""
        if self.example.rows is not None:
            return list(self.example.rows)
        return list(made_rows(self._kinds() or {"text": "text", "number": "number"}))

    @cached_property
    def table(self) -> pa.Table:
        """The rows as an Arrow table."""
        return table_of(self.rows)

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
        """Return the operator with a serving whose every answer fails, and the serving.

        It is also in the fields that may be without one.
        """
        serving = FailingServing(failing=how, corrections=0)
        return self.make(serving, self.optional_servings), serving

    @cached_property
    def lack(self) -> str:
        """What an example has to say for the operator to be made; empty if nothing."""
        missing = {
            name: told.annotation
            for name, told in self.cls.model_fields.items()
            if told.is_required()
            and name not in self.configuration
            and name not in self.serving_fields
        }
        if missing:
            told = ", ".join(f"{name} ({shown_type(kind)})" for name, kind in missing.items())
            shown = ", ".join(f'"{name}": …' for name in missing)
            return f"its fields without default: {told}. {self._advice(shown)}"
        try:
            self.standing_in()
        except ConfigurationError as error:
            return f"fields that it takes: {error}\n{self._advice('…')}"
        return ""

    def standing_in(self) -> Operator:
        """Return the operator with a serving that recipes can name, and that nobody asks."""
        return self.make(stand_in() if self.serving_fields else None)

    def _advice(self, configuration: str) -> str:
        return (
            f'Give one: examples={{"{self.name}": Example(configuration={{{configuration}}})}} in '
            "operators(…), or in the module that its OperatorSpec names as example."
        )

    def _kinds(self) -> dict[str, str]:
        """Return the kind of each column that it reads, by name."""
        kinds: dict[str, str] = {}
        named: dict[str, Any] = {}
        for parameter in self.cls.parameters():
            if parameter.takes == "table":
                continue
            value = column_of(parameter) if parameter.required else parameter.default
            named[parameter.name] = value = self.example.columns.get(parameter.name, value)
            if parameter.is_input:
                kinds |= dict.fromkeys(flat(value), parameter.kind.name)
        if not self.lack:
            for names in self.standing_in().reads(named).values():
                kinds |= {name: "text" for name in names if name not in kinds}
        return kinds

    def _made_up(self, parameter: Parameter) -> Any:
        if parameter.takes == "table":
            return self.rows
        name = column_of(parameter)
        return (name,) if parameter.takes == "columns" else name


def stand_in() -> Serving:
    """Return a serving for operators that are made but not run; see `STAND_IN`."""
    from dataflow_core.serving.spec import serving_from_spec

    return serving_from_spec(STAND_IN)


@contextmanager
def closing(operator: Operator) -> Iterator[Operator]:
    """Close the servings of an operator in the end."""
    try:
        yield operator
    finally:
        for serving in operator.servings().values():
            serving.close()


def _as_table(value: Any) -> Any:
    return MemoryStorage(value) if _are_rows(value) else value


def _are_rows(value: Any) -> bool:
    """Tell whether a value is a list of rows, which stands for a second table."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def shown_type(annotation: Any) -> str:
    """Return a type in the words of its source, without what stands beside it in Annotated."""
    if typing.get_origin(annotation) is typing.Annotated:
        return shown_type(typing.get_args(annotation)[0])
    if inner := typing.get_args(annotation):
        shown = [shown_type(one) if isinstance(one, type) or typing.get_origin(one) else str(one)
                 for one in inner]  # fmt: skip
        name = getattr(typing.get_origin(annotation), "__name__", str(annotation))
        return (
            " | ".join(shown) if name in ("UnionType", "Union") else f"{name}[{', '.join(shown)}]"
        )
    return getattr(annotation, "__name__", str(annotation))


def explained(
    subject: Subject, check: str, error: BaseException, *, runs: bool
) -> ConformanceError:
    """Return the error of a check, with the operator and the check in it.

    Args:
        subject: The operator.
        check: The check's name.
        error: The error.
        runs: Whether the check runs the operator, so that rows matter.
    """
    told = str(error) if isinstance(error, ConformanceError) else f"{type(error).__name__}: {error}"
    where = f"{subject.name}, {check}"
    made_up = (
        ""
        if subject.example.rows is not None or not runs or not _may_come_from_rows(error)
        else (
            " The rows were made up after the signature of run; if they do not suit, give an "
            "Example with rows."
        )
    )
    return ConformanceError(f"{where}: {told}{made_up}")


def _may_come_from_rows(error: BaseException) -> bool:
    """Tell whether other rows might have made no error.

    An operator's error without a cause is the storage's, which refuses what the operator does.
    """
    if isinstance(error, OperatorError):
        return error.__cause__ is not None
    return not isinstance(error, (ConformanceError, ConfigurationError, PluginError))
