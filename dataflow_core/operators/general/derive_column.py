"""Make a column from others, by an expression or a template."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import pandas as pd
import pyarrow as pa
from pydantic import model_validator

from dataflow_core.errors import ColumnError, ConfigurationError, ExpressionError
from dataflow_core.operators.base import Generator
from dataflow_core.operators.columns import AnyColumn
from dataflow_core.operators.expressions import Expression, columns_for
from dataflow_core.storage.base import Bindings, Storage


class DeriveColumn(Generator):
    """Make a column from others.

    Give one of the two: an SQL expression (as in `core/filter_rows`), or a Jinja template, which makes a
    text of a row's values and is rendered in Jinja's sandbox; there a null renders as nothing.

    Attributes:
        expression: The expression, such as ``"score / votes"``.
        template: The template, such as ``"Q: {{ question }}\\nA: {{ answer }}"``.

    Raises:
        ExpressionError: The expression does not parse or does not fit the columns.
        ConfigurationError: The template is broken, or both or none are given.
        ColumnError: A column is not there.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> table = MemoryStorage([{"q": "1+1?", "a": "2"}])
        >>> DeriveColumn(template="{{ q }} {{ a }}").run(table, output_column="text")
        >>> table.rows()
        [{'q': '1+1?', 'a': '2', 'text': '1+1? 2'}]
    """

    modality: ClassVar = "any"

    expression: str | None = None
    template: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.expression is None) == (self.template is None):
            raise ValueError("give either expression or template")
        _ = self._names
        return self

    def run(self, storage: Storage, output_column: AnyColumn) -> None:
        """Make the column; one of that name is replaced.

        Args:
            storage: The table.
            output_column: The column to make.
        """
        table = storage.read(self._names)
        table[output_column] = self._evaluate(table) if self.expression else self._render(table)
        storage.write(table)

    def reads(self, bindings: Bindings) -> dict[str, tuple[str, ...]]:
        """Return the columns that the expression or template names."""
        return {"expression" if self.expression is not None else "template": self._names}

    def columns_after(
        self, columns: Mapping[str, pa.DataType], bindings: Bindings
    ) -> dict[str, pa.DataType]:
        """Return the columns with the new one."""
        kind = pa.string()
        if self.expression is not None:
            try:
                kind = Expression(self.expression).type(columns)
            except (ColumnError, ExpressionError):
                kind = pa.null()
        return {**columns, str(bindings["output_column"]): kind}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        if self.expression is not None:
            return Expression(self.expression).columns
        return self._template_names()

    def _evaluate(self, table: pd.DataFrame) -> pd.Series:
        expression = Expression(self.expression or "")
        values = expression.evaluate(columns_for(expression.columns, table), len(table))
        return pd.Series(pd.array(values, dtype=pd.ArrowDtype(values.type)), index=table.index)

    def _render(self, table: pd.DataFrame) -> list[str]:
        template = _sandbox().from_string(self.template or "")
        columns = [table[name].tolist() for name in self._names]
        rows = zip(*columns, strict=True) if columns else [()] * len(table)
        return [template.render(dict(zip(self._names, _no_na(row), strict=True))) for row in rows]

    def _template_names(self) -> tuple[str, ...]:
        from jinja2 import TemplateSyntaxError, meta

        try:
            tree = _sandbox().parse(self.template or "")
        except TemplateSyntaxError as error:
            raise ConfigurationError(f"line {error.lineno} of the template: {error}") from error
        return tuple(sorted(meta.find_undeclared_variables(tree)))


def _sandbox() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, finalize=lambda v: "" if v is None else v
    )


def _no_na(row: tuple[Any, ...]) -> list[Any]:
    return [None if value is pd.NA else value for value in row]
