"""The page on the conformance kit has every check, in the words of its docstring."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from dataflow_core.testing import pytest_plugin
from dataflow_core.testing.checks import CHECKS
from dataflow_core.testing.checks.engines import ENGINE_CHECKS
from dataflow_core.testing.checks.serving_suite import SERVING_CHECKS
from dataflow_core.testing.checks.storages import STORAGE_CHECKS
from dataflow_core.testing.checks.suite import summary_of

PAGE = (Path(__file__).parents[2] / "docs/conformance.md").read_text(encoding="utf-8")
OPERATORS = [check.function for check in CHECKS]
ALL = [*OPERATORS, *STORAGE_CHECKS, *SERVING_CHECKS, *ENGINE_CHECKS]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_each_check_is_on_the_page(check):
    assert f"| `{check.__name__}` | {summary_of(check)} |\n" in PAGE


def test_the_page_has_no_others():
    assert PAGE.count("\n| `check_") == len(ALL)


def test_each_fixture_is_on_the_page():
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("dataflow_")]
    assert len(fixtures) == 4
    assert all(f"\n| `{name}` | " in PAGE for name in fixtures)
    assert all(inspect.getdoc(getattr(pytest_plugin, name)) for name in fixtures)
