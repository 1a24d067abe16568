"""Every example in a docstring of the core runs and prints what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import dataflow_core

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(dataflow_core.__path__, "dataflow_core.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)
    outcome = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert outcome.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(name) for name in MODULES]
    assert sum(bool(test.examples) for m in modules for test in finder.find(m)) >= 15
