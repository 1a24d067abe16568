"""Text operators and pipelines for DataFlow: clean, filter and deduplicate web text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_text.deduplicate.exact import DeduplicateExact as DeduplicateExact
    from dataflow_text.deduplicate.minhash import DeduplicateMinhash as DeduplicateMinhash
    from dataflow_text.deduplicate.ngrams import DeduplicateNgrams as DeduplicateNgrams
    from dataflow_text.deduplicate.simhash import DeduplicateSimhash as DeduplicateSimhash
    from dataflow_text.evaluate.character_model import CharacterModel as CharacterModel
    from dataflow_text.evaluate.consensus import CiderEvaluator as CiderEvaluator
    from dataflow_text.evaluate.language import LanguageEvaluator as LanguageEvaluator
    from dataflow_text.evaluate.language import LanguageFilter as LanguageFilter
    from dataflow_text.evaluate.length import TokenCountEvaluator as TokenCountEvaluator
    from dataflow_text.evaluate.length import TokenCountFilter as TokenCountFilter
    from dataflow_text.evaluate.lexis import LexicalDiversityEvaluator as LexicalDiversityEvaluator
    from dataflow_text.evaluate.lexis import LexicalDiversityFilter as LexicalDiversityFilter
    from dataflow_text.evaluate.ngrams import NgramRepetitionEvaluator as NgramRepetitionEvaluator
    from dataflow_text.evaluate.ngrams import NgramRepetitionFilter as NgramRepetitionFilter
    from dataflow_text.evaluate.perplexity import PerplexityEvaluator as PerplexityEvaluator
    from dataflow_text.evaluate.perplexity import PerplexityFilter as PerplexityFilter
    from dataflow_text.evaluate.pii import PiiCountEvaluator as PiiCountEvaluator
    from dataflow_text.evaluate.pii import PiiCountFilter as PiiCountFilter
    from dataflow_text.evaluate.rouge import RougeEvaluator as RougeEvaluator
    from dataflow_text.evaluate.translation import BleuEvaluator as BleuEvaluator
    from dataflow_text.evaluate.translation import ChrfEvaluator as ChrfEvaluator
    from dataflow_text.evaluate.translation import TerEvaluator as TerEvaluator
    from dataflow_text.extract.html import HtmlExtract as HtmlExtract
    from dataflow_text.pipelines.deduplication import Dedup as Dedup
    from dataflow_text.pipelines.pretrain import PretrainFilter as PretrainFilter
    from dataflow_text.pipelines.quality import QualityMeasures as QualityMeasures
    from dataflow_text.pipelines.quality import QualityRules as QualityRules
    from dataflow_text.pipelines.survey import Survey as Survey
    from dataflow_text.pipelines.web import WebExtract as WebExtract
    from dataflow_text.quality.blocklist import BlocklistEvaluator as BlocklistEvaluator
    from dataflow_text.quality.blocklist import BlocklistFilter as BlocklistFilter
    from dataflow_text.quality.character_rules import (
        CharacterCountEvaluator as CharacterCountEvaluator,
    )
    from dataflow_text.quality.character_rules import CharacterCountFilter as CharacterCountFilter
    from dataflow_text.quality.character_rules import ContentEvaluator as ContentEvaluator
    from dataflow_text.quality.character_rules import ContentFilter as ContentFilter
    from dataflow_text.quality.character_rules import CurlyBracketEvaluator as CurlyBracketEvaluator
    from dataflow_text.quality.character_rules import CurlyBracketFilter as CurlyBracketFilter
    from dataflow_text.quality.character_rules import HtmlEntityEvaluator as HtmlEntityEvaluator
    from dataflow_text.quality.character_rules import HtmlEntityFilter as HtmlEntityFilter
    from dataflow_text.quality.character_rules import (
        SpecialCharacterEvaluator as SpecialCharacterEvaluator,
    )
    from dataflow_text.quality.character_rules import (
        SpecialCharacterFilter as SpecialCharacterFilter,
    )
    from dataflow_text.quality.gopher import GopherQuality as GopherQuality
    from dataflow_text.quality.gopher import GopherRepetition as GopherRepetition
    from dataflow_text.quality.line_rules import BulletLineEvaluator as BulletLineEvaluator
    from dataflow_text.quality.line_rules import BulletLineFilter as BulletLineFilter
    from dataflow_text.quality.line_rules import ColonEndEvaluator as ColonEndEvaluator
    from dataflow_text.quality.line_rules import ColonEndFilter as ColonEndFilter
    from dataflow_text.quality.line_rules import EllipsisLineEvaluator as EllipsisLineEvaluator
    from dataflow_text.quality.line_rules import EllipsisLineFilter as EllipsisLineFilter
    from dataflow_text.quality.line_rules import JavascriptLineEvaluator as JavascriptLineEvaluator
    from dataflow_text.quality.line_rules import JavascriptLineFilter as JavascriptLineFilter
    from dataflow_text.quality.line_rules import SentenceCountEvaluator as SentenceCountEvaluator
    from dataflow_text.quality.line_rules import SentenceCountFilter as SentenceCountFilter
    from dataflow_text.quality.web import C4Quality as C4Quality
    from dataflow_text.quality.web import FinewebQuality as FinewebQuality
    from dataflow_text.quality.word_rules import AlphabeticWordEvaluator as AlphabeticWordEvaluator
    from dataflow_text.quality.word_rules import AlphabeticWordFilter as AlphabeticWordFilter
    from dataflow_text.quality.word_rules import CapitalWordEvaluator as CapitalWordEvaluator
    from dataflow_text.quality.word_rules import CapitalWordFilter as CapitalWordFilter
    from dataflow_text.quality.word_rules import (
        IdentityDocumentEvaluator as IdentityDocumentEvaluator,
    )
    from dataflow_text.quality.word_rules import IdentityDocumentFilter as IdentityDocumentFilter
    from dataflow_text.quality.word_rules import LoremIpsumEvaluator as LoremIpsumEvaluator
    from dataflow_text.quality.word_rules import LoremIpsumFilter as LoremIpsumFilter
    from dataflow_text.quality.word_rules import MeanWordLengthEvaluator as MeanWordLengthEvaluator
    from dataflow_text.quality.word_rules import MeanWordLengthFilter as MeanWordLengthFilter
    from dataflow_text.quality.word_rules import StopWordEvaluator as StopWordEvaluator
    from dataflow_text.quality.word_rules import StopWordFilter as StopWordFilter
    from dataflow_text.quality.word_rules import (
        SymbolWordRatioEvaluator as SymbolWordRatioEvaluator,
    )
    from dataflow_text.quality.word_rules import SymbolWordRatioFilter as SymbolWordRatioFilter
    from dataflow_text.quality.word_rules import UniqueWordEvaluator as UniqueWordEvaluator
    from dataflow_text.quality.word_rules import UniqueWordFilter as UniqueWordFilter
    from dataflow_text.quality.word_rules import (
        UnpunctuatedRunEvaluator as UnpunctuatedRunEvaluator,
    )
    from dataflow_text.quality.word_rules import UnpunctuatedRunFilter as UnpunctuatedRunFilter
    from dataflow_text.quality.word_rules import WatermarkEvaluator as WatermarkEvaluator
    from dataflow_text.quality.word_rules import WatermarkFilter as WatermarkFilter
    from dataflow_text.quality.word_rules import WordCountEvaluator as WordCountEvaluator
    from dataflow_text.quality.word_rules import WordCountFilter as WordCountFilter
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
    from dataflow_text.survey.duplicates import DuplicateShareEvaluator as DuplicateShareEvaluator
    from dataflow_text.survey.lengths import (
        LengthDistributionEvaluator as LengthDistributionEvaluator,
    )
    from dataflow_text.survey.vocabulary import VocabularyEvaluator as VocabularyEvaluator
    from dataflow_text.warc.storage import WarcStorage as WarcStorage

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public class when it is first used."""
    homes = _homes()
    if name == "__all__":
        return sorted(homes)
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """Return the module of each public class: those that are registered, and what they need."""
    from dataflow_text._plugin import OPERATORS, PIPELINES, STORAGES

    targets = (spec.target.partition(":") for spec in (*OPERATORS, *PIPELINES, *STORAGES))
    needed = {"CharacterModel": "dataflow_text.evaluate.character_model"}
    return needed | {name: module for module, _, name in targets}
