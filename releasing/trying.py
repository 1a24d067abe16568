"""Install what was built in an environment of its own, and test it there without the repository."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from releasing.building import Built, build, run
from releasing.distribution import CORE, Distribution, git

TESTING = ("pytest>=9", "hypothesis>=6.130", "emoji")
CORE_TESTS = ("table", "storage", "operators", "pipeline", "prompts", "plugins")
"""The core's tests that need neither plugins, nor documents, nor models."""


@dataclass(frozen=True)
class Core:
    """The core that a plugin is tried with.

    Attributes:
        requirement: What pip installs.
        origin: Where it is from, in words.
    """

    requirement: str
    origin: str


def released_core(distribution: Distribution, folder: Path, wanted: str) -> Core:
    """Return the core to try a plugin with.

    Args:
        distribution: The plugin.
        folder: A folder to build in.
        wanted: ``"index"``, ``"workspace"``, or ``"auto"``: the last tag that the plugin admits,
            where there is one, and else the workspace.
    """
    bounds = distribution.core_bounds
    if wanted == "index":
        return Core(str(bounds or CORE), "the index")
    core = Distribution(distribution.root, ".")
    tags = git(distribution.root, "tag", "--list", f"{CORE}-v*").split()
    versions = {tag: Version(tag.rpartition("-v")[2]) for tag in tags}
    admitted = [tag for tag in tags if bounds is None or bounds.specifier.contains(versions[tag])]
    if wanted != "workspace" and admitted:
        tag = max(admitted, key=versions.__getitem__)
        built = build(core, tag, folder)
        return Core(str(built.wheel), f"the tag {tag}")
    built = build(core, "HEAD", folder)
    origin = "the workspace" if wanted == "workspace" else "the workspace, as no tag fits"
    return Core(str(built.wheel), origin)


class Environment:
    """A virtual environment, with what is installed in it."""

    def __init__(self, folder: Path, constraints: Path) -> None:
        self.folder = folder
        self._constraints = constraints
        run([sys.executable, "-m", "venv", str(folder)], cwd=folder.parent)

    def install(self, *requirements: str) -> None:
        """Install requirements, in the versions that are tested."""
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        run([*pip, "-c", str(self._constraints), *requirements], cwd=self.folder)

    def run(self, program: str, *arguments: str, cwd: Path) -> None:
        """Run a program of the environment."""
        run([str(self.folder / "bin" / program), *arguments], cwd=cwd)

    def version_of(self, distribution: str) -> str:
        """Return the version of a distribution that is installed."""
        code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        python = str(self.folder / "bin" / "python")
        return subprocess.check_output([python, "-c", code], text=True).strip()


def test_from_sdist(distribution: Distribution, built: Built, environment: Environment) -> int:
    """Run the tests of the sdist against what is installed; return how many files of tests ran."""
    folder = environment.folder.parent / "tried"
    with tarfile.open(built.sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    # Without the package beside them, the tests can only import what is installed.
    (unpacked / distribution.package).rename(folder / "unused")
    code = f"import {distribution.package} as p; assert 'site-packages' in p.__file__, p.__file__"
    environment.run("python", "-c", code, cwd=unpacked)
    tests = [f"tests/{name}" for name in CORE_TESTS] if distribution.is_core else ["tests"]
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    environment.run(
        "pytest", "-q", "-c", str(folder / "pytest.ini"), "--rootdir", str(unpacked),
        "--import-mode=importlib", "-p", "no:cacheprovider", *tests, cwd=unpacked,
    )  # fmt: skip
    return sum(len(list((unpacked / name).rglob("test_*.py"))) for name in tests)
