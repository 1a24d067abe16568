"""Operators: validated configuration, and a `run` that reads a table, changes and writes it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from dataflow_core.configuration import explain, refuse_unnamed
from dataflow_core.deprecations import FormerNames, by_former_name, with_new_names
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators import columns as column_rules
from dataflow_core.operators.columns import PRODUCED, Parameter
from dataflow_core.operators.servings import servings_of
from dataflow_core.storage.base import Bindings, Storage
from dataflow_core.storage.bindings import inputs, outputs

if TYPE_CHECKING:
    from dataflow_core.downloads import Download
    from dataflow_core.serving.base import Capability, Serving

Function = Literal["generate", "evaluate", "filter", "refine"]
Scope = Literal["row", "dataset"]


class Operator(BaseModel):
    """The base of all operators; derive from one of its four functions.

    Fields are the configuration: validated, immutable, and all that construction does. ``run``
    takes a storage and the columns to work on, as ``input_*`` and ``output_*`` parameters with
    defaults.

    Class attributes:
        function: What it does to rows; set by the four base classes.
        scope: ``"row"``: each output row depends on one input row, so an engine may batch freely.
            ``"dataset"``: needs all rows.
        modality: ``"text"``, ``"image"``, ``"document"`` or ``"any"``.
        makes_rows: Whether it turns a row into any number of child rows.
        needs: What its servings must be able to do, such as ``frozenset({"chat", "images"})``; of
            several servings in fields of their own, by field.
        former_names: Former names of fields and of columns of ``run``, by the name now, as
            ``{"max_rows": Former("limit", since="0.2", removed_in="0.4")}``: they are understood,
            with a warning, wherever the new ones are. Those of its bases hold too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    function: ClassVar[Function]
    scope: ClassVar[Scope] = "row"
    modality: ClassVar[Literal["text", "image", "document", "any"]] = "text"
    makes_rows: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability] | Mapping[str, frozenset[Capability]]] = frozenset()
    former_names: ClassVar[FormerNames] = {}

    def __init__(self, *unnamed: Any, **configuration: Any) -> None:
        refuse_unnamed(type(self), unnamed, f"{next(iter(type(self).model_fields), 'FIELD')}={{}}")
        try:
            super().__init__(**configuration)
        except ValidationError as error:
            raise ConfigurationError(explain(type(self), error)) from None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "run" in cls.__dict__:
            cls.run = _performed_by_storage(cls.__dict__["run"])  # type: ignore[method-assign]

    @model_validator(mode="before")
    @classmethod
    def _with_new_names(cls, given: Any) -> Any:
        return cls.renamed("field", given) if isinstance(given, Mapping) else given

    if not TYPE_CHECKING:  # else every attribute would be one

        def __getattr__(self, name: str) -> Any:
            """Return a field by its former name."""
            if not name.startswith("_") and name in former_names_of(type(self)):
                (now,) = type(self).renamed("field", {name: None})
                return getattr(self, now)
            return super().__getattr__(name)

    @classmethod
    def renamed(cls, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields or columns by the names that they have now; warn of former ones.

        Args:
            kind: ``"field"`` or ``"column"``.
            given: What was given, by name.

        Raises:
            ConfigurationError: One is given by both of its names.
        """
        formers = former_names_of(cls)
        if formers.keys().isdisjoint(given):
            return dict(given)
        return with_new_names(kind, cls.__name__, _former_names(cls), given)

    def run(self, storage: Storage, *columns: Any, **bindings: Any) -> None:
        """Transform the table of a storage.

        Args:
            storage: Where to read and write.
            *columns: The columns by position.
            **bindings: The columns by name.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define run")

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """Return the column parameters of ``run``, in order."""
        return _parameters(cls)

    @classmethod
    def bind(cls, **given: Any) -> dict[str, Any]:
        """Return complete bindings: the given columns, and defaults for the rest.

        Raises:
            ConfigurationError: A parameter is unknown, missing, or no column name.
        """
        return column_rules.bind(cls.__name__, cls.parameters(), cls.renamed("column", given))

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that it reads, by parameter; override where fields name columns."""
        return inputs(bindings)

    def writes(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that it writes, by parameter; override where fields name columns."""
        return outputs(bindings)

    def columns_joined(
        self, columns: Mapping[str, pa.DataType], other: Mapping[str, pa.DataType]
    ) -> dict[str, pa.DataType]:
        """Return the table's columns with those that the operator takes from a second table.

        Args:
            columns: The columns of the table.
            other: The columns of the second table.
        """
        return {**other, **columns}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the table's columns and types after this operator.

        Args:
            columns: The columns before it.
            bindings: Its columns.
        """
        after = dict(columns)
        kinds = {parameter.name: parameter.kind for parameter in self.parameters()}
        for name, written in self.writes(bindings).items():
            for column in written:
                after[column] = PRODUCED[kinds[name].name if name in kinds else "any"]
        return after

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Return what is wrong with this operator on such a table, found before anything runs.

        Columns that are missing, or of another kind than a parameter's, are found without it. A
        column of type null is one whose type is not known yet: say nothing of it.

        Args:
            columns: The columns of the table.
            bindings: Its columns.
            others: The columns of the second tables, by parameter.

        Returns:
            One message for each problem: what was found and wanted, and how to mend it.
        """
        return []

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return the files that it may need and that are fetched; override where there are any.

        Whatever its configuration. Nothing is opened for this, fetched or imported that is large.
        """
        return ()

    def servings(self) -> dict[str, Serving]:
        """Return the servings that it holds, by field; those in lists and dicts by dotted path."""
        return servings_of({name: getattr(self, name) for name in type(self).model_fields})

    @classmethod
    def step_name(cls) -> str:
        """Return the class's name in snake case, which names its steps by default."""
        return snake_case(cls.__name__)


@functools.cache
def snake_case(name: str) -> str:
    """Return a class's name in snake case: ``PIIRemover`` becomes ``pii_remover``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Generator(Operator):
    """An operator that makes columns or rows: answers, questions, translations, chunks."""

    function: ClassVar[Function] = "generate"


class Evaluator(Operator):
    """An operator that adds columns with measures of a row, and keeps every row."""

    function: ClassVar[Function] = "evaluate"


class Refiner(Operator):
    """An operator that rewrites values, and keeps every row."""

    function: ClassVar[Function] = "refine"


@functools.cache
def _former_names(cls: type[Operator]) -> FormerNames:
    """Return the former names that a class and its bases tell."""
    names: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        names |= vars(base).get("former_names", {})
    return names


@functools.cache
def former_names_of(cls: type[Operator]) -> Mapping[str, str]:
    """Return the name that each former name of a field or column of an operator stands for."""
    return {name: now for name, (_, now) in by_former_name(_former_names(cls)).items()}


@functools.cache
def _parameters(cls: type[Operator]) -> tuple[Parameter, ...]:
    run = cls.run
    return column_rules.parameters_of(getattr(run, "__wrapped__", run), cls.__name__)


def _performed_by_storage(run: Callable[..., None]) -> Callable[..., None]:
    """Let the storage decide what running means: to work on a table, or to record a plan."""

    @functools.wraps(run)
    def perform(self: Operator, storage: Storage, *columns: Any, **bindings: Any) -> None:
        if not isinstance(storage, Storage):
            raise ConfigurationError(
                f"{type(self).__name__}.run takes a storage first, found {type(storage).__name__}. "
                "Wrap a file with FileStorage(path), a DataFrame with MemoryStorage(table)."
            )
        bound = self.bind(**_named(type(self), columns), **bindings)
        storage.perform(self, bound, lambda inner: run(self, inner, **bound))

    return perform


def _named(cls: type[Operator], columns: tuple[Any, ...]) -> dict[str, Any]:
    names = [parameter.name for parameter in cls.parameters()]
    if len(columns) > len(names):
        raise ConfigurationError(
            f"{cls.__name__}.run takes {len(names)} columns ({', '.join(names) or 'none'}), "
            f"found {len(columns)}."
        )
    return dict(zip(names, columns, strict=False))
