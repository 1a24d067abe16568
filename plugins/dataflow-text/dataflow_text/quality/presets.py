"""Presets: quality rules that belong together, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from dataflow_core.errors import ConfigurationError
from dataflow_text.quality import character_rules, line_rules, word_rules
from dataflow_text.quality.gopher import GopherQuality, GopherRepetition
from dataflow_text.quality.rule import RuleFilter
from dataflow_text.quality.rule_set import RuleSet
from dataflow_text.quality.web import C4Quality, FinewebQuality

Preset = Literal["default", "gopher", "c4", "fineweb", "basic"]

Rules: TypeAlias = "list[RuleFilter | RuleSet]"


def rules_of(preset: Preset, min_words: int | None = None) -> Rules:
    """Return the rules of a preset, in the order in which they apply.

    Args:
        preset: Its name.
        min_words: The fewest words kept; None for the preset's own number.

    Raises:
        ConfigurationError: There is no such preset, or it does not count words.
    """
    if preset not in get_args(Preset):
        known = ", ".join(get_args(Preset))
        raise ConfigurationError(f"preset {preset!r} is unknown; there are: {known}.")
    rules = _PRESETS[preset]()
    if min_words is None:
        return rules
    counting = {word_rules.WordCountFilter: "min_value", GopherQuality: "min_words"}
    if not any(type(rule) in counting for rule in rules):
        raise ConfigurationError(
            f"min_words: the preset {preset!r} does not count words. Leave it out, or choose "
            "another preset."
        )
    return [
        _with(rule, counting[type(rule)], min_words) if type(rule) in counting else rule
        for rule in rules
    ]


def _with(rule: RuleFilter | RuleSet, field: str, value: int) -> RuleFilter | RuleSet:
    given = {name: getattr(rule, name) for name in rule.model_fields_set}
    return type(rule)(**{**given, field: value})


def _basic() -> Rules:
    return [word_rules.WordCountFilter(), character_rules.CurlyBracketFilter()]


def _gopher() -> Rules:
    return [GopherQuality(), GopherRepetition()]


def _default() -> Rules:
    """Return all rules, those that cost least and drop most first."""
    return [
        character_rules.ContentFilter(),
        word_rules.WordCountFilter(min_value=100),
        word_rules.StopWordFilter(),
        word_rules.MeanWordLengthFilter(),
        word_rules.AlphabeticWordFilter(),
        word_rules.UniqueWordFilter(),
        word_rules.CapitalWordFilter(),
        word_rules.SymbolWordRatioFilter(),
        word_rules.LoremIpsumFilter(),
        word_rules.WatermarkFilter(),
        word_rules.IdentityDocumentFilter(),
        word_rules.UnpunctuatedRunFilter(),
        line_rules.SentenceCountFilter(),
        line_rules.EllipsisLineFilter(),
        line_rules.BulletLineFilter(),
        line_rules.JavascriptLineFilter(),
        line_rules.ColonEndFilter(),
        character_rules.CharacterCountFilter(),
        character_rules.CurlyBracketFilter(),
        character_rules.HtmlEntityFilter(),
        character_rules.SpecialCharacterFilter(),
    ]


_PRESETS: Mapping[str, Callable[[], Rules]] = MappingProxyType(
    {
        "default": _default,
        "gopher": _gopher,
        "c4": lambda: [C4Quality()],
        "fineweb": lambda: [*_gopher(), C4Quality(), FinewebQuality()],
        "basic": _basic,
    }
)
