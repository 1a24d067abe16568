"""What `import dataflow_core` gives, and what it costs."""

import subprocess
import sys

import pytest

import dataflow_core

PUBLIC = [
    "DataflowError",
    "Evaluator",
    "FileStorage",
    "Filter",
    "Generator",
    "MemoryStorage",
    "Operator",
    "Pipeline",
    "Refiner",
    "RepeatedStorage",
    "Storage",
]


def test_the_public_names_are_pinned():
    assert dataflow_core.__all__ == PUBLIC
    assert set(dir(dataflow_core)) == {*PUBLIC, "__version__"}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_a_class_of_that_name(name):
    assert getattr(dataflow_core, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Operators"):
        _ = dataflow_core.Operators


def test_importing_the_package_imports_nothing_heavy_and_no_plugin():
    code = (
        "import sys, dataflow_core; "
        "heavy = {'pandas', 'pyarrow', 'pydantic', 'numpy', 'sqlglot', 'dataflow_text'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
