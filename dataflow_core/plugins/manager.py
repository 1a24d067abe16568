"""The plugin manager: what is registered, found by name, and imported when it is used."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dataflow_core.deprecations import Former, warn_of_former_name
from dataflow_core.errors import PluginError, did_you_mean, nearest
from dataflow_core.plugins.catalogue import Catalogue, Kind, Plugin, Registered
from dataflow_core.plugins.discovery import Claim, claims_of, core_claim, installed_claims
from dataflow_core.plugins.hook_checks import event_hooks
from dataflow_core.plugins.loading import CORE, Loader, Observer, problem_of
from dataflow_core.plugins.problems import PluginProblem, summarize
from dataflow_core.plugins.specs import (
    CommandSpec,
    EngineSpec,
    OperatorSpec,
    PipelineSpec,
    PromptSpec,
    ServingSpec,
    StorageSpec,
    TemplateSpec,
)
from dataflow_core.plugins.targets import needing, resolve

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DISABLE_VARIABLE = "DATAFLOW_DISABLE_PLUGINS"
STRICT_VARIABLE = "DATAFLOW_STRICT_PLUGINS"
_OURS = ("text", "math", "code", "sql", "rag", "knowledge")
"""The namespaces of our own plugins, whose distributions are named after them."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")


class PluginManager:
    """Finds the installed plugins, and what they register.

    Making one does nothing; the hook modules are imported at the first look-up, and an operator's
    own module when it is loaded. A broken plugin is one of `problems`, never an error, unless
    strict.

    Args:
        discover: Whether to look for third-party plugins; without, there is only the core.
        disabled: Namespaces or distributions to leave out before import, ``"*"`` for all; default:
            the environment's ``DATAFLOW_DISABLE_PLUGINS``, separated by commas.
        strict: Whether a broken plugin raises `PluginError`; default: if
            ``DATAFLOW_STRICT_PLUGINS=1`` is set.
        entry_points: Entry points to use instead of those of the installed distributions.

    Example:
        >>> from dataflow_core.plugins import PluginManager
        >>> plugins = PluginManager(discover=False)
        >>> plugins.find("operator", "core/filter_rows").spec.function
        'filter'
    """

    def __init__(
        self,
        discover: bool = True,
        disabled: Iterable[str] | None = None,
        strict: bool | None = None,
        entry_points: Iterable[EntryPoint] | None = None,
    ) -> None:
        self.discover = discover
        self.disabled_names = frozenset(_from_environment() if disabled is None else disabled)
        self.strict = _is_set(STRICT_VARIABLE) if strict is None else strict
        self._entry_points = None if entry_points is None else tuple(entry_points)
        self._dropped: dict[Claim, PluginProblem] = {}

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What is wrong with the plugins that were not loaded, and with observers that raised."""
        return (*self._loader.problems, *self._dropped.values())

    def operators(self) -> list[Registered[OperatorSpec]]:
        """Return all operators, by full name."""
        return self.all_of("operator")

    def pipelines(self) -> list[Registered[PipelineSpec]]:
        """Return all pipelines, by full name."""
        return self.all_of("pipeline")

    def prompts(self) -> list[Registered[PromptSpec]]:
        """Return all prompt templates, by full name."""
        return self.all_of("prompt")

    def storages(self) -> list[Registered[StorageSpec]]:
        """Return all storages, by full name."""
        return self.all_of("storage")

    def servings(self) -> list[Registered[ServingSpec]]:
        """Return all servings, by full name."""
        return self.all_of("serving")

    def engines(self) -> list[Registered[EngineSpec]]:
        """Return all engines, by full name."""
        return self.all_of("engine")

    def commands(self) -> list[Registered[CommandSpec]]:
        """Return all commands of plugins, by full name."""
        return self.all_of("command")

    def templates(self) -> list[Registered[TemplateSpec]]:
        """Return all cookiecutter templates, by full name."""
        return self.all_of("template")

    def all_of(self, kind: Kind) -> list[Registered[Any]]:
        """Return all that is registered of a kind, by full name."""
        names = self._catalogue.of_kind(kind)
        return [names[name] for name in sorted(names)]

    def plugins(self) -> tuple[Plugin, ...]:
        """Return the loaded plugins: the core, then the others by namespace."""
        return self._catalogue.plugins

    def disabled(self) -> tuple[Claim, ...]:
        """Return the claims of plugins that were left out by name."""
        return tuple(self._loader.disabled)

    def deprecated(self) -> tuple[tuple[Claim, str], ...]:
        """Return the deprecated hooks and arguments that plugins implement, as messages."""
        return tuple(self._loader.deprecated)

    def find(self, kind: Kind, name: str) -> Registered[Any]:
        """Return what is registered under a full name, or under a former one, with a warning.

        Args:
            kind: What to look for, such as ``"operator"``.
            name: Its full name, such as ``"text/word_count_filter"``.

        Raises:
            PluginError: There is no such name; the message has the nearest one, or how to get it.
        """
        if found := self._catalogue.of_kind(kind).get(name):
            return found
        if found := self._catalogue.renamed(kind, name):
            former = next(one for one in found.spec.aliases if f"{found.namespace}/{one}" == name)
            warn_of_former_name(kind, _within(found.namespace, former), found.full_name)
            return found
        broken = self._is_kept_out(name.partition("/")[0])
        raise PluginError(self._unknown(kind, name), unknown_name=not broken)

    def require_namespace(self, namespace: str) -> None:
        """Check that a plugin is loaded.

        Raises:
            PluginError: It is not; the message says why.
        """
        if why := self._absence(namespace):
            raise PluginError(why, unknown_name=not self._is_kept_out(namespace))

    def load(self, registered: Registered[Any]) -> Any:
        """Import what a specification's target names; for a template, return its folder.

        Raises:
            PluginError: The target does not exist, or needs a module that is not installed.
        """
        return resolve(registered)

    def name_of(self, cls: type) -> str | None:
        """Return the full name under which a class is registered, or None."""
        return self._catalogue.by_target.get(f"{cls.__module__}:{cls.__qualname__}")

    def needing(self, operator: type, missing: str) -> str:
        """Say that an operator needs a module that is not installed, and what to install."""
        name = self.name_of(operator)
        return needing(self.find("operator", name) if name else None, missing)

    def resolve_storage(self, url: str) -> Registered[StorageSpec] | None:
        """Return the storage for a URL by its scheme; None if it has none, as a path.

        The slashes may be left out (``warc:pages.warc``) where a plugin opens the scheme; what
        begins with another word and a colon is a path. No plugin takes the core's own schemes.

        Raises:
            PluginError: No plugin, or more than one, opens this scheme.
        """
        match = _SCHEME.match(url)
        if match is None:
            return None
        scheme = match[1].lower()
        found = [storage for storage in self.storages() if scheme in storage.spec.schemes]
        found = [one for one in found if one.namespace == CORE] or found
        if len(found) == 1:
            return found[0]
        if not found and match[2] is None:
            return None
        raise PluginError(self._unknown_scheme(scheme, found), unknown_name=not found)

    def storages_reading(self, path: str) -> list[Registered[StorageSpec]]:
        """Return the storages that read files of this name, as their endings tell, in any case."""
        name = path.lower()
        return [storage for storage in self.storages() if name.endswith(storage.spec.endings)]

    def observe(self, observer: object, name: str) -> None:
        """Have an object observe runs as plugins do, from now on.

        Args:
            observer: Its methods that are marked with `hookimpl` are told of the events of runs.
            name: What to call it, where it raises and is dropped.

        Raises:
            PluginError: A method is not as its hook, or the name is taken.

        Example:
            >>> from dataflow_core.plugins import PluginManager, hookimpl
            >>> class Steps:
            ...     @hookimpl
            ...     def dataflow_before_step(self, step):
            ...         print(step)
            >>> plugins = PluginManager(discover=False)
            >>> plugins.observe(Steps(), "steps")
            >>> plugins.notify("before_step", step="clean")
            clean
        """
        self._loader.observe(name, observer)
        self.__dict__.pop("_observers", None)

    def notify(self, event: str, **arguments: Any) -> None:
        """Tell the plugins' observers of an event in a run.

        An observer that raises is reported once, in the log and in `problems`; its plugin observes
        no more. A strict manager raises instead.

        Args:
            event: The hook's name without ``dataflow_``, such as ``"before_step"``.
            **arguments: The hook's arguments.

        Raises:
            PluginError: There is no such event, or an observer raised and the manager is strict.
        """
        for observer in self._observers_of(event):
            if observer.claim not in self._dropped:
                self._call(observer, arguments)

    @cached_property
    def _loader(self) -> Loader:
        loader = Loader()
        loader.load(core_claim(), is_core=True)
        if self.discover:
            loader.load_all(self._claims(loader), self.disabled_names)
        if self.strict and loader.problems:
            raise PluginError(
                f"{summarize(loader.problems)} ({STRICT_VARIABLE} is set)\n"
                + "\n".join(f"  {problem.explanation}" for problem in loader.problems)
            )
        return loader

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue(tuple(self._loader.plugins))

    @cached_property
    def _observers(self) -> dict[str, list[Observer]]:
        observers: dict[str, list[Observer]] = {name: [] for name in sorted(event_hooks())}
        for observer in self._loader.observers():
            observers[observer.event].append(observer)
        return observers

    def _claims(self, loader: Loader) -> list[Claim]:
        if self._entry_points is not None:
            return list(claims_of(self._entry_points))
        claims, unreadable = installed_claims()
        loader.problems += unreadable
        return claims

    def _observers_of(self, event: str) -> Sequence[Observer]:
        hook = f"dataflow_{event}"
        if hook not in self._observers:
            events = [name.removeprefix("dataflow_") for name in self._observers]
            raise PluginError(
                f"no event {event!r}.{did_you_mean(event, events)} There are: {', '.join(events)}."
            )
        return self._observers[hook]

    def _call(self, observer: Observer, arguments: dict[str, Any]) -> None:
        try:
            observer.function(*(arguments[name] for name in observer.arguments))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # One that watches a run must not be able to stop it.
            problem = problem_of(observer.claim, error)
            if self.strict:
                raise PluginError(f"{observer.event} of {problem.explanation}") from error
            self._dropped[observer.claim] = problem
            _log(f"{observer.event} of {problem.explanation}. It observes no more in this run.")

    def _unknown(self, kind: Kind, name: str) -> str:
        names = self._catalogue.of_kind(kind)
        namespace, slash, bare = name.partition("/")
        if not slash:
            return f"no {kind} {name!r}: {self._with_namespace(kind, name)}"
        near = nearest(name, names)
        if why := self._absence(namespace, suggest=near is None):
            return f"no {kind} {name!r}: " + (f"did you mean {near!r}? " if near else "") + why
        own = {item.spec.name: item.full_name for item in names.values() if _is_of(namespace, item)}
        elsewhere = [full_name for full_name, item in names.items() if item.spec.name == bare]
        close = nearest(bare, own)
        if near := own[close] if close else next(iter(elsewhere), None):
            return f"no {kind} {name!r}. Did you mean {near!r}?"
        listed = f"`dataflow {kind}s list --namespace {namespace}` lists them."
        return f"no {kind} {name!r}. The plugin {namespace!r} has {len(own)} {kind}s; {listed}"

    def _with_namespace(self, kind: Kind, bare: str) -> str:
        names = self._catalogue.of_kind(kind)
        full_names = sorted(name for name, item in names.items() if item.spec.name == bare)
        if not full_names:
            near = nearest(bare, {item.spec.name for item in names.values()})
            full_names = sorted(name for name, item in names.items() if item.spec.name == near)
        hint = f" Did you mean {' or '.join(map(repr, full_names))}?" if full_names else ""
        return f"a full name has a namespace, such as 'text/{bare}'.{hint}"

    def _absence(self, namespace: str, *, suggest: bool = True) -> str:
        """Return why a namespace is not loaded; empty if it is.

        Args:
            namespace: The namespace.
            suggest: Whether to name the nearest one that is there.
        """
        known = self._catalogue.namespaces()
        if namespace in known:
            return ""
        for problem in self._loader.problems:
            if problem.namespace == namespace:
                return f"its plugin could not be loaded: {problem.explanation}"
        if any(claim.namespace == namespace for claim in self._loader.disabled):
            return (
                f"the plugin {namespace!r} is disabled by name; "
                f"take it out of {DISABLE_VARIABLE} to use it."
            )
        claimed = [*known, *(problem.namespace for problem in self._loader.problems)]
        hint = did_you_mean(namespace, claimed) if suggest else ""
        cure = f" pip install dataflow-{namespace}" if namespace in _OURS else ""
        return (
            f"the plugin {namespace!r} is not installed.{hint} There are: {', '.join(known)}.{cure}"
        )

    def _is_kept_out(self, namespace: str) -> bool:
        """Tell whether a plugin is there, and is not loaded: it is broken, or disabled."""
        broken = {problem.namespace for problem in self._loader.problems}
        return namespace in broken | {claim.namespace for claim in self._loader.disabled}

    def _unknown_scheme(self, scheme: str, found: Sequence[Registered[StorageSpec]]) -> str:
        if found:
            names = " and ".join(f"{item.full_name} ({item.distribution})" for item in found)
            return (
                f"the scheme {scheme}:// is claimed by {names}. "
                f"Leave one out with {DISABLE_VARIABLE}={found[-1].namespace}"
            )
        known = sorted({name for item in self.storages() for name in item.spec.schemes})
        listed = ", ".join(f"{name}://" for name in known) or "none"
        broken = summarize(self._loader.problems)
        return (
            f"no plugin opens the scheme {scheme}://.{did_you_mean(scheme, known)} "
            f"There are: {listed}." + (f" {broken}" if broken else "")
        )


def _within(namespace: str, former: str) -> str:
    """Return a former name in full, with its versions where they are told."""
    name = f"{namespace}/{former}"
    if isinstance(former, Former):
        return Former(name, since=former.since, removed_in=former.removed_in)
    return name


def _is_of(namespace: str, registered: Registered[Any]) -> bool:
    return registered.namespace == namespace


def _from_environment() -> list[str]:
    names = os.environ.get(DISABLE_VARIABLE, "").split(",")
    return [name.strip() for name in names if name.strip()]


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no", "off")


def _log(message: str) -> None:
    import logging

    logging.getLogger("dataflow").warning(message)
