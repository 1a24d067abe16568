"""What language models read: ``llms.txt``, an index, and ``llms-full.txt``, all in one file.

The form is that of https://llmstxt.org: a title, a summary, and links with a line each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from dataflow_core.plugins import PluginManager

_TITLE = "# DataFlow"
_SUMMARY = """\
> Prepares training data for language models: operators that generate, evaluate, filter and refine
> rows of a table, pipelines of them in Python or YAML, and an engine that accounts for every row
> and goes on after a break.

- Install `dataflow-llm-core` and the plugins of a domain (`dataflow-text`, `dataflow-math`); import
  `dataflow_core`.
- A pipeline is a class with `forward`, or a recipe; `dataflow check` finds what is wrong before a
  run, without a model.
- Operators are named `namespace/name`; `dataflow operators show NAME --json` has all fields and
  columns of one.
- Rows that fail are in quarantine with the reason; a failure is never written as data."""


def index(
    chapters: Mapping[str, Sequence[tuple[PurePosixPath, str]]], manager: PluginManager
) -> str:
    """Return ``llms.txt``.

    Args:
        chapters: By heading, the pages of the site, with their titles.
        manager: Tells the operators and pipelines.
    """
    parts = [_TITLE, _SUMMARY]
    for heading, pages in chapters.items():
        links = [f"- [{title}](_sources/{place}.txt)" for place, title in pages]
        parts.append("\n".join([f"## {heading}", "", *links]))
    operators = [
        f"- {one.full_name} ({one.spec.function}, {one.spec.scope}): {one.spec.summary}"
        for one in manager.operators()
    ]
    pipelines = [f"- {one.full_name}: {one.spec.summary}" for one in manager.pipelines()]
    parts.append("\n".join(["## Operators", "", *operators]))
    parts.append("\n".join(["## Pipelines", "", *pipelines]))
    return "\n\n".join(parts) + "\n"


def whole(texts: Sequence[str]) -> str:
    """Return ``llms-full.txt``: the texts of all pages, one after the other."""
    return "\n\n".join([_TITLE, _SUMMARY, *texts]) + "\n"
