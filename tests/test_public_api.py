"""What is public: what `import dataflow_core` gives and costs, and the surface written down.

``public_api.txt`` has the core's surface: names, signatures, hooks, commands and formats of files.
What differs from it fails here, and the message says what to do.
"""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dataflow_core
from dataflow_core.plugins import PluginManager
from dataflow_core.testing import check_surface, surface_of
from dataflow_core.testing.surface.core import MODULES, PUBLIC

REPOSITORY = Path(__file__).parents[1]
WRITTEN = Path(__file__).parent / "public_api.txt"
NAMES = dataflow_core.__all__


def test_the_public_api_is_as_written_down():
    check_surface("core", WRITTEN)


def test_the_page_on_compatibility_lists_the_public_modules():
    page = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
    table = page[: page.index("Public too:")]
    named = re.findall(
        r"`(?:dataflow_core)?((?:\.\w+)*)`(?=[^|\n]*\|[^|\n]*\|$)", table, re.MULTILINE
    )
    assert sorted(f"dataflow_core{name}" for name in named) == sorted(PUBLIC)


def test_a_changed_surface_is_shown_with_what_to_do(tmp_path):
    kept = WRITTEN.read_text(encoding="utf-8")
    (tmp_path / "old.txt").write_text(kept.replace("--budget", "--money"), encoding="utf-8")
    with pytest.raises(AssertionError) as told:
        check_surface("core", tmp_path / "old.txt")
    lines = str(told.value).splitlines()
    assert any(line.startswith("-    --money") for line in lines)
    assert any(line.startswith("+    --budget") for line in lines)
    assert "deprecation" in lines[-1]
    assert "python -m dataflow_core.testing.surface core" in lines[-1]


def test_fields_columns_and_options_of_a_plugin_are_in_its_surface(site):
    site.add(
        "dataflow-fruit",
        "fruit",
        """
        @hookimpl
        def dataflow_register_operators():
            return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel.",
                                 function="refine")]

        @hookimpl
        def dataflow_register_commands():
            return [CommandSpec(name="eat", target="dataflow_fruit.peel:eat", summary="Eat.")]
        """,
        modules={
            "dataflow_fruit/peel.py": """
            import click
            from dataflow_core import Refiner

            class Peel(Refiner):
                depth: int = 3
                def run(self, storage, input_text: str = "text", output_text: str = "text"):
                    pass

            @click.command()
            @click.option("--twice", is_flag=True)
            def eat(twice):
                pass
            """
        },
    )
    lines = surface_of("fruit", site.manager()).splitlines()
    assert lines[1:] == [
        "[operators]",
        "fruit/peel: function='refine' scope='row' modality='text'",
        "    depth: int = 3",
        "    input_text: any column = 'text'",
        "    output_text: any column = 'text'",
        "[commands]",
        "fruit/eat",
        "fruit/eat",
        "    --twice",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_a_class_of_that_name(name):
    assert getattr(dataflow_core, name).__name__ == name


@pytest.mark.parametrize("module", MODULES)
def test_every_name_that_a_public_module_promises_is_there(module):
    found = importlib.import_module(module)
    assert len(found.__all__) == len(set(found.__all__))
    assert set(found.__all__) <= set(dir(found))
    assert all(hasattr(found, name) for name in found.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Operators"):
        _ = dataflow_core.Operators


def imports_of_core(source):
    """Yield module and name of what is imported from the core."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dataflow_core"):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.name, None) for a in node.names if a.name.startswith("dataflow_core"))


def is_public(module, name):
    if f"{module}.{name}" in PUBLIC or (module in PUBLIC and name in (None, "*", "__version__")):
        return True
    return module in PUBLIC and name in importlib.import_module(module).__all__


IMPORT = re.compile(
    r"^[ >.]*((?:from|import) dataflow_core\b(?:[^(\n]*\([^)]*\)|[^(\n]*))", re.MULTILINE
)


def test_all_that_the_documents_import_is_public():
    places = ["README.md", "docs/*.md", "plugins/*/README.md"]
    documents = [path for place in places for path in REPOSITORY.glob(place)]
    found = [
        (path.name, module, name)
        for path in documents
        for line in IMPORT.findall(path.read_text(encoding="utf-8"))
        for module, name in imports_of_core(line)
    ]
    assert ("plugin-authors.md", "dataflow_core.plugins", "hookimpl") in found
    assert not [one for one in found if not is_public(*one[1:])]


def test_all_that_our_plugins_import_is_public():
    files = list(REPOSITORY.glob("plugins/*/dataflow_*/**/*.py"))
    private = [
        (path.name, module, name)
        for path in files
        for module, name in imports_of_core(path.read_text(encoding="utf-8"))
        if not is_public(module, name)
    ]
    assert files
    assert not private


def test_a_plugin_that_is_not_there_has_no_surface():
    from dataflow_core.errors import PluginError

    with pytest.raises(PluginError, match="not installed"):
        surface_of("nowhere", PluginManager(discover=False))


def test_importing_the_package_imports_nothing_heavy_and_no_plugin():
    code = (
        "import sys, dataflow_core; "
        "heavy = {'pandas', 'pyarrow', 'pydantic', 'numpy', 'sqlglot', 'sympy', "
        "'dataflow_math', 'dataflow_text'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
