"""What the scaffolds write is whole: formatted, typed, tested, whatever was answered.

`nox -s templates` installs some of it from wheels, in environments of its own.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml

from dataflow_core.scaffold.answers import FUNCTIONS
from dataflow_core.scaffold.home import find_home
from dataflow_core.scaffold.operator import new_operator
from dataflow_core.scaffold.pipeline import new_pipeline
from dataflow_core.scaffold.plugin import new_plugin

from .plugins import EMAILS, answers, combinations, install, run

LONG = "Do: what {{ 7 * 7 }} of the author's words say, 名, # and nothing foreseen!"
LONGEST_NAMESPACE, LONGEST_NAME = "n23456789_" * 2 + "ns1", "o23456789_" * 3 + "o1"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """A folder of plugins: all pairs of answers; all forms of operators; the hardest names."""
    folder = tmp_path_factory.mktemp("plugins")
    for number, choices in enumerate(combinations()):
        new_plugin(answers(f"pair_{number}", email=EMAILS[number % 2], **choices), folder)
    add_all_forms(new_plugin(answers("forms"), folder), None, 0)
    parts = {"serving": True, "storage": True, "description": LONG}
    # Its classes are named most like the core's own.
    new_plugin(answers("table", serving=True, storage=True), folder)
    longest = answers(LONGEST_NAMESPACE, operator=LONGEST_NAME, **parts)
    add_all_forms(new_plugin(longest, folder), LONG, 32)
    return folder


def add_all_forms(root: Path, description: str | None, width: int) -> None:
    """Add an operator of each form, and a pipeline of each, with names of some width."""
    home = find_home(root)
    for form, function in itertools.product(("each", "all", "llm"), FUNCTIONS):
        name, scope = f"{form}_{function}", "dataset" if form == "all" else "row"
        operator, pipeline = name.ljust(width, "x"), f"with_{name}".ljust(width, "y")
        new_operator(home, operator, function, scope, llm=form == "llm", description=description)
        new_pipeline(home, pipeline, operators=[operator], description=description)
    every = [f"each_{function}".ljust(width, "x") for function in FUNCTIONS]
    new_pipeline(home, "with_every".ljust(width, "y"), operators=every, description=description)


@pytest.fixture(scope="module")
def env(plugins, tmp_path_factory):
    return install(roots(plugins), tmp_path_factory.mktemp("site"))


def roots(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/pyproject.toml"))


def texts(folder: Path):
    return [path for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)]


def test_no_trace_of_the_templates_is_left(plugins):
    leftover = re.compile(r"cookiecutter|\{%|%\}|TODO|\n\n\n\n|[ \t]\n|\n\n\Z|[^\n]\Z")
    for path in texts(plugins):
        text = path.read_text(encoding="utf-8")
        found = leftover.search(text) if text else None
        assert found is None, f"{path}: {found[0]!r} at {text[max(0, found.start() - 50) :][:80]!r}"
        if path.suffix in {".md", ".toml", ".yml", ".yaml", ".jinja"}:
            assert "\n\n\n" not in text, path


def test_every_file_that_tools_read_can_be_read(plugins):
    for path in plugins.rglob("*.yml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) >= {"name", "jobs"}


def test_what_is_asked_for_is_there_and_nothing_else(plugins):
    for number, choices in enumerate(combinations()):
        root = plugins / f"dataflow-pair-{number}"
        package = root / f"dataflow_pair_{number}"
        assert (package / "pipelines").is_dir() == choices["pipeline"]
        assert (package / "prompts").is_dir() == choices["llm"]
        assert (package / "serving.py").is_file() == choices["serving"]
        assert (package / "storage.py").is_file() == choices["storage"]
        assert (root / ".github").is_dir() == choices["ci"]
        assert f'license = "{choices["license"]}"' in (root / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("name", "head", "lines"),
    [("Apache-2.0", "Apache License", 200), ("MIT", "MIT", 20), ("BSD-3-Clause", "BSD 3", 26)],
)
def test_licences_are_whole_and_name_the_author(plugins, name, head, lines):
    number = next(at for at, one in enumerate(combinations()) if one["license"] == name)
    text = (plugins / f"dataflow-pair-{number}" / "LICENSE").read_text(encoding="utf-8")
    assert text.strip().startswith(head)
    assert len(text.splitlines()) >= lines
    assert re.search(r"Copyright (\(c\) )?20\d\d,? Ada Løve", text)


def test_all_of_it_is_formatted_and_lint_finds_nothing(plugins):
    run(plugins, "ruff", "format", "--check", "--no-cache", ".")
    run(plugins, "ruff", "check", "--no-cache", ".")


def test_types_hold_strictly(plugins, env, tmp_path):
    packages = [f"-p=dataflow_{root.name[9:].replace('-', '_')}" for root in roots(plugins)]
    config = roots(plugins)[0] / "pyproject.toml"
    run(plugins, "mypy", "--config-file", config, "--cache-dir", tmp_path, *packages, env=env)


def test_their_own_tests_pass_untouched(plugins, env):
    # All in one process, for time: they are configured alike. The longest names run the same code.
    config = roots(plugins)[0] / "pyproject.toml"
    tests = [root / "tests" for root in roots(plugins) if "n23456789" not in root.name]
    told = run(
        plugins, "pytest", "-q", "-c", config, "--rootdir", plugins, "-p", "no:cacheprovider",
        *tests, env=env,
    )  # fmt: skip
    assert int(re.search(r"(\d+) passed", told)[1]) > 30 * len(tests)


def test_the_doctor_finds_all_well(plugins, env):
    found = json.loads(run(plugins, "dataflow_core", "plugins", "doctor", "--json", env=env))
    assert {one["namespace"] for one in found} <= {"core", "text", "math"}
    listed = json.loads(run(plugins, "dataflow_core", "plugins", "list", "--json", env=env))
    assert len([one for one in listed if one["status"] == "loaded"]) > len(roots(plugins))


def test_a_pipeline_runs_from_the_command_line(plugins, env, tmp_path):
    rows = [{"text": "Bees dance."}, {"text": "Bees dance."}, {"text": "12"}]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run(
        tmp_path, "dataflow_core", "run", "forms/forms_pipeline", "--input", source,
        "--output", "out.jsonl", env=env,
    )  # fmt: skip
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["first_line"] for line in lines] == ["Bees dance.", "12"]
