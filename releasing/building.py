"""Build a distribution from a commit alone, twice, and look into what came of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from releasing.distribution import Distribution, ReleaseError, git


@dataclass(frozen=True)
class Built:
    """What one build made."""

    sdist: Path
    wheel: Path

    def files(self) -> tuple[Path, Path]:
        """Return both files."""
        return self.sdist, self.wheel


def export(root: Path, commit: str, folder: Path) -> Path:
    """Write the files of a commit, and nothing else, into a folder."""
    folder.mkdir(parents=True)
    packed = folder.with_suffix(".tar")
    git(root, "archive", f"--output={packed}", commit)
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder


def build(distribution: Distribution, commit: str, folder: Path) -> Built:
    """Build sdist, and from it the wheel, of a commit."""
    source = export(distribution.root, commit, folder / "source")
    # Dates in the archives are those of the commit, so that another build gives the same bytes.
    epoch = git(distribution.root, "log", "-1", "--format=%ct", commit).strip()
    out = folder / "dist"
    run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out),
         str(source / distribution.folder)],
        cwd=folder, environment={"SOURCE_DATE_EPOCH": epoch},
    )  # fmt: skip
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


def differences(first: Built, second: Built) -> Iterator[str]:
    """Yield which files of two builds differ."""
    for one, other in zip(first.files(), second.files(), strict=True):
        if one.name != other.name or digest(one) != digest(other):
            yield f"two builds of {one.name} differ: the build is not reproducible."


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lacking(distribution: Distribution, built: Built) -> Iterator[str]:
    """Yield what the archives lack: licence, typing marker, README, changelog, tests, metadata."""
    with tarfile.open(built.sdist) as archive:
        top = built.sdist.name.removesuffix(".tar.gz")
        packed = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    wanted = ["LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"]
    wanted += [f"{distribution.package}/py.typed", f"{distribution.package}/__init__.py"]
    yield from (f"{built.sdist.name} lacks {name}." for name in wanted if name not in packed)
    if not any(name.startswith("tests/") for name in packed):
        yield f"{built.sdist.name} lacks the tests."
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
        info = next(name.partition("/")[0] for name in names if ".dist-info/" in name)
        metadata = HeaderParser().parsestr(archive.read(f"{info}/METADATA").decode("utf-8"))
    wanted = [f"{distribution.package}/py.typed", f"{info}/licenses/LICENSE"]
    wanted += [] if distribution.is_core else [f"{info}/entry_points.txt"]
    yield from (f"{built.wheel.name} lacks {name}." for name in wanted if name not in names)
    strays = sorted({name.partition("/")[0] for name in names} - {distribution.package, info})
    if strays:
        yield f"{built.wheel.name} has more than the package: {', '.join(strays)}."
    if metadata["Version"] != distribution.version:
        yield f"{built.wheel.name} is of version {metadata['Version']}."
    if metadata["License-Expression"] != "Apache-2.0":
        yield f"{built.wheel.name} names the licence {metadata['License-Expression']}."


def run(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command without the repository on its path; show its output if it fails."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    kept |= {"PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
    done = subprocess.run(
        command, cwd=cwd, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} failed:\n{done.stdout.strip()}")
