"""Fake distributions: real folders with metadata, entry points and modules, put on the path."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from dataflow_core.plugins import PluginManager

REPOSITORY = Path(__file__).parents[1]
PREAMBLE = "from dataflow_core.plugins import hookimpl\nfrom dataflow_core.plugins.specs import *\n"


class Site:
    """A folder on the path, as ``site-packages`` is, to which distributions are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        distribution: str,
        namespace: str | None,
        hooks: str = "",
        *,
        module: str | None = None,
        modules: Mapping[str, str] | None = None,
        version: str = "1.0",
        metadata: Sequence[str] = (),
        entry_points: str | None = None,
    ) -> None:
        """Install a distribution whose hook module has the given source."""
        package = distribution.replace("-", "_")
        info = self.folder / f"{package}-{version}.dist-info"
        if entry_points is None:
            module = module or f"{package}._plugin"
            entry_points = f"[dataflow.plugins]\n{namespace} = {module}\n"
        lines = ["Metadata-Version: 2.4", f"Name: {distribution}", f"Version: {version}", *metadata]
        self.write(f"{info.name}/METADATA", "\n".join(lines) + "\n\nIt is a fake.\n")
        self.write(f"{info.name}/entry_points.txt", entry_points)
        self.write(f"{package}/__init__.py", "")
        self.write(f"{package}/_plugin.py", PREAMBLE + textwrap.dedent(hooks))
        for path, source in (modules or {}).items():
            self.write(path, textwrap.dedent(source))

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def manager(self, **options: object) -> PluginManager:
        """Return a manager that sees the core and the distributions of this site alone."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        entry_points = [entry_point for one in found for entry_point in one.entry_points]
        return PluginManager(entry_points=entry_points, **options)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own that sees this site too."""
        return subprocess.run(
            [sys.executable, "-m", "dataflow_core", *arguments],
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment for a process that sees this site too."""
        kept = {name: value for name, value in os.environ.items() if "DATAFLOW" not in name}
        path = os.pathsep.join([str(self.folder), str(REPOSITORY)])
        return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **changes}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site, on the path for the time of a test."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("DATAFLOW_DISABLE_PLUGINS", "DATAFLOW_STRICT_PLUGINS", "DATAFLOW_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name, module in list(sys.modules.items()):
        says = getattr(module, "__dict__", {})  # its own attributes would run what a test wrote
        places = [says.get("__file__"), *(says.get("__path__") or ())]
        if any(str(folder) in str(place) for place in places):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def dataflow() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The program, as a user calls it in a folder: ``dataflow(folder, "runs", "list", code=0)``."""

    def run(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "dataflow_core", *arguments],
            cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run
