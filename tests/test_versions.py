"""The versions that packages allow, those that CI tests with, and what sessions install, agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).parents[1]
PROJECTS = [
    REPOSITORY,
    *sorted(path.parent for path in REPOSITORY.glob("plugins/*/pyproject.toml")),
]
OURS = {"dataflow-llm-core", *(path.name for path in PROJECTS[1:])}
UNTESTED = {"litellm", "sglang", "vllm"}
"""Extras that constraints.txt says it does not have."""


def pinned():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}


def requirements():
    for project in PROJECTS:
        content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needs = list(content["dependencies"])
        for extra, more in content.get("optional-dependencies", {}).items():
            needs += () if extra in UNTESTED else more
        yield from (Requirement(need) for need in needs if Requirement(need).name not in OURS)


REQUIRED = list(requirements())


@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_the_versions_of_ci_are_among_those_that_the_packages_allow(requirement):
    pins = pinned()
    name = canonicalize_name(requirement.name)
    assert name in pins, f"constraints.txt has no {name}"
    assert requirement.specifier.contains(Version(pins[name]), prereleases=True)


@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_each_requirement_has_a_lowest_version_for_min_versions(requirement):
    assert [one for one in requirement.specifier if one.operator == ">="]


def test_the_tasks_of_ci_install_by_the_constraints():
    """CI runs the sessions that nox runs by default: each takes its versions from the file."""
    text = (REPOSITORY / "noxfile.py").read_text(encoding="utf-8")
    defaults = re.search(r"nox.options.sessions = (\[.*\])", text)[1]
    for name in re.findall(r'"(\w+)"', defaults):
        body = re.search(rf"def {name}\(.*?(?=\n@nox|\Z)", text, re.DOTALL)[0]
        installs = re.findall(r"session\.install\((.*?)\n? *\)\n", body, re.DOTALL)
        of_project = [one for one in installs if one.strip() != '"build"']
        assert of_project
        assert all("*CONSTRAINTS" in one for one in of_project)
