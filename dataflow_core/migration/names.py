"""The earlier system's public names, and what they are called here."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

ROOT = "dataflow"
"""The import name of the earlier system."""

Fit = Literal["same", "person", "none", "later"]
Kind = Literal["operator", "base", "storage", "pipeline", "serving", "prompt"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Strict):
    """What becomes of a parameter.

    Attributes:
        to: Its name here; None where there is none.
        was: Its former default, where it had one.
        keep: Whether a call that left it out has to say the former default now, since ours differs.
        optional: Whether a call may leave it out, and gets our default.
        drop: Why it is left out, whatever its value.
        unless: Values with which it is left out, and nobody need be asked.
        unless_class: Former classes of which a new instance is left out in the same way.
        ask: Why a person has to look at a call that gives it.
        also: A second parameter that gets the same value.
        convert: How a literal value changes: ``base_url`` cuts the path off that OpenAI's clients
            add themselves.
    """

    to: str | None = None
    was: Any = None
    keep: bool = False
    optional: bool = False
    drop: str | None = None
    unless: tuple[Any, ...] = ()
    unless_class: tuple[str, ...] = ()
    ask: str | None = None
    also: str | None = None
    convert: Literal["base_url"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> Parameter:
        if self.to is None and self.drop is None and self.ask is None:
            raise ValueError("says neither 'to' nor 'drop' nor 'ask'")
        if self.keep and (self.to is None or not self.has_default):
            raise ValueError("'keep' needs 'to' and 'was'")
        return self

    @property
    def has_default(self) -> bool:
        """Whether it had a default, None included."""
        return "was" in self.model_fields_set

    @property
    def needed(self) -> bool:
        """Whether a call that leaves it out cannot be rewritten."""
        return self.to is not None and not (self.has_default or self.optional or self.drop)


class Former(_Strict):
    """What became of a public class or function.

    Attributes:
        fit: ``same`` does the same job, and calls are rewritten; ``person`` is done otherwise, and
            somebody has to look; ``none`` has no counterpart; ``later`` belongs to a plugin that is
            not there yet.
        kind: What sort of thing it is.
        to: The registered name of what takes its place.
        use: Where that is imported from, as ``module.Class``.
        aliases: Names that it had before.
        also_in: Further modules from which it was imported.
        new: The parameters of its constructor, in order.
        run: The parameters of ``run`` behind the storage, in order.
        adds: What the constructor has to be told here to mean the same.
        run_adds: What ``run`` has to be told.
        do: What a person does.
        differs: How it differs on purpose.
        plugin: The distribution that it belongs to, where that is not there yet.
    """

    fit: Fit
    kind: Kind = "operator"
    to: str | None = None
    use: str | None = None
    aliases: tuple[str, ...] = ()
    also_in: tuple[str, ...] = ()
    new: dict[str, Parameter] = Field(default_factory=dict)
    run: dict[str, Parameter] = Field(default_factory=dict)
    adds: dict[str, Any] = Field(default_factory=dict)
    run_adds: dict[str, Any] = Field(default_factory=dict)
    do: str | None = None
    differs: tuple[str, ...] = ()
    plugin: str | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> Former:
        if self.fit == "same" and self.use is None:
            raise ValueError("fit 'same' needs 'use'")
        if self.fit in {"person", "none"} and self.do is None:
            raise ValueError(f"fit {self.fit!r} needs 'do'")
        if self.fit == "later" and self.plugin is None:
            raise ValueError("fit 'later' needs 'plugin'")
        return self

    @property
    def module(self) -> str:
        """The module that its successor is imported from; empty without one."""
        return (self.use or "").rpartition(".")[0]

    @property
    def name(self) -> str:
        """The name of its successor's class; empty without one."""
        return (self.use or "").rpartition(".")[2]

    @property
    def becomes(self) -> str:
        """What takes its place, for people."""
        if self.fit == "later":
            return f"not available yet ({self.plugin})"
        return self.to or self.use or "nothing"

    @property
    def instead(self) -> str:
        """What a person does about it."""
        if self.fit == "later":
            return f"It belongs to {self.plugin}, which is not there yet."
        return self.do or ""


class Command(_Strict):
    """What became of a command.

    Attributes:
        was: The former command line.
        now: The command line here; None where there is none.
        note: What else there is to know.
    """

    was: str
    now: str | None = None
    note: str | None = None


class FormerNames(_Strict):
    """All that is known of the earlier system's public names.

    Attributes:
        words: Parts of the file that are used in several places.
        modules: By module and name.
        commands: The commands of its command line.
    """

    words: dict[str, Any] = Field(default_factory=dict)
    modules: dict[str, dict[str, Former]]
    commands: tuple[Command, ...] = ()

    @functools.cached_property
    def by_name(self) -> dict[str, Former]:
        """Every name, those before included; no two modules shared one."""
        return dict(self._names())

    @functools.cached_property
    def known_modules(self) -> frozenset[str]:
        """The modules, and the packages that they are in."""
        named = {*self.modules}
        named.update(*(one.also_in for one in self.by_name.values()))
        parts = (module.split(".") for module in named)
        return frozenset(".".join(one[: n + 1]) for one in parts for n in range(len(one)))

    def names_module(self, text: str) -> bool:
        """Tell whether a text is the dotted name of something in a known package."""
        parts = text.split(".")
        dotted = len(parts) > 1 and all(part.isidentifier() for part in parts)
        return dotted and ".".join(parts[:2]) in self.known_modules

    def brings(self, module: str, name: str) -> bool:
        """Tell whether a class could be imported by name from a module, or from one in it."""
        former = self.by_name.get(name)
        homes = [home for home, entries in self.modules.items() if former in entries.values()]
        homes += former.also_in if former is not None else ()
        return any(f"{home}.".startswith(f"{module}.") for home in homes)

    def _names(self) -> Iterator[tuple[str, Former]]:
        for entries in self.modules.values():
            for name, former in entries.items():
                yield name, former
                for alias in former.aliases:
                    yield alias, former


@functools.cache
def former_names() -> FormerNames:
    """Return what ``former_names.yaml`` says."""
    file = resources.files(__package__).joinpath("former_names.yaml")
    content = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return FormerNames.model_validate(content)
