"""A distribution of the repository, and what its files and git say of its next release."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

CORE = "dataflow-llm-core"
SECTION = re.compile(r"^## (?P<version>\S+)(?: \((?P<date>[^)]*)\))?\s*$", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """Something stands in the way of a release; the message says what, and how to mend it."""


@dataclass(frozen=True)
class Distribution:
    """A distribution: the core at the repository's root, or a plugin in a folder of its own.

    Attributes:
        root: The repository.
        folder: The distribution's folder, from the root: ``"."`` or ``"plugins/dataflow-math"``.
    """

    root: Path
    folder: str

    @classmethod
    def named(cls, root: Path, name: str) -> Distribution:
        """Return the distribution of a name; ``"core"`` is the core.

        Raises:
            ReleaseError: There is none.
        """
        folders = {path.parent.name: path.parent for path in root.glob("plugins/*/pyproject.toml")}
        if name in ("core", CORE):
            return cls(root, ".")
        if name not in folders:
            known = ", ".join(("core", *sorted(folders)))
            raise ReleaseError(f"no distribution {name!r}. There are: {known}.")
        return cls(root, str(folders[name].relative_to(root)))

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.root / self.folder

    @cached_property
    def project(self) -> dict[str, Any]:
        """The table ``project`` of its pyproject.toml."""
        content = tomllib.loads((self.path / "pyproject.toml").read_text(encoding="utf-8"))
        found: dict[str, Any] = content["project"]
        return found

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.project["name"])

    @property
    def package(self) -> str:
        """The package in it."""
        return "dataflow_core" if self.is_core else self.name.replace("-", "_")

    @property
    def is_core(self) -> bool:
        """Whether it is the core."""
        return self.name == CORE

    @property
    def namespace(self) -> str:
        """The namespace of the plugin; the core has none."""
        return next(iter(self.project["entry-points"]["dataflow.plugins"]))

    @cached_property
    def version(self) -> str:
        """The version to be released, as the package's ``__init__`` has it."""
        path = self.path / self.package / "__init__.py"
        match = _VERSION.search(path.read_text(encoding="utf-8"))
        if match is None:
            raise ReleaseError(f'{path} has no line __version__ = "…".')
        return match[1]

    @property
    def tag(self) -> str:
        """The tag of the release."""
        return f"{self.name}-v{self.version}"

    @property
    def core_bounds(self) -> Requirement | None:
        """What it requires of the core; None for the core itself."""
        needs = map(Requirement, self.project["dependencies"])
        return next((need for need in needs if need.name == CORE), None)


def unready(distribution: Distribution) -> Iterator[str]:
    """Yield what has to be done before the release: changelog, tag, and a clean tree."""
    yield from _changelog(distribution)
    tags = git(distribution.root, "tag", "--list", f"{distribution.name}-v*").split()
    if distribution.tag in tags:
        yield f"the tag {distribution.tag} is there already: raise __version__."
    later = [
        tag for tag in tags if Version(tag.rpartition("-v")[2]) > Version(distribution.version)
    ]
    if later:
        yield f"{', '.join(later)} is later than {distribution.version}: raise __version__."
    if changed := git(distribution.root, "status", "--porcelain").splitlines():
        shown = ", ".join(line[3:] for line in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"files are changed or new: {shown}{more}. Commit them, or ignore them."


def _changelog(distribution: Distribution) -> Iterator[str]:
    path = distribution.path / "CHANGELOG.md"
    name = path.relative_to(distribution.root)
    text = path.read_text(encoding="utf-8")
    sections = list(SECTION.finditer(text))
    if not sections:
        yield f"{name} has no section '## {distribution.version} (DATE)'."
        return
    ends = [*(one.start() for one in sections[1:]), len(text)]
    for section, end in zip(sections, ends, strict=True):
        version, date, body = section["version"], section["date"] or "", text[section.end() : end]
        if version.strip("[]").lower() == "unreleased" and body.strip():
            yield f"{name} has lines under {version}: move them under {distribution.version}."
        elif version == distribution.version and not _is_day(date):
            yield f"{name}: {version} is ({date}): write the day of the release, as (2026-11-26)."
        elif version == distribution.version and not re.search(r"^- ", body, re.MULTILINE):
            yield f"{name} says nothing under {version}."
    if distribution.version not in (one["version"] for one in sections):
        yield f"{name} has no section '## {distribution.version} (DATE)'."


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def wrong_bounds(bounds: Requirement | None, core: str) -> Iterator[str]:
    """Yield what is wrong with what a plugin requires of the core.

    Args:
        bounds: The requirement; None where there is none.
        core: The version of the core that it is released against.
    """
    if bounds is None:
        yield f"it does not require {CORE}: add '{CORE}>=0.1,<0.2' to its dependencies."
        return
    if not bounds.specifier.contains(core, prereleases=True):
        yield f"it requires {bounds}, which does not admit the core {core} that it is tried with."
        return
    major, minor = Version(core).release[:2]
    later = f"{major}.{minor + 1}" if major == 0 else f"{major + 1}.0"
    if bounds.specifier.contains(later, prereleases=True):
        yield (
            f"it requires {bounds}, which admits the core {later}, whose interfaces may differ: "
            f"end the bounds before it, as in '{CORE}>={major}.{minor},<{later}'."
        )


def git(root: Path, *arguments: str) -> str:
    """Return what git prints."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
