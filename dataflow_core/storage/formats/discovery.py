"""Find the data files that a source names: a file, a glob, or a folder."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dataflow_core.errors import SourceError, did_you_mean
from dataflow_core.storage.formats.endings import format_of, known_endings


def expand_source(source: str, endings: Sequence[str] | None = None) -> list[Path]:
    """Return the data files that a source names, sorted by name.

    Args:
        source: A file; a glob such as ``data/**/*.jsonl``; or a folder, whose data files are found
            recursively (hidden ones, and names that begin with ``_``, are skipped).
        endings: The endings of data files, in lower case; None for those of the known formats, of
            which all files must have one.

    Returns:
        At least one path.

    Raises:
        SourceError: Nothing is there, or the files are of several formats.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        found, where = _in_folder(path, endings), f"the folder {source}"
    elif path.exists():
        return [path]
    elif glob.has_magic(source):
        found, where = _matches(str(path)), f"the glob {source}"
    else:
        raise _missing(path)
    if not found:
        known = known_endings() if endings is None else " ".join(endings)
        raise SourceError(f"{where} has no data files. Known endings: {known}. Check the path.")
    return found if endings is not None else _one_format(source, found, where)


def _matches(pattern: str) -> list[Path]:
    found = (Path(name) for name in glob.iglob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute
    return sorted(path for path in found if path.is_file())


def _in_folder(folder: Path, endings: Sequence[str] | None) -> list[Path]:
    if endings is None:
        return sorted(path for path in _visible_files(folder) if format_of(path) is not None)
    wanted = tuple(endings)
    return sorted(path for path in _visible_files(folder) if path.name.lower().endswith(wanted))


def _visible_files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if is_data_folder(Path(root, name))]
        yield from (Path(root, name) for name in names if not name.startswith((".", "_")))


def is_data_folder(folder: Path) -> bool:
    """Tell whether a folder may hold data; hidden ones and run directories do not."""
    return not (folder.name.startswith((".", "_")) or (folder / "run.json").exists())


def _one_format(source: str, paths: list[Path], where: str) -> list[Path]:
    by_format = defaultdict(list)
    for path in paths:
        known = format_of(path)
        by_format[known.name if known else "unknown"].append(path)
    if len(by_format) > 1:
        found = "; ".join(f"{name}: {_some(files)}" for name, files in sorted(by_format.items()))
        raise SourceError(
            f"{where} has files of several formats ({found}). Name one format with a glob, such as "
            f"{Path(source) / '*.jsonl' if Path(source).is_dir() else '*.jsonl'}."
        )
    return paths


def _some(paths: Iterable[Path]) -> str:
    names = [str(path) for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _missing(path: Path) -> SourceError:
    folder = path.parent
    if not folder.is_dir():
        return SourceError(
            f"{path} does not exist: there is no folder {folder}. Check the path.",
            unknown_name=True,
        )
    names = [near.name for near in folder.iterdir() if not near.name.startswith(".")]
    hint = did_you_mean(path.name, names)
    return SourceError(f"{path} does not exist.{hint or ' Check the path.'}", unknown_name=True)


def _raise(error: OSError) -> None:
    raise SourceError(
        f"{error.filename} cannot be listed: {error.strerror}; allow reading that folder."
    ) from error
