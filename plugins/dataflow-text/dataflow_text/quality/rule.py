"""Quality rules: a measure with its published source and bounds, and the operators made of it."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow_core import Operator, Storage
from dataflow_text.analysis.shared import Measure, TextAnalysis
from dataflow_text.texts import MeasureEvaluator, TextFilter

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Rule:
    """A measure of texts, and the bounds within which a text is taken for a good one.

    Attributes:
        function: Measures some texts; what it takes besides them are the operators' parameters.
        source: Where the measure is published.
        min_value: The smallest measure of a good text, or None.
        max_value: The largest, or None.
        examples: Texts with their measures.
    """

    function: Callable[..., Values]
    source: str
    min_value: float | None
    max_value: float | None
    examples: Mapping[str, float | None]

    @property
    def name(self) -> str:
        """The measure's name."""
        return self.function.__name__

    @property
    def title(self) -> str:
        """The measure in one line, without a full stop: "The share of ..."."""
        return self._text.partition("\n")[0].removesuffix(".")

    @property
    def details(self) -> str:
        """The rest of its description."""
        return self._text.partition("\n")[2].partition("\nArgs:\n")[0].strip()

    @property
    def parameter_docs(self) -> str:
        """What its description says of its parameters."""
        described = textwrap.dedent(self._text.partition("\nArgs:\n")[2])
        return re.sub(r"\Atexts: .*\n", "", described).rstrip()

    @functools.cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What the function takes besides texts."""
        signature = inspect.signature(self.function, eval_str=True)
        return dict(list(signature.parameters.items())[1:])

    def measure(self, **parameters: Any) -> Measure:
        """Return the function with its parameters, the same object for the same ones."""
        return _bound(self.function, tuple(sorted(parameters.items())))

    def of(self, text: str | None, **parameters: Any) -> float | None:
        """Return the measure of one text; None where it does not apply."""
        analysis = TextAnalysis.of(pa.chunked_array([pa.array([text], pa.string())]))
        value = numbers(analysis, self.measure(**parameters))[0].as_py()
        return None if value is None else float(value)

    def column(self, storage: Storage, texts: str, operator: Operator) -> pa.Array:
        """Return the measure of a column of texts, with an operator's parameters."""
        parameters = {name: getattr(operator, name) for name in self.parameters}
        return numbers(storage.analysis(texts, TextAnalysis), self.measure(**parameters))

    def operators(self, stem: str) -> tuple[type[RuleEvaluator], type[RuleFilter]]:
        """Return the operators of the rule.

        Args:
            stem: Their names without "Evaluator" and "Filter"; they are to be assigned to those
                names in the module that calls this.
        """
        fields = {name: parameter.annotation for name, parameter in self.parameters.items()}
        common: dict[str, Any] = {name: p.default for name, p in self.parameters.items()}
        common |= {"__module__": self.function.__module__, "rule": self}
        evaluator = types.new_class(
            f"{stem}Evaluator",
            (RuleEvaluator,),
            exec_body=lambda body: body.update(
                common, __annotations__=fields, __doc__=_evaluator_doc(self, stem)
            ),
        )
        bounds = {"min_value": self.min_value, "max_value": self.max_value}
        kinds = {**dict.fromkeys(bounds, float | None), **fields}
        filter_ = types.new_class(
            f"{stem}Filter",
            (RuleFilter,),
            exec_body=lambda body: body.update(
                {**common, **bounds}, evaluator=evaluator, __annotations__=kinds,
                __doc__=_filter_doc(self, stem),
            ),
        )  # fmt: skip
        return evaluator, filter_

    @property
    def _text(self) -> str:
        return inspect.getdoc(self.function) or ""


def rule(
    source: str,
    *,
    min_value: float | None = None,
    max_value: float | None = None,
    examples: Mapping[str, float | None],
) -> Callable[[Callable[..., Values]], Rule]:
    """Make a rule of a documented function that measures texts.

    Args:
        source: Where the measure is published, as "Name (Author et al. YEAR), section".
        min_value: The smallest measure of a good text.
        max_value: The largest.
        examples: Texts with their measures, which become the operators' examples.
    """

    def make(function: Callable[..., Values]) -> Rule:
        return Rule(function, source, min_value, max_value, examples)

    return make


