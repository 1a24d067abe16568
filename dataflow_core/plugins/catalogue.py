"""What the plugins registered, and the rules for a specification to be registered."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from dataflow_core.plugins.discovery import Claim
from dataflow_core.plugins.problems import LoadingError
from dataflow_core.plugins.specs import (
    CommandSpec,
    EngineSpec,
    Function,
    Modality,
    OperatorSpec,
    PipelineSpec,
    PromptSpec,
    Scope,
    ServingSpec,
    Spec,
    StorageSpec,
    TemplateSpec,
)

Kind = Literal[
    "operator", "pipeline", "prompt", "storage", "serving", "engine", "command", "template"
]
S_co = TypeVar("S_co", bound=Spec, covariant=True)

KINDS: Mapping[Kind, type[Spec]] = {
    "operator": OperatorSpec,
    "pipeline": PipelineSpec,
    "prompt": PromptSpec,
    "storage": StorageSpec,
    "serving": ServingSpec,
    "engine": EngineSpec,
    "command": CommandSpec,
    "template": TemplateSpec,
}
"""What each hook ``dataflow_register_<kind>s`` returns, in the order of the calls."""

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PLACE_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[\w.-]+(/[\w.-]+)*")
_PLACES: Mapping[type[Spec], str] = {
    TemplateSpec: "package:folder",
    PromptSpec: "package:prompts/name.jinja",
}
"""The targets of what is no Python object but a place in a package."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "function": typing.get_args(Function),
    "scope": typing.get_args(Scope),
    "modality": typing.get_args(Modality),
}
_STRINGS = ("aliases", "schemes", "endings", "prefixes")


@dataclass(frozen=True, slots=True)
class Registered(Generic[S_co]):
    """A specification, and the plugin that registered it.

    Attributes:
        namespace: The plugin's namespace.
        distribution: The distribution that it came with.
        version: The version of the distribution.
        spec: What was registered.
    """

    namespace: str
    distribution: str
    version: str
    spec: S_co

    @property
    def full_name(self) -> str:
        """The name with its namespace: ``"text/word_count_filter"``."""
        return f"{self.namespace}/{self.spec.name}"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that was loaded.

    Attributes:
        claim: Its entry point and distribution.
        registered: All that it registered, by kind.
    """

    claim: Claim
    registered: Mapping[Kind, tuple[Registered[Any], ...]]


@dataclass(frozen=True)
class Catalogue:
    """All that the loaded plugins registered, by kind and full name."""

    plugins: tuple[Plugin, ...]
    _names: dict[Kind, dict[str, Registered[Any]]] = field(init=False)
    _aliases: dict[Kind, dict[str, Registered[Any]]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", {kind: {} for kind in KINDS})
        object.__setattr__(self, "_aliases", {kind: {} for kind in KINDS})
        for plugin in self.plugins:
            for kind, registered in plugin.registered.items():
                for item in registered:
                    self._names[kind][item.full_name] = item
                    for alias in item.spec.aliases:
                        self._aliases[kind][f"{item.namespace}/{alias}"] = item

    def of_kind(self, kind: Kind) -> Mapping[str, Registered[Any]]:
        """Return what is registered of a kind, by full name."""
        return self._names[kind]

    def renamed(self, kind: Kind, former: str) -> Registered[Any] | None:
        """Return what is registered under a former full name."""
        return self._aliases[kind].get(former)

    @cached_property
    def by_target(self) -> Mapping[str, str]:
        """The full names by target."""
        return {
            item.spec.target: full_name
            for names in self._names.values()
            for full_name, item in names.items()
        }

    def namespaces(self) -> list[str]:
        """Return the namespaces of the loaded plugins."""
        return [plugin.claim.namespace for plugin in self.plugins]


def checked_specs(kind: Kind, returned: Any) -> Iterator[Spec]:
    """Yield the specifications that a plugin's hook returned.

    Raises:
        LoadingError: It returned something else, a specification is malformed, or a name is
            there twice.
    """
    hook, wanted = f"dataflow_register_{kind}s", KINDS[kind]
    if not isinstance(returned, Iterable) or isinstance(returned, (str, bytes, Mapping)):
        raise LoadingError(
            f"{hook} returned {_shown(returned)}, wanted a list of {wanted.__name__}",
            f"Return a list of {wanted.__name__} from the hook, an empty one for none.",
        )
    seen: set[str] = set()
    for spec in returned:
        if not isinstance(spec, wanted):
            raise LoadingError(
                f"{hook} returned {_shown(spec)} in its list, wanted {wanted.__name__}",
                f"Return only {wanted.__name__} from the hook.",
            )
        _check(hook, spec)
        _check_unique(hook, spec, seen)
        yield spec


def _check_unique(hook: str, spec: Spec, seen: set[str]) -> None:
    for name in (spec.name, *spec.aliases):
        if name in seen:
            raise LoadingError(
                f"{hook} registers the name {name!r} twice", "Give each name or alias to one only."
            )
        seen.add(name)


def _check(hook: str, spec: Spec) -> None:
    for name in _STRINGS:
        value = getattr(spec, name, ())
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise LoadingError(
                f"{hook}: {name} of {spec.name!r} is {value!r}, wanted a tuple of strings",
                f'Write {name}=("…",), with the comma.',
            )
    for name in (spec.name, *spec.aliases):
        if not isinstance(name, str) or not SNAKE_CASE.fullmatch(name):
            raise LoadingError(
                f"{hook}: the name {name!r} is not in snake case",
                "Name it like 'word_count_filter', without the namespace.",
            )
    _check_target(hook, spec)
    _check_choices(hook, spec)
    if not isinstance(spec.summary, str) or not spec.summary.strip() or "\n" in spec.summary:
        raise LoadingError(
            f"{hook}: the summary of {spec.name!r} is {spec.summary!r}", "Describe it in one line."
        )


def _check_target(hook: str, spec: Spec) -> None:
    wanted = _PLACES.get(type(spec))
    form = _TARGET if wanted is None else _PLACE_TARGET
    if not isinstance(spec.target, str) or not form.fullmatch(spec.target):
        wanted = wanted or "package.module:Name"
        raise LoadingError(
            f"{hook}: the target {spec.target!r} of {spec.name!r} is not of the form '{wanted}'",
            "Name the module, a colon, and what it is in there.",
        )
    example = getattr(spec, "example", "")
    if example and not (isinstance(example, str) and _TARGET.fullmatch(example)):
        raise LoadingError(
            f"{hook}: the example {example!r} of {spec.name!r} is not of the form "
            "'package.module:NAME'",
            "Name the module, a colon, and the Example or the mapping of examples in there.",
        )


def _check_choices(hook: str, spec: Spec) -> None:
    for name, choices in _CHOICES.items():
        value = getattr(spec, name, choices[0])
        if value not in choices:
            raise LoadingError(
                f"{hook}: {name} of {spec.name!r} is {value!r}, wanted one of {', '.join(choices)}",
                f"Correct {name} in the specification.",
            )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
