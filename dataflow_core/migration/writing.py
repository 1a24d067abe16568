"""Put a rewritten script into its file, and keep the old one.

This package is light and imports no storage, so it has no use of `AtomicFile`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from dataflow_core.errors import ScriptError


def replace(path: Path, content: bytes) -> Path:
    """Put new content into a file, whole or not at all, and return where the old one is kept.

    Args:
        path: The file; where it is a link, what it leads to is rewritten.
        content: The new content.

    Raises:
        ScriptError: The file or its folder cannot be written to; the file is as it was.
    """
    real = path.resolve()
    try:
        backup = _kept(real)
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            shutil.copymode(real, name)
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ScriptError(f"{path} cannot be written: {error.strerror}.") from None
    return backup if path.is_symlink() else path.with_name(backup.name)


def _kept(path: Path) -> Path:
    """Copy a file to a name beside it that is free, and return that."""
    number = 0
    while True:
        backup = path.with_name(f"{path.name}.bak{number or ''}")
        try:
            with backup.open("xb") as file:
                file.write(path.read_bytes())
        except FileExistsError:
            number += 1
            continue
        shutil.copystat(path, backup)
        return backup
