"""``dataflow new-plugin``: what it asks, what it refuses, and that it leaves nothing half done."""

from __future__ import annotations

import compileall
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import dataflow_core
from dataflow_core import __version__
from dataflow_core.cli.main import main, program
from dataflow_core.plugins import PluginManager
from dataflow_core.scaffold.names import IMPORTED
from dataflow_core.scaffold.plugin import core_bounds

from .plugins import REPOSITORY


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path.parent / "no-such-file"))
    return tmp_path


def new(*arguments: str, code: int = 0) -> None:
    assert main(["new-plugin", "--no-input", *arguments]) == code


def asked(*arguments: str, answers: str):
    return CliRunner().invoke(program, ["new-plugin", *arguments], answers, obj=PluginManager())


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("class", "keyword"),
        ("match", "keyword"),
        ("json", "standard library"),
        ("core", "reserved"),
        ("knowledge", "reserved"),
        ("Reviews", "not in snake case.*Did you mean 'reviews'"),
        ("product-reviews", "Did you mean 'product_reviews'"),
        ("ProductReviews", "Did you mean 'product_reviews'"),
        ("2reviews", "not in snake case"),
        ("re__views", "not in snake case"),
        ("../reviews", "not in snake case"),
        ("", "not in snake case"),
        ("dataflow_reviews", "leave out the prefix: reviews"),
        ("dataflow-product-reviews", "leave out the prefix: product_reviews"),
        ("dataflow", "say what the plugin is for"),
        ("test_data", "class TestData, and pytest takes"),
        ("n" * 24, "24 characters; at most 23"),
    ],
)
def test_names_that_cannot_be_are_refused_before_anything_is_written(name, why, folder, capsys):
    new(name, code=2)
    assert re.search(why, capsys.readouterr().err)
    assert not list(folder.iterdir())


def test_a_namespace_that_is_installed_is_refused(site, folder, capsys):
    site.add("their-fruits", "fruit")
    new("fruit", "--output-dir", "made", code=2)
    assert "'fruit' is taken: their-fruits 1.0, which is installed" in capsys.readouterr().err
    site.add("dataflow-berry", "strawberry")
    new("berry", "--output-dir", "made", code=2)
    assert "a distribution dataflow-berry is installed" in capsys.readouterr().err
    site.write("dataflow_nut/__init__.py", "")
    new("nut", "--output-dir", "made", code=2)
    assert "a package dataflow_nut can be imported" in capsys.readouterr().err
    assert not (folder / "made").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_there_is_not_touched(kind, folder, capsys):
    place = folder / "dataflow-reviews"
    make = {"folder": place.mkdir, "file": place.touch, "link": lambda: place.symlink_to("gone")}
    make[kind]()
    new("reviews", code=2)
    assert "exists already" in capsys.readouterr().err
    assert list(folder.iterdir()) == [place]


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--license", "GPL", "There are: Apache-2.0, MIT, BSD-3-Clause"),
        ("--function", "filtre", "Did you mean 'filter'"),
        ("--email", "ada", "is no address"),
        ("--author", "Ada <ada@example.org>", "is no name"),
        ("--author", " ", "is no name"),
        ("--description", "a\nb", "one line"),
        ("--description", 'say "hi"', "quotation marks"),
        ("--description", "x" * 77, "77 characters"),
        ("--description", ".", "is empty"),
        ("--operator", "Tone", "snake case"),
        ("--operator", "storage", "imports from elsewhere"),
        ("--operator", "import", "keyword"),
        ("--operator", "test", "class Test, and pytest takes"),
        ("--output-dir", "taken", "is no folder"),
        ("--output-dir", "taken/deeper", "cannot write"),
        ("--template", "none/such", "no template"),
        ("--template", "./none", "there is no folder ./none"),
    ],
)
def test_answers_by_option_are_checked(option, value, why, folder, capsys):
    (folder / "taken").touch()
    assert main(["new-plugin", "reviews", "--no-input", option, value]) in {1, 2}
    assert why in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["taken"]


