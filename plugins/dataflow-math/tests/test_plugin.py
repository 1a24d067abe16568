"""What the plugin registers, and that registering it is light."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dataflow_math
from dataflow_core import Operator
from dataflow_math import _plugin

OPERATORS = _plugin.dataflow_register_operators()
SPECS = pytest.mark.parametrize("spec", OPERATORS, ids=lambda spec: spec.name)


def target(spec):
    module, _, name = spec.target.partition(":")
    return getattr(importlib.import_module(module), name)


@SPECS
def test_each_specification_agrees_with_its_operator(spec):
    cls = target(spec)
    assert issubclass(cls, Operator)
    assert spec.target == f"{cls.__module__}:{cls.__qualname__}"
    assert (spec.name, spec.function, spec.scope) == (cls.step_name(), cls.function, cls.scope)


@SPECS
def test_each_docstring_is_complete(spec):
    text = inspect.getdoc(target(spec))
    cited = " ".join(text.partition("Source: ")[2].split())
    assert ">>>" in text
    assert spec.source
    assert cited.startswith(spec.source)
    assert re.search(r"languages", text)


def test_every_registered_class_is_public():
    specs = [*OPERATORS, *_plugin.dataflow_register_pipelines()]
    names = {spec.target.partition(":")[2] for spec in specs}
    assert names == set(dataflow_math.__all__) == set(dir(dataflow_math))
    assert all(getattr(dataflow_math, name).__name__ == name for name in names)


def test_type_checkers_see_every_public_name():
    source = Path(dataflow_math.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"(\w+) as \1\b", source)) == set(dataflow_math.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dataflow_math.Nothing  # noqa: B018


def test_listing_the_plugin_imports_nothing_heavy():
    code = (
        "import sys; from dataflow_core.plugins import PluginManager; "
        "names = [o.full_name for o in PluginManager().operators()]; "
        "assert 'math/answer_verifier' in names; "
        "print([m for m in ('pandas', 'pyarrow', 'pydantic', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_neither_operators_nor_their_results_import_sympy_here():
    code = (
        "import sys; from dataflow_core import MemoryStorage; from dataflow_math import *; "
        "table = MemoryStorage([{'answer': 'x+1', 'reference': '1+x'}]); "
        "AnswerVerifier().run(table); print(table.rows()[0]['is_correct'], 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
