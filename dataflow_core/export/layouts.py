"""Where the files of an export go: one file, or a folder as a training library reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow_core.errors import ConfigurationError, StorageError
from dataflow_core.export.names import TABLE_FORMATS, LayoutName
from dataflow_core.storage.formats.endings import format_of, known_endings

TRAIN, TEST = "train", "test"
"""The splits."""

DATASET_INFO = "dataset_info.json"
"""LLaMA-Factory's list of data sets, in the folder of their files."""

_LLAMA_FACTORY = ("alpaca", "sharegpt", "dpo-alpaca", "dpo-sharegpt")
_READ_BY_LLAMA_FACTORY = (*_LLAMA_FACTORY, "messages", "text")


@dataclass(frozen=True)
class Layout:
    """Where the files of an export go.

    Attributes:
        kind: How they lie.
        files: The file of each split.
        name: What LLaMA-Factory calls the data set.
        stale: Files that an export without a test split would leave of one with it.
        rejects: Where rows go that do not fit.
    """

    kind: LayoutName
    files: Mapping[str, Path]
    name: str
    stale: tuple[Path, ...]
    rejects: Path

    @property
    def info(self) -> Path | None:
        """LLaMA-Factory's list of data sets; None in other layouts."""
        folder = self.files[TRAIN].parent
        return folder / DATASET_INFO if self.kind == "llama-factory" else None

    @property
    def datasets(self) -> dict[str, str]:
        """What LLaMA-Factory calls each split."""
        return {
            split: self.name if split == TRAIN else f"{self.name}_{split}" for split in self.files
        }


def layout_of(
    output: str,
    format_name: str,
    kind: LayoutName | None = None,
    *,
    name: str | None = None,
    has_test: bool = False,
) -> Layout:
    """Return where the files of an export go.

    Args:
        output: A file, whose ending says how it is written, or a folder: a path that ends in ``/``
            or has no ending.
        format_name: The format.
        kind: How files lie in a folder; None for what reads the format.
        name: What LLaMA-Factory calls the data set; None for the folder's name.
        has_test: Whether there is a test split.

    Raises:
        ConfigurationError: The output, the layout and the format do not go together.
    """
    if output in ("", "-"):
        raise ConfigurationError(f"the output is {output!r}; name a file or a folder.")
    path = Path(output)
    is_folder = output.endswith("/") or path.is_dir() or (kind != "file" and not path.suffix)
    if kind in (None, "file") and not is_folder:
        _require_name(name, "file")
        return _one_file(path, format_name, has_test=has_test)
    if kind == "file" or not is_folder:
        raise ConfigurationError(
            f"{output} is {'a folder' if is_folder else 'a file'}, and the layout {kind} writes "
            f"{'one file' if kind == 'file' else 'a folder'}. Name another output, or leave "
            "--layout out."
        )
    kind = kind or _usual(format_name)
    _require_readable(kind, format_name)
    _require_name(name, kind)
    name = path.resolve().name if name is None else name
    if kind == "llama-factory" and "," in name:
        raise ConfigurationError(
            f"the data set's name would be {name!r}, and LLaMA-Factory takes what a comma parts "
            "for several. Give another one with --name."
        )
    return _folder(path, kind, format_name, name, has_test=has_test)


def describe_datasets(layout: Layout, description: Mapping[str, Any], *, replace: bool) -> bytes:
    """Return LLaMA-Factory's list of data sets with those of an export; the others stay.

    Args:
        layout: Where the files are.
        description: What is said of each.
        replace: Whether a data set of the same name may be replaced.

    Raises:
        StorageError: There is such a list that cannot be read, or has a data set of that name.
    """
    if layout.info is None:
        raise ValueError("only LLaMA-Factory has a list of data sets")
    known = _known_datasets(layout.info)
    taken = [name for name in layout.datasets.values() if name in known]
    if taken and not replace:
        raise StorageError(
            f"{layout.info} has a data set {taken[0]!r} already. Give another name with --name, or "
            "replace it with --force."
        )
    for split, name in layout.datasets.items():
        known[name] = {"file_name": layout.files[split].name, **description}
    if TEST not in layout.datasets:
        stale = f"{layout.name}_{TEST}"
        told = known.get(stale)
        if isinstance(told, dict) and told.get("file_name") in {path.name for path in layout.stale}:
            del known[stale]
    return (json.dumps(known, indent=2, ensure_ascii=False) + "\n").encode()