def test_a_prefix_that_a_plugin_has_is_refused(folder, capsys):
    new("openai", "--serving", code=2)
    assert "asked for as openai: is installed already" in capsys.readouterr().err
    new("file", "--storage", code=2)
    assert not list(folder.iterdir())
    new("openai", "--no-serving")


def test_options_answer_everything(folder, capsys):
    new(
        "product_reviews", "--description", "Judge product reviews.", "--author", "Ada",
        "--email", "ada@example.org", "--license", "mit", "--operator", "tone", "--function",
        "filter", "--llm", "--serving", "--storage", "--no-ci", "--output-dir", "deep/er",
    )  # fmt: skip
    root = folder / "deep" / "er" / "dataflow-product-reviews"
    assert f"{Path('deep/er/dataflow-product-reviews')}: " in capsys.readouterr().out
    told = project(root)
    assert told["description"] == "Judge product reviews"
    assert told["authors"] == [{"name": "Ada", "email": "ada@example.org"}]
    assert told["license"] == "MIT"
    assert told["dependencies"] == [f"dataflow-llm-core{core_bounds()}"]
    assert told["entry-points"]["dataflow.plugins"] == {
        "product_reviews": "dataflow_product_reviews._plugin"
    }
    assert (root / "dataflow_product_reviews" / "prompts" / "tone.jinja").is_file()
    assert not list((folder / "deep" / "er").glob(".dataflow*"))


def test_answers_are_written_as_they_are_whatever_templates_make_of_them(folder):
    about, author = "Count {{ 7 * 7 }} {% raw %} of {# these #}?", "Ada {{ 1 }} O'Brien"
    new("reviews", "--description", about, "--author", author, "--license", "MIT")
    root = folder / "dataflow-reviews"
    assert project(root)["description"] == about
    assert project(root)["authors"][0]["name"] == author
    assert f"\n{about} A plugin for DataFlow" in (root / "README.md").read_text(encoding="utf-8")
    assert f" {author}\n" in (root / "LICENSE").read_text(encoding="utf-8")


def test_what_pip_compiled_in_the_templates_is_not_copied(folder, monkeypatch, capsys):
    # As a wheel has them: in the package, with what pip made of every module that it could compile.
    package = folder / "dataflow_core"
    shutil.copytree(REPOSITORY / "templates", package / "templates")
    compileall.compile_dir(package / "templates", quiet=2)
    for template in ("plugin", "operator", "pipeline"):
        made = [*(package / "templates" / template).rglob("{{*/**/__pycache__/*.pyc")]
        assert made, template
    monkeypatch.setattr(dataflow_core, "__file__", str(package / "__init__.py"))
    new("reviews")
    root = folder / "dataflow-reviews"
    sources = [path for path in root.rglob("*") if path.is_file()]
    assert f"dataflow-reviews: {len(sources)} files. Next:" in capsys.readouterr().out
    monkeypatch.chdir(root)
    assert main(["new-operator", "tone"]) == 0
    assert main(["new-pipeline", "toned", "--operator", "tone"]) == 0
    assert "kept" not in capsys.readouterr().out
    assert not list(root.rglob("__pycache__"))


def test_generated_code_imports_from_public_modules_only():
    surface = (REPOSITORY / "tests" / "public_api.txt").read_text(encoding="utf-8")
    # The core's operators are listed under [operators], each by its name.
    public = {
        *re.findall(r"^\[(dataflow_core.*)\]$", surface, re.MULTILINE),
        "dataflow_core.operators.general",
    }
    found = set()
    for path in (REPOSITORY / "templates").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"(?:from|import) (dataflow_core[\w.]*)", text))
    assert "dataflow_core.operators" in found
    assert found <= public


