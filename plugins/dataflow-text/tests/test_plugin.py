"""What the plugin registers, and that registering it is light."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dataflow_text
from dataflow_core import Operator, Pipeline, Storage
from dataflow_text import _plugin

OPERATORS = _plugin.dataflow_register_operators()
PIPELINES = _plugin.dataflow_register_pipelines()
STORAGES = _plugin.dataflow_register_storages()
ALL = (*OPERATORS, *PIPELINES, *STORAGES)
LANGUAGES = re.compile(
    r"independent of language|(any|all|other|far) languages?|languages? (that|without|of)"
    r"|scripts?\b|Chinese|(without|no) spaces",
    re.IGNORECASE,
)
SPECS = pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)


def target(spec):
    module, _, name = spec.target.partition(":")
    return getattr(importlib.import_module(module), name)


@SPECS
def test_each_target_is_a_class_in_the_module_that_defines_it(spec):
    cls = target(spec)
    kind = Operator if spec in OPERATORS else Pipeline if spec in PIPELINES else Storage
    assert issubclass(cls, kind)
    assert spec.target == f"{cls.__module__}:{cls.__qualname__}"


@pytest.mark.parametrize("spec", OPERATORS, ids=lambda spec: spec.name)
def test_each_specification_agrees_with_its_operator(spec):
    cls = target(spec)
    assert (spec.name, spec.function, spec.scope) == (cls.step_name(), cls.function, cls.scope)


@SPECS
def test_each_docstring_is_complete(spec):
    text = inspect.getdoc(target(spec))
    assert len(text.splitlines()) > 3
    if spec in OPERATORS:
        assert ">>>" in text
        cited = " ".join(text.partition("Source: ")[2].split())
        assert spec.source
        assert cited.startswith(spec.source)


@pytest.mark.parametrize("spec", OPERATORS, ids=lambda spec: spec.name)
def test_each_docstring_says_what_becomes_of_scripts_without_spaces(spec):
    assert LANGUAGES.search(" ".join(inspect.getdoc(target(spec)).split()))


def test_every_registered_class_is_public_and_what_one_needs():
    names = {spec.target.partition(":")[2] for spec in ALL} | {"CharacterModel"}
    assert names == set(dataflow_text.__all__) == set(dir(dataflow_text))
    assert all(getattr(dataflow_text, name).__name__ == name for name in names)


def test_type_checkers_see_every_public_name():
    source = Path(dataflow_text.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"(\w+) as \1\b", source)) == set(dataflow_text.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dataflow_text.Nothing  # noqa: B018


def test_listing_the_plugin_imports_neither_pandas_nor_pyarrow():
    code = (
        "import sys; from dataflow_core.plugins import PluginManager; "
        "names = [o.full_name for o in PluginManager().operators()]; "
        "assert 'text/word_count_filter' in names; "
        "print([m for m in ('pandas', 'pyarrow', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
