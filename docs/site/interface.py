"""The reference of the public Python interface: a page a module, made of docstrings."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from pages import fence, table

from dataflow_core.testing.surface.core import PUBLIC

MODULES = (*PUBLIC, "dataflow_core.plugins.hookspecs")
_AGAIN = ("dataflow_core", "dataflow_core.errors")
"""Modules with names that stand on other pages too, where links lead."""
_INTRODUCTION = """\
# Python

Where to import from. A name that is not on these pages, or begins with an underscore, may change at
any time."""


def pages() -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the index, and a page for each module."""
    rows = [(f"[{name}]({name}.md)", _summary(name)) for name in MODULES]
    folder = PurePosixPath("reference/python")
    yield (
        folder / "index.md",
        "\n\n".join([_INTRODUCTION, table(("module", "what is in it"), rows)]),
    )
    for name in MODULES:
        yield folder / f"{name}.md", f"# {name}\n\n{fence(_directive(name), '{eval-rst}')}"


def _summary(name: str) -> str:
    return (importlib.import_module(name).__doc__ or "").strip().partition("\n\n")[0]


def _directive(name: str) -> str:
    lines = [f".. automodule:: {name}", "   :members:"]
    if _names(name):
        lines.append("   :imported-members:")
    if name in _AGAIN:
        lines.append("   :no-index:")
    elif below := _described_below(name):
        lines.append(f"   :exclude-members: {', '.join(below)}")
    return "\n".join(lines)


def _described_below(name: str) -> list[str]:
    """Return what a module names of the public modules in it, on whose pages that is described."""
    below = [one for one in MODULES if one.startswith(f"{name}.")]
    named = {text for module in below for text in _names(module)}
    return [text for text in _names(name) if text in named]


def _names(module: str) -> Sequence[str]:
    return getattr(importlib.import_module(module), "__all__", ())
