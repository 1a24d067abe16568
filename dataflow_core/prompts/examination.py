"""Examine the prompts that plugins register, for ``dataflow plugins doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from dataflow_core.errors import PromptError
from dataflow_core.plugins import Finding, Registered
from dataflow_core.plugins.specs import PromptSpec
from dataflow_core.plugins.targets import resolve
from dataflow_core.prompts.prompt import read_template


def prompt_findings(item: Registered[Any]) -> Iterator[Finding]:
    """Yield what is wrong with a prompt whose file is there; nothing of what is no prompt.

    Its file has to be a template, and the summary of its specification to be the description in
    its header, word for word: lists show the one, whoever opens the file reads the other.
    """
    if not isinstance(item.spec, PromptSpec):
        return
    try:
        template = read_template(resolve(item), item.full_name)
    except PromptError as error:
        yield _about(
            item, "error", str(error), "Correct the file; `dataflow prompts show` reads it."
        )
        return
    if template.description != item.spec.summary:
        yield _about(
            item,
            "warning",
            f"its summary is {item.spec.summary!r}, and its file has the description "
            f"{template.description!r}",
            "Say the same in both, word for word.",
        )


def _about(
    item: Registered[Any], level: Literal["error", "warning"], cause: str, cure: str
) -> Finding:
    return Finding(
        level=level, namespace=item.namespace, subject=item.full_name, cause=cause, cure=cure
    )
