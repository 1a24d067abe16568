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
from dataflow_core.table.failures import RowFailure


class DeriveColumn(Generator):
    r"""Make a column from others.

    Give one of the two: an SQL expression (as in `core/filter_rows`), or a Jinja template, which
    makes a text of a row's values and is rendered in Jinja's sandbox; there a null renders as
    nothing, and a row that cannot be rendered goes to quarantine with reason ``"template_failed"``.
    So does in a run a row with a value on which the expression fails.

    Attributes:
        expression: The expression, such as ``"score / votes"``.
        template: The template, such as ``"Q: {{ question }}\nA: {{ answer }}"``.

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

    def problems(
        self,
        columns: Mapping[str, pa.DataType],
        bindings: Bindings,
        others: Mapping[str, Mapping[str, pa.DataType]] | None = None,
    ) -> list[str]:
        """Say whether the expression does not fit the columns."""
        try:
            if self.expression is not None:
                Expression(self.expression).known_type(columns)
        except ExpressionError as error:
            return [str(error)]
        return []

    @cached_property
    def _names(self) -> tuple[str, ...]:
        if self.expression is not None:
            return Expression(self.expression).columns
        return self._template_names()

    def _evaluate(self, table: pd.DataFrame) -> pd.Series:
        expression = Expression(self.expression or "")
        values = expression.evaluate(columns_for(expression.columns, table), len(table))
        return pd.Series(pd.array(values, dtype=pd.ArrowDtype(values.type)), index=table.index)

    def _render(self, table: pd.DataFrame) -> pd.Series:
        template = _sandbox().from_string(self.template or "")
        columns = [table[name].tolist() for name in self._names]
        rows = zip(*columns, strict=True) if columns else [()] * len(table)
        texts = [
            _rendered(template, dict(zip(self._names, _no_na(row), strict=True))) for row in rows
        ]
        return pd.Series(texts, index=table.index, dtype=object)

    def _template_names(self) -> tuple[str, ...]:
        from jinja2 import TemplateSyntaxError, meta, nodes

        text = self.template or ""
        try:
            tree = _sandbox().parse(text)
            _sandbox().compile(text)
        except TemplateSyntaxError as error:
            raise ConfigurationError(
                f"line {error.lineno} of the template: {error.message}"
            ) from error
        if any(meta.find_referenced_templates(tree)):
            raise ConfigurationError("a template cannot include, import or extend others")
        if any(node.name == "self" for node in tree.find_all(nodes.Name)):
            raise ConfigurationError("'self' is Jinja's own name; rename that column first")
        return tuple(sorted(meta.find_undeclared_variables(tree)))


def _sandbox() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    sandbox = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda v: "" if v is None else v,
    )
    # Names are columns, and nothing else: one may be called range. What is random goes too.
    sandbox.globals.clear()
    del sandbox.filters["random"]
    return sandbox


def _rendered(template: Any, row: dict[str, Any]) -> str | RowFailure:
    from jinja2.exceptions import SecurityError, TemplateError

    try:
        return str(template.render(row))
    except SecurityError as error:
        raise ConfigurationError(
            f"derive_column: the template is not allowed to do this: {error}"
        ) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        return RowFailure("template_failed", f"{type(error).__name__}: {error}")


def _no_na(row: tuple[Any, ...]) -> list[Any]:
    return [None if value is pd.NA else value for value in row]
