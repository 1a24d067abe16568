"""Text operators and pipelines for DataFlow: clean, filter and deduplicate web text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_text.deduplicate import DeduplicateExact
    from dataflow_text.markup import RemoveHtmlUrls
    from dataflow_text.pipelines import PretrainFilter
    from dataflow_text.quality import (
        CurlyBracketEvaluator,
        CurlyBracketFilter,
        WordCountEvaluator,
        WordCountFilter,
    )
    from dataflow_text.whitespace import NormalizeWhitespace

__version__ = "0.1.0"

_HOMES = {
    "CurlyBracketEvaluator": "quality",
    "CurlyBracketFilter": "quality",
    "DeduplicateExact": "deduplicate",
    "NormalizeWhitespace": "whitespace",
    "PretrainFilter": "pipelines",
    "RemoveHtmlUrls": "markup",
    "WordCountEvaluator": "quality",
    "WordCountFilter": "quality",
}

__all__ = [
    "CurlyBracketEvaluator",
    "CurlyBracketFilter",
    "DeduplicateExact",
    "NormalizeWhitespace",
    "PretrainFilter",
    "RemoveHtmlUrls",
    "WordCountEvaluator",
    "WordCountFilter",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