def numbers(analysis: TextAnalysis, measure: Measure) -> pa.Array:
    """Return a measure as a column: null for a null text, and where it does not apply."""
    values, absent = analysis.measure(measure), analysis.is_null
    if values.dtype.kind == "f":
        absent = absent | np.isnan(values)
    return pa.array(values, mask=absent if absent.any() else None)


class RuleEvaluator(MeasureEvaluator):
    """An evaluator that adds the measure of a rule; a null text has none."""

    rule: ClassVar[Rule]

    def default_output(self) -> str:
        """Return the measure's name."""
        return self.rule.name

    def measured(self, storage: Storage, input_text: str) -> pa.Array:
        """Return the measure of each text."""
        return self.rule.column(storage, input_text, self)


class RuleFilter(TextFilter):
    """A filter that keeps the texts whose measure lies within bounds.

    The measure stays as a column. A null text is dropped with reason ``"no_value"``; a text that
    the measure does not apply to is kept.
    """

    rule: ClassVar[Rule]

    def default_output(self) -> str:
        """Return the measure's name."""
        return self.rule.name

    def measured(self, storage: Storage, input_text: str, output: str) -> pa.Array:
        """Add the measure as a column, and return it."""
        measure = self.rule.column(storage, input_text, self)
        storage.assign(output, measure)
        return measure

    def spared(
        self, storage: Storage, input_text: str, measure: pa.Array
    ) -> npt.NDArray[np.bool_] | None:
        """Return which texts have no measure, since the rule does not apply to them."""
        if not measure.null_count:
            return None
        return np.asarray(measure.is_null()) & ~storage.analysis(input_text, TextAnalysis).is_null


@functools.cache
def _bound(function: Callable[..., Values], parameters: tuple[tuple[str, Any], ...]) -> Measure:
    given = dict(parameters)
    return lambda texts: function(texts, **given)


def _evaluator_doc(rule: Rule, stem: str) -> str:
    title = rule.title[0].lower() + rule.title[1:]
    text, measure = next(iter(rule.examples.items()))
    return _joined(
        f"Measure {title}.",
        rule.details,
        _fields_doc(rule, ""),
        f"Source: {rule.source}.",
        "Example:\n"
        "    >>> from dataflow_core import MemoryStorage\n"
        f'    >>> table = MemoryStorage([{{"text": {text!r}}}])\n'
        f"    >>> {stem}Evaluator().run(table)\n"
        f"    >>> table.rows()[0][{rule.name!r}]\n"
        + (f"    {measure!r}" if measure is not None else ""),
    )


def _filter_doc(rule: Rule, stem: str) -> str:
    title = rule.title[0].lower() + rule.title[1:]
    kept = [text for text, value in rule.examples.items() if _is_within(rule, value)]
    bounds = (
        "min_value: The smallest measure kept; None for no bound.\n"
        "max_value: The largest measure kept; None for no bound."
    )
    return _joined(
        f"Keep texts by {title}.",
        "A null text is dropped with reason ``no_value``; a text that the measure does not apply\n"
        "to is kept. The measure stays as a column.",
        rule.details,
        _fields_doc(rule, bounds),
        f"Source: {rule.source}.",
        "Example:\n"
        "    >>> from dataflow_core import MemoryStorage\n"
        f"    >>> texts = {list(rule.examples)!r}\n"
        '    >>> table = MemoryStorage([{"text": text} for text in texts])\n'
        f"    >>> {stem}Filter().run(table)\n"
        '    >>> [row["text"] for row in table.rows()]\n'
        f"    {kept!r}",
    )


def _is_within(rule: Rule, value: float | None) -> bool:
    low = -np.inf if rule.min_value is None else rule.min_value
    high = np.inf if rule.max_value is None else rule.max_value
    return value is None or bool(low <= value <= high)


def _fields_doc(rule: Rule, bounds: str) -> str:
    described = "\n".join(text for text in (bounds, rule.parameter_docs) if text)
    return f"Attributes:\n{textwrap.indent(described, '    ')}" if described else ""


def _joined(*paragraphs: str) -> str:
    return "\n\n".join(textwrap.dedent(text) for text in paragraphs if text) + "\n"
