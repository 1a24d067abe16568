"""Text operators and pipelines for DataFlow: clean, filter and deduplicate web text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_text.deduplicate.exact import DeduplicateExact as DeduplicateExact
    from dataflow_text.pipelines import PretrainFilter as PretrainFilter
    from dataflow_text.quality import CurlyBracketEvaluator as CurlyBracketEvaluator
    from dataflow_text.quality import CurlyBracketFilter as CurlyBracketFilter
    from dataflow_text.quality import WordCountEvaluator as WordCountEvaluator
    from dataflow_text.quality import WordCountFilter as WordCountFilter
    from dataflow_text.refine.characters import Lowercase as Lowercase
    from dataflow_text.refine.characters import RemoveNumbers as RemoveNumbers
    from dataflow_text.refine.contractions import ExpandContractions as ExpandContractions
    from dataflow_text.refine.emoji import RemoveEmoji as RemoveEmoji
    from dataflow_text.refine.emoticons import RemoveEmoticons as RemoveEmoticons
    from dataflow_text.refine.entities import DecodeHtmlEntities as DecodeHtmlEntities
    from dataflow_text.refine.lines import RemoveBoilerplateLines as RemoveBoilerplateLines
    from dataflow_text.refine.lines import RemoveRepeatedLines as RemoveRepeatedLines
    from dataflow_text.refine.markup import RemoveHtmlTags as RemoveHtmlTags
    from dataflow_text.refine.markup import RemoveHtmlUrls as RemoveHtmlUrls
    from dataflow_text.refine.normalize import NormalizeText as NormalizeText
    from dataflow_text.refine.pii import MaskPii as MaskPii
    from dataflow_text.refine.punctuation import CollapsePunctuation as CollapsePunctuation
    from dataflow_text.refine.punctuation import RemovePunctuation as RemovePunctuation
    from dataflow_text.refine.references import RemoveImageReferences as RemoveImageReferences
    from dataflow_text.refine.references import RemoveReferences as RemoveReferences
    from dataflow_text.refine.unicode import FixUnicode as FixUnicode
    from dataflow_text.refine.urls import RemoveUrls as RemoveUrls
    from dataflow_text.refine.whitespace import NormalizeWhitespace as NormalizeWhitespace
    from dataflow_text.refine.words import CorrectSpelling as CorrectSpelling
    from dataflow_text.refine.words import RemoveStopWords as RemoveStopWords
    from dataflow_text.refine.words import StemWords as StemWords

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import an operator or pipeline when it is first used."""
    homes = _homes()
    if name == "__all__":
        return sorted(homes)
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """Return the module of each registered class."""
    from dataflow_text._plugin import OPERATORS, PIPELINES

    targets = (spec.target.partition(":") for spec in (*OPERATORS, *PIPELINES))
    return {name: module for module, _, name in targets}
