"""The conformance kit: all checks over the operators of a plugin, in pytest and without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_core.errors import ConformanceError, did_you_mean
from dataflow_core.operators.base import Operator
from dataflow_core.plugins import PluginManager
from dataflow_core.plugins.requirements import lacking
from dataflow_core.testing.checks import CHECKS, Check, ExampleFails
from dataflow_core.testing.example import Example
from dataflow_core.testing.spec_examples import example_of
from dataflow_core.testing.subject import Subject

if TYPE_CHECKING:
    import pytest

    from dataflow_core.plugins import Registered
    from dataflow_core.plugins.specs import OperatorSpec

ExpectedFailures = Mapping[str, str | Mapping[str, str]]
"""Reasons by check, or by operator and check."""


@dataclass(frozen=True)
class Result:
    """What came of one check of one operator.

    Attributes:
        operator: The operator's full name.
        check: The check's name.
        outcome: ``"passed"``, ``"failed"``, ``"expected"`` (it fails as was expected) or
            ``"skipped"``.
        message: What was found, or why it was skipped.
    """

    operator: str
    check: str
    outcome: str
    message: str = ""


def operators(
    namespace: str,
    *,
    examples: Mapping[str, Example] | None = None,
    plugins: PluginManager | None = None,
) -> list[Subject]:
    """Return the operators of a plugin, to be checked.

    Args:
        namespace: The plugin's namespace.
        examples: Examples by full name or by name, in place of those that the specifications name.
        plugins: Where to look; None for all that is installed.

    Raises:
        ConformanceError: There are none, or an example names none of them or cannot be imported.
        PluginError: There is no such plugin, or it is broken.
    """
    manager = plugins or PluginManager()
    manager.require_namespace(namespace)
    found = [one for one in manager.operators() if one.namespace == namespace]
    if not found:
        raise ConformanceError(
            f"the plugin {namespace!r} registers no operator, so that there is nothing to check. "
            "Return OperatorSpecs from its hook dataflow_register_operators; if it has none on "
            "purpose, check_plugin alone checks it."
        )
    given = {_full(namespace, name): example for name, example in (examples or {}).items()}
    names = [one.full_name for one in found]
    _refuse_unknown("the examples", given, names)
    return [Subject(one, given.get(one.full_name) or example_of(one)) for one in found]


def subject_of(registered: Registered[OperatorSpec]) -> Subject:
    """Return an operator to be checked; `check_example` tells if its example cannot be imported."""
    try:
        return Subject(registered, example_of(registered))
    except ConformanceError as error:
        return Subject(registered, fault=str(error))


def parametrize_with_checks(
    subjects: Sequence[Subject | type[Operator]],
    *,
    expected_failures: ExpectedFailures | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that runs a test once for each operator and check.

    The test has the parameters ``operator`` and ``check``, and calls ``check(operator)``. A check
    that does not apply to an operator is left out; one that cannot run here, for want of what the
    operator's extra brings, is skipped.

    Args:
        subjects: The operators, as `operators` returns them, or classes.
        expected_failures: The reasons of checks that are expected to fail, by check, or by operator
            and check. One that passes all the same fails.

    Raises:
        ConformanceError: There are no operators, or an expected failure names none, or a check that
            there is not.

    Example:
        >>> @parametrize_with_checks(operators("core"))
        ... def test_operator(operator, check):
        ...     check(operator)
    """
    import pytest

    expected = _Expected(expected_failures or {})
    cases = []
    for subject, check, skipped in _cases(_subjects(subjects), expected):
        marks: list[Any] = []
        if skipped:
            marks.append(pytest.mark.skip(reason=skipped))
        elif reason := expected.reason(subject, check):
            marks.append(pytest.mark.xfail(reason=reason, strict=True))
        name = f"{subject.name}-{check.name}"
        cases.append(pytest.param(subject, _InPytest(check), marks=marks, id=name))
    return pytest.mark.parametrize(("operator", "check"), cases)