def test_no_operator_or_pipeline_can_hide_a_class_of_its_module_or_test():
    imported, defined = set(), set()
    for template in ("operator", "pipeline"):
        for path in (REPOSITORY / "templates" / template).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for names in re.findall(r"^from \S+ import ([\w, ]+)$", text, re.MULTILINE):
                imported |= {name for name in names.split(", ") if name[0].isupper()}
            defined |= set(re.findall(r"^class (\w+)", text, re.MULTILINE))
    assert imported == IMPORTED
    assert defined == {"_Alone"}


def test_the_bounds_are_those_of_the_core_that_writes():
    assert core_bounds().startswith(f">={__version__},<")
    assert core_bounds("0.9.2") == ">=0.9.2,<0.10"
    assert core_bounds("1.2.3") == ">=1.2.3,<2"


def test_without_input_a_name_has_to_be_given(capsys):
    new(code=2)
    assert "Missing NAME" in capsys.readouterr().err


def test_questions_are_asked_again_until_the_answer_can_be_used(folder):
    answers = ["class", "reviews", "", "Ada", "ada", "", "GPL", "mit", "filter", "n", "", "n", "n"]
    told = asked(answers="\n".join([*answers, "maybe", "y", "y"]) + "\n")
    assert told.exit_code == 0, told.output
    assert "keyword" in told.output
    assert "is no address" in told.output
    assert "There are: Apache-2.0" in told.output
    root = folder / "dataflow-reviews"
    assert project(root)["license"] == "MIT"
    assert (root / "dataflow_reviews" / "operators" / "letter_filter.py").is_file()
    assert (root / "dataflow_reviews" / "storage.py").is_file()
    assert not (root / "dataflow_reviews" / "serving.py").exists()


def test_what_an_option_says_is_not_asked():
    told = asked("reviews", "--license", "MIT", "--ci", answers="\n" * 20)
    assert "Licence" not in told.output
    assert "GitHub" not in told.output
    assert "With a pipeline?" in told.output


def test_an_input_that_ends_says_what_to_do(folder):
    told = asked("reviews", answers="About reviews\n")
    assert told.exit_code == 2
    assert "The input ended at the question 'Author'" in told.output
    assert "--no-input" in told.output
    assert not list(folder.iterdir())


TEMPLATE = {
    "dataflow_fruit/shapes/plugin/cookiecutter.json":
        '{"namespace": "", "license": "", "ripe": "x"}',
    "dataflow_fruit/shapes/plugin/dataflow-{{cookiecutter.namespace}}/about.txt":
        "{{ cookiecutter.namespace }} under {{ cookiecutter.license }}, {{ cookiecutter.ripe }}\n",
}  # fmt: skip
HOOKS = """
    @hookimpl
    def dataflow_register_templates():
        return [TemplateSpec(name="plugin", target="dataflow_fruit:shapes/plugin", summary="Ours")]
"""


def test_a_plugin_may_bring_a_template(site, folder):
    site.add("dataflow-fruit", "fruit", HOOKS, modules=TEMPLATE)
    new("reviews", "--template", "fruit/plugin", "--license", "MIT", "--output-dir", "made")
    made = folder / "made" / "dataflow-reviews"
    assert (made / "about.txt").read_text() == "reviews under MIT, x\n"
    assert len(list(made.iterdir())) == 1


def test_a_folder_may_be_a_template_and_a_broken_one_leaves_nothing(folder, capsys):
    shape = folder / "shape"
    inner = shape / "dataflow-{{cookiecutter.namespace}}"
    inner.mkdir(parents=True)
    new("reviews", "--template", "shape", code=2)
    assert "it has no cookiecutter.json" in capsys.readouterr().err
    (shape / "cookiecutter.json").write_text('{"namespace": ""}')
    (inner / "a.txt").write_text("{{ cookiecutter.nothing }}")
    new("reviews", "--template", "shape", code=2)
    assert "cannot be used" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["shape"]
    (inner / "a.txt").write_text("{{ cookiecutter.namespace }}")
    new("reviews", "--template", "shape")
    assert (folder / "dataflow-reviews" / "a.txt").read_text() == "reviews"
