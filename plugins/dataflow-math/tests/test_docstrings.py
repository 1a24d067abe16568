"""Every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import dataflow_math
from dataflow_math._plugin import OPERATORS

MODULES = [
    module.name for module in pkgutil.walk_packages(dataflow_math.__path__, "dataflow_math.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_operator_has_an_example():
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [
        t for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples
    ]
    operators = {spec.target.partition(":")[2] for spec in OPERATORS}
    assert {t.name.rpartition(".")[2] for t in tests} >= operators
