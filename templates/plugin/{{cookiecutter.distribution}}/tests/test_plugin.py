"""The plugin as a whole: it conforms, its examples run, its classes can be imported."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from dataflow_core.testing import check_plugin, operators, parametrize_with_checks

import {{ cookiecutter.package }} as plugin

MODULES = [one.name for one in pkgutil.walk_packages(plugin.__path__, f"{plugin.__name__}.")]


@parametrize_with_checks(operators("{{ cookiecutter.namespace }}"))
def test_operator(operator, check):
    check(operator)


def test_plugin():
    check_plugin("{{ cookiecutter.namespace }}")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_class_that_is_registered_can_be_imported_from_the_package():
    names = dir(plugin)
    assert names
    assert all(getattr(plugin, name).__name__ == name for name in names)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = plugin.Nothing
