"""What stands in the way of a release is told: changelog, tag, tree, bounds, archives."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]
GIT = ["git", "-c", "user.name=Tester", "-c", "user.email=tester@example.org"]


@pytest.fixture
def releasing(monkeypatch):
    """The package at the root of the repository, which is not installed."""
    monkeypatch.syspath_prepend(str(REPOSITORY))
    yield importlib.import_module("releasing.distribution")
    for name in [name for name in sys.modules if name.partition(".")[0] == "releasing"]:
        del sys.modules[name]


@pytest.fixture
def repository(tmp_path):
    """A repository with a core and one plugin, ready to be released."""
    root = tmp_path / "repository"
    core = "[project]\nname = 'dataflow-llm-core'\ndependencies = []\n"
    plugin = (
        "[project]\nname = 'dataflow-fruit'\ndependencies = ['dataflow-llm-core>=0.1,<0.2']\n"
        "[project.entry-points.'dataflow.plugins']\nfruit = 'dataflow_fruit._plugin'\n"
    )
    for folder, package, project in (
        (root, "dataflow_core", core),
        (root / "plugins" / "dataflow-fruit", "dataflow_fruit", plugin),
    ):
        (folder / package).mkdir(parents=True)
        (folder / "pyproject.toml").write_text(project)
        (folder / package / "__init__.py").write_text('__version__ = "0.1.0"\n')
        (folder / "CHANGELOG.md").write_text("# Changes\n\n## 0.1.0 (2026-11-26)\n\n- Begun.\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    commit(root)
    return root


def commit(root):
    subprocess.run([*GIT, "-C", str(root), "add", "-A"], check=True)
    subprocess.run([*GIT, "-C", str(root), "commit", "-qm", "all"], check=True)


def test_a_distribution_is_ready_when_dated_committed_and_not_tagged(releasing, repository):
    for name in ("core", "dataflow-fruit"):
        assert list(releasing.unready(releasing.Distribution.named(repository, name))) == []


def test_an_unknown_distribution_is_refused_with_those_there_are(releasing, repository):
    with pytest.raises(releasing.ReleaseError, match="There are: core, dataflow-fruit"):
        releasing.Distribution.named(repository, "dataflow-fish")


@pytest.mark.parametrize(
    ("changelog", "told"),
    [
        ("## 0.1.0 (unreleased)\n\n- Begun.\n", "0.1.0 is (unreleased): write the day"),
        ("## 0.1.0 (2026-11-31)\n\n- Begun.\n", "0.1.0 is (2026-11-31): write the day"),
        ("## 0.2.0 (2026-11-26)\n\n- Begun.\n", "has no section '## 0.1.0 (DATE)'"),
        ("## 0.1.0 (2026-11-26)\n\n", "says nothing under 0.1.0"),
        ("## Unreleased\n\n- More.\n\n## 0.1.0 (2026-11-26)\n\n- Begun.\n", "lines under Unrel"),
        ("", "has no section"),
    ],
)
def test_a_changelog_that_is_not_as_at_a_release_is_told(releasing, repository, changelog, told):
    (repository / "CHANGELOG.md").write_text(changelog)
    commit(repository)
    (found,) = releasing.unready(releasing.Distribution.named(repository, "core"))
    assert told in found


def test_files_that_are_not_committed_are_told(releasing, repository):
    (repository / "new.py").write_text("")
    (found,) = releasing.unready(releasing.Distribution.named(repository, "core"))
    assert "new.py" in found


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("dataflow-fruit-v0.1.0", "is there already"),
        ("dataflow-fruit-v0.3.0", "is later than 0.1.0"),
    ],
)
def test_a_tag_that_is_there_or_later_is_told(releasing, repository, tag, told):
    subprocess.run(["git", "-C", str(repository), "tag", tag], check=True)
    plugin = releasing.Distribution.named(repository, "dataflow-fruit")
    assert plugin.tag == "dataflow-fruit-v0.1.0"
    (found,) = releasing.unready(plugin)
    assert told in found


@pytest.mark.parametrize(
    ("bounds", "core", "told"),
    [
        ("dataflow-llm-core>=0.1,<0.2", "0.1.3", []),
        ("dataflow-llm-core>=1.1,<2", "1.1.0", []),
        ("dataflow-llm-core>=0.2,<0.3", "0.1.0", ["does not admit the core 0.1.0"]),
        ("dataflow-llm-core>=0.1", "0.1.0", ["admits the core 0.2"]),
        ("dataflow-llm-core>=0.1,<1", "0.1.0", ["'dataflow-llm-core>=0.1,<0.2'"]),
        (None, "0.1.0", ["does not require dataflow-llm-core"]),
    ],
)
def test_bounds_admit_the_core_and_refuse_the_one_after_it(releasing, bounds, core, told):
    found = list(releasing.wrong_bounds(bounds and Requirement(bounds), core))
    assert len(found) == len(told)
    assert all(part in message for part, message in zip(told, found, strict=True))


def test_our_plugins_bounds_end_before_the_next_minor_core(releasing):
    core = releasing.Distribution.named(REPOSITORY, "core").version
    plugins = [path.parent.name for path in REPOSITORY.glob("plugins/*/pyproject.toml")]
    assert plugins
    for name in plugins:
        bounds = releasing.Distribution.named(REPOSITORY, name).core_bounds
        assert list(releasing.wrong_bounds(bounds, core)) == []


def test_archives_that_lack_licence_marker_or_tests_are_told(releasing, repository, tmp_path):
    building = importlib.import_module("releasing.building")
    plugin = releasing.Distribution.named(repository, "dataflow-fruit")
    sdist, wheel = tmp_path / "dataflow_fruit-0.1.0.tar.gz", tmp_path / "fruit.whl"
    with tarfile.open(sdist, "w:gz") as archive:
        for name in ("README.md", "CHANGELOG.md", "pyproject.toml", "dataflow_fruit/__init__.py"):
            archive.addfile(tarfile.TarInfo(f"dataflow_fruit-0.1.0/{name}"), io.BytesIO())
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("dataflow_fruit/__init__.py", "")
        archive.writestr("tests/test_it.py", "")
        archive.writestr(
            "dataflow_fruit-0.1.0.dist-info/METADATA",
            "Version: 0.1.1\nLicense-Expression: Apache-2.0\n",
        )
    told = "\n".join(building.lacking(plugin, building.Built(sdist, wheel)))
    for part in (
        "tar.gz lacks LICENSE", "tar.gz lacks dataflow_fruit/py.typed", "lacks the tests",
        "fruit.whl lacks dataflow_fruit/py.typed", "licenses/LICENSE", "entry_points.txt",
        "more than the package: tests", "is of version 0.1.1",
    ):  # fmt: skip
        assert part in told


def test_builds_that_differ_are_told(releasing, tmp_path):
    building = importlib.import_module("releasing.building")
    builds = []
    for name, content in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).mkdir()
        for file in ("x.tar.gz", "x.whl"):
            (tmp_path / name / file).write_bytes(b"same" if file == "x.whl" else content)
        builds.append(building.Built(tmp_path / name / "x.tar.gz", tmp_path / name / "x.whl"))
    (found,) = building.differences(*builds)
    assert "x.tar.gz differ" in found
