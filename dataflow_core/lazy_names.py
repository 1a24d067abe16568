"""Public names of packages, each imported when it is first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str], *, within: str = "", besides: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose ``__all__`` is lazy.

    Args:
        package: The package's ``__name__``.
        homes: The module that defines each name.
        within: The package that these modules lie in; empty where they are named in full.
        besides: Names that `dir` tells beside those in ``__all__``.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = f"{within}.{homes[name]}" if within else homes[name]
        value = getattr(importlib.import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*sys.modules[package].__all__, *besides})

    return get, names