def check_operator(
    operator: type[Operator] | str | Subject,
    example: Example | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> None:
    """Make all checks of one operator.

    Args:
        operator: Its class, or its full name.
        example: How to make and run it, where the kit cannot tell.
        expected_failures: The reasons of checks that are expected to fail. One that passes all the
            same fails.

    Raises:
        ConformanceError: Some fail; the message is a table of them.
        PluginError: There is no operator of that name.

    Example:
        >>> from dataflow_core.operators.general import FilterRows
        >>> check_operator(FilterRows, Example(configuration={"where": "length(text) > 3"}))
    """
    results = check_all([_subject(operator, example)], expected_failures)
    failed = [result for result in results if result.outcome == "failed"]
    if failed:
        raise ConformanceError(failures_text(failed, len(results)))


def check_all(
    subjects: Iterable[Subject], expected_failures: ExpectedFailures | None = None
) -> list[Result]:
    """Make all checks of operators, and return what came of them.

    Args:
        subjects: The operators.
        expected_failures: As `parametrize_with_checks` takes them.
    """
    expected = _Expected(expected_failures or {})
    return [
        Result(subject.name, check.name, "skipped", skipped)
        if skipped
        else _result(subject, check, expected.reason(subject, check))
        for subject, check, skipped in _cases(_subjects(list(subjects)), expected)
    ]


def failures_text(failed: Sequence[Result], checks: int) -> str:
    """Return failed checks as a table, with what was found in its own line.

    Args:
        failed: The failures.
        checks: How many checks were made.
    """
    width = max(len(result.check) for result in failed)
    lines = [f"  {result.check:<{width}}  {result.message}" for result in failed]
    names = ", ".join(dict.fromkeys(result.operator for result in failed))
    return f"{names}: {len(failed)} of {checks} checks fail:\n" + "\n".join(lines)


def _result(subject: Subject, check: Check, reason: str) -> Result:
    try:
        check(subject)
    except ExampleFails as error:
        return Result(subject.name, check.name, "skipped", str(error))
    except ConformanceError as error:
        message = str(error).removeprefix(f"{subject.name}, {check.name}: ")
        return Result(subject.name, check.name, "expected" if reason else "failed", message)
    if reason:
        message = f"it passes, and was expected to fail ({reason}). Take it out of the expected."
        return Result(subject.name, check.name, "failed", message)
    return Result(subject.name, check.name, "passed")


def _cases(
    subjects: Sequence[Subject], expected: _Expected
) -> Iterator[tuple[Subject, Check, str]]:
    """Yield each operator with each check that applies, and why it is skipped, if it is."""
    expected.require_known(subjects)
    for subject in subjects:
        missing = _missing(subject)
        for check in CHECKS:
            if missing and check.needs == "run":
                yield subject, check, missing
            elif check.concerns(subject):
                yield subject, check, ""


def _missing(subject: Subject) -> str:
    """Return why an operator cannot run here: its extra is not installed; or an empty text."""
    registered = subject.registered
    if registered is None or registered.spec.extra is None:
        return ""
    extra = registered.spec.extra
    if names := lacking(registered.distribution, extra):
        install = f"pip install '{registered.distribution}[{extra}]'"
        return f"it needs {', '.join(names)}, not installed: {install}"
    return ""


def _subjects(given: Sequence[Subject | type[Operator]]) -> list[Subject]:
    if not given:
        raise ConformanceError("no operators are given, so that there is nothing to check.")
    return [one if isinstance(one, Subject) else Subject(one) for one in given]


def _subject(operator: type[Operator] | str | Subject, example: Example | None) -> Subject:
    if isinstance(operator, Subject):
        return operator if example is None else operator.with_example(example)
    if isinstance(operator, str):
        found = PluginManager().find("operator", operator)
        return subject_of(found) if example is None else Subject(found, example)
    return Subject(operator, example)


def _full(namespace: str, name: str) -> str:
    return name if "/" in name else f"{namespace}/{name}"


def _refuse_unknown(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise ConformanceError(
                f"{what} name {name!r}, which is not there.{did_you_mean(name, known)} "
                f"There are: {', '.join(known)}."
            )


@dataclass(frozen=True)
class _InPytest:
    """A check that pytest skips where the example fails already: one failure tells it."""

    check: Check

    def __call__(self, operator: Subject) -> None:
        import pytest

        try:
            self.check(operator)
        except ExampleFails as error:
            pytest.skip(str(error))

    def __repr__(self) -> str:
        return self.check.name


class _Expected:
    """The failures that are expected, by check, or by operator and check."""

    def __init__(self, given: ExpectedFailures) -> None:
        self._everywhere = {n: why for n, why in given.items() if isinstance(why, str)}
        self._of = {n: why for n, why in given.items() if not isinstance(why, str)}

    def reason(self, subject: Subject, check: Check) -> str:
        """Return why a check is expected to fail; empty if it is not."""
        own = {**subject.example.expected_failures, **self._of.get(subject.name, {})}
        return own.get(check.name) or self._everywhere.get(check.name, "")

    def require_known(self, subjects: Sequence[Subject]) -> None:
        """Refuse names of checks and operators that are not there.

        Raises:
            ConformanceError: There are such.
        """
        checks = [check.name for check in CHECKS]
        _refuse_unknown("the expected failures", self._of, [one.name for one in subjects])
        owns = [*self._of.values(), *(one.example.expected_failures for one in subjects)]
        named = [*self._everywhere, *(name for own in owns for name in own)]
        _refuse_unknown("the expected failures", named, checks)


__all__ = [
    "Example",
    "Result",
    "check_all",
    "check_operator",
    "failures_text",
    "operators",
    "parametrize_with_checks",
    "subject_of",
]