def _require_name(name: str | None, kind: LayoutName) -> None:
    """Refuse a name for a data set that can be none.

    Raises:
        ConfigurationError: It names no file, or nothing is named in the layout.
    """
    if name is None:
        return
    if kind != "llama-factory":
        raise ConfigurationError(
            f"--name is for the layout llama-factory, and this is {kind}; leave it out."
        )
    if name in ("", ".", "..") or Path(name).name != name:
        raise ConfigurationError(f"--name is {name!r}; it names a file too, and takes no folders.")


def _one_file(path: Path, format_name: str, *, has_test: bool) -> Layout:
    if has_test:
        raise ConfigurationError(
            f"{path} is one file, and a test split is a second one. Name a folder: --output "
            f"{path.with_suffix('')}/"
        )
    wanted = TABLE_FORMATS.get(format_name)
    found = format_of(path)
    if found is None:
        raise ConfigurationError(
            f"{path}: its ending names no known format. Known endings: {known_endings()}. A path "
            "that ends in / is a folder."
        )
    if wanted is not None and not set(wanted) & set(found.endings):
        raise ConfigurationError(
            f"{path} is written as {found.name}, and --format is {format_name}. Name a file that "
            f"ends in {' or '.join(wanted)}."
        )
    return Layout("file", {TRAIN: path}, path.stem, (), _rejects(path))


def _folder(
    folder: Path, kind: LayoutName, format_name: str, name: str, *, has_test: bool
) -> Layout:
    ending = TABLE_FORMATS.get(format_name, (".jsonl",))[0]
    if kind == "verl":
        ending = ".parquet"
    names = {TRAIN: TRAIN, TEST: TEST}
    rejects = _rejects(folder)
    if kind == "llama-factory":
        names = {TRAIN: name, TEST: f"{name}_{TEST}"}
        rejects = _rejects(folder, name)  # each of several data sets has its own
    files = {split: folder / f"{stem}{ending}" for split, stem in names.items()}
    written = files if has_test else {TRAIN: files[TRAIN]}
    stale = () if has_test else (files[TEST],)
    return Layout(kind, written, name, stale, rejects)


def _rejects(path: Path, name: str = "") -> Path:
    """Return where rows go that do not fit: beside the output, where nobody takes it for data."""
    whole = path.resolve()
    folder = path.parent if path.name not in ("", "..") else whole.parent
    of = f".{name}" if name not in ("", whole.name) else ""
    return folder / f"{whole.name}{of}.rejects.jsonl"


def _usual(format_name: str) -> LayoutName:
    if format_name in _LLAMA_FACTORY:
        return "llama-factory"
    return "verl" if format_name == "verl" else "trl"


def _require_readable(kind: LayoutName, format_name: str) -> None:
    """Refuse a layout for a library that does not read the format.

    Raises:
        ConfigurationError: It does not.
    """
    reads = _READ_BY_LLAMA_FACTORY if kind == "llama-factory" else ("verl",)
    if kind != "trl" and format_name not in reads:
        raise ConfigurationError(
            f"the layout {kind} is for {', '.join(reads)}, and --format is {format_name}. Choose "
            "one of these, or another --layout."
        )


def _known_datasets(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}. Mend or move it first.") from error
    if not isinstance(told, dict):
        raise StorageError(f"{path} holds no object, as LLaMA-Factory's list does. Move it first.")
    return told
