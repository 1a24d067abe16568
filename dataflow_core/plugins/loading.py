"""Load plugins one by one: import the hook module, validate its hooks, collect what it registers.

A plugin is loaded wholly or not at all; what is wrong with one never touches another.
"""

from __future__ import annotations

import importlib
import re
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy

from dataflow_core.deprecations import tell_once
from dataflow_core.plugins import hookspecs
from dataflow_core.plugins.catalogue import (
    KINDS,
    SNAKE_CASE,
    Kind,
    Plugin,
    Registered,
    checked_specs,
)
from dataflow_core.plugins.discovery import Claim, normalized
from dataflow_core.plugins.hook_checks import check_hooks, registers
from dataflow_core.plugins.places import is_editable, module_file, place_of_error
from dataflow_core.plugins.problems import LoadingError, PluginProblem, one_line

CORE = "core"
OBJECT = "object"
"""In place of a distribution: an observer that a program made."""
ALL = "*"
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Observer:
    """One plugin's function for one event of a run."""

    claim: Claim
    event: str
    function: Callable[..., object]
    arguments: tuple[str, ...]


class Loader:
    """Loads claims into plugins, and collects the problems on the way.

    Attributes:
        plugins: The plugins that were loaded.
        problems: What is wrong with the others.
        disabled: The claims that were disabled by name, and therefore not imported.
        deprecated: The deprecated hooks and arguments that plugins implement, as messages.
    """

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self.problems: list[PluginProblem] = []
        self.disabled: list[Claim] = []
        self.deprecated: list[tuple[Claim, str]] = []
        self._observing: dict[str, Claim] = {}
        self._hooks = pluggy.PluginManager(hookspecs.PROJECT)
        self._hooks.add_hookspecs(hookspecs)

    def load_all(self, claims: Iterable[Claim], disabled: Collection[str]) -> None:
        """Load third-party claims, except the disabled ones and those in dispute.

        Args:
            claims: The claims.
            disabled: Namespaces and distributions to leave out; ``"*"`` leaves out all.
        """
        wanted: list[Claim] = []
        for claim in sorted(claims, key=lambda claim: (claim.namespace, claim.distribution)):
            (self.disabled if _is_disabled(claim, disabled) else wanted).append(claim)
        counts = Counter(claim.namespace for claim in wanted)
        for claim in wanted:
            if counts[claim.namespace] == 1:
                self.load(claim)
        for namespace in sorted(name for name, count in counts.items() if count > 1):
            rivals = [claim for claim in wanted if claim.namespace == namespace]
            self.problems.append(_dispute(rivals))

    def load(self, claim: Claim, *, is_core: bool = False) -> None:
        """Load one claim; add to `plugins` or to `problems`.

        What it prints meanwhile goes to the standard error: the output is that of a command.
        """
        module: ModuleType | None = None
        try:
            with redirect_stdout(sys.stderr):
                if not is_core:
                    _check_claim(claim)
                module = importlib.import_module(claim.module)
                self._register(claim, module)
                self.plugins.append(_collected(claim, module, self._hooks))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit too, and panics of extensions
            if module is not None and self._hooks.get_plugin(claim.namespace) is module:
                self._hooks.unregister(module)
            self.problems.append(problem_of(claim, error))

    def observe(self, name: str, observer: object) -> None:
        """Let an object that is no plugin observe runs, by its methods that are hooks.

        Raises:
            LoadingError: One of them is not as its hook, or the name is taken.
        """
        if self._hooks.has_plugin(name):
            raise LoadingError(f"there is an observer {name!r} already", "Name it otherwise.")
        kind = f"{type(observer).__module__}.{type(observer).__qualname__}"
        claim = Claim(name, kind, distribution=OBJECT, version=f"of {kind}")
        try:
            self._register(claim, observer)
        except LoadingError:
            if self._hooks.has_plugin(name):
                self._hooks.unregister(name=name)
            raise
        self._observing[name] = claim

    def observers(self) -> list[Observer]:
        """Return the observers, those of plugins in the order of the namespaces."""
        claims = {plugin.claim.namespace: plugin.claim for plugin in self.plugins}
        claims |= self._observing
        return [
            Observer(claims[impl.plugin_name], caller.name, impl.function, tuple(impl.argnames))
            for caller in vars(self._hooks.hook).values()
            if isinstance(caller, pluggy.HookCaller) and not registers(caller.name)
            for impl in caller.get_hookimpls()
        ]

    def _register(self, claim: Claim, module: object) -> None:
        check_hooks(module)
        try:
            with warnings.catch_warnings(record=True, action="always") as caught:
                self._hooks.register(module, name=claim.namespace)
            self._hooks.check_pending()
        except pluggy.PluginValidationError as error:
            raise LoadingError(
                f"PluginValidationError: {' '.join(str(error).split())}",
                "Compare the hook's name and arguments with dataflow_core.plugins.hookspecs.",
            ) from error
        for warning in caught:
            self.deprecated.append((claim, str(warning.message)))
            tell_once(str(warning.message), (warning.filename, warning.lineno), claim.module)


def problem_of(claim: Claim, error: BaseException) -> PluginProblem:
    """Return the problem that an error in a plugin's code is."""
    if isinstance(error, LoadingError):
        cause, cure = error.cause, error.cure or _advice(claim, error)
    else:
        cause, cure = _explained(claim, error)
    return PluginProblem(
        namespace=claim.namespace,
        distribution=claim.distribution,
        version=claim.version,
        cause=cause,
        cure=cure,
        detail=_detail(error),
    )


def _explained(claim: Claim, error: BaseException) -> tuple[str, str]:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and f"{claim.module}.".startswith(f"{missing}."):
        return (
            f"its entry point names the module {claim.module!r}, which does not exist",
            f"Reinstall it: pip install --force-reinstall {claim.distribution}",
        )
    if missing:
        return one_line(error), f"Install what it misses: pip install {missing.partition('.')[0]}"
    return one_line(error), _advice(claim, error)


def _advice(claim: Claim, error: BaseException) -> str:
    if claim.distribution == OBJECT:
        return "It is part of the program that runs the pipeline"
    without = f"or leave it out with DATAFLOW_DISABLE_PLUGINS={claim.namespace}"
    if is_editable(claim.distribution):
        found = place_of_error(error, claim.distribution) or module_file(claim.module)
        return f"Correct it: {found or claim.module}, {without}"
    return f"Upgrade it (pip install --upgrade {claim.distribution}), {without}"


def _detail(error: BaseException) -> str:
    """Return the traceback, from the plugin's own frames on."""
    if isinstance(error, LoadingError) and error.__cause__ is None:
        return ""
    frames = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames, chain=False))


def _is_machinery(filename: str) -> bool:
    return filename in (__file__, importlib.__file__) or filename.startswith("<frozen importlib")


def _is_disabled(claim: Claim, disabled: Collection[str]) -> bool:
    names = {ALL, claim.namespace, claim.distribution, normalized(claim.distribution)}
    return not names.isdisjoint(disabled)


def _check_claim(claim: Claim) -> None:
    if claim.namespace == CORE:
        raise LoadingError(
            "the namespace 'core' is reserved for the core itself",
            f"Rename the entry point of {claim.distribution} in its pyproject.toml.",
        )
    if not SNAKE_CASE.fullmatch(claim.namespace):
        raise LoadingError(
            f"the namespace {claim.namespace!r} is not in snake case",
            f"Name the entry point of {claim.distribution} in its pyproject.toml like 'math'.",
        )
    if not _MODULE.fullmatch(claim.module):
        raise LoadingError(
            f"its entry point is {claim.module!r}, wanted the name of a module",
            f"Write {claim.namespace} = 'package._plugin' in the pyproject.toml "
            f"of {claim.distribution}.",
        )


def _dispute(rivals: list[Claim]) -> PluginProblem:
    names = sorted({claim.distribution for claim in rivals})
    named = " and ".join(f"{claim.distribution} {claim.version}" for claim in rivals)
    if len(names) > 1:
        cure = "Uninstall all but one: " + ", or ".join(f"pip uninstall {name}" for name in names)
        cure += f"; or leave one out with DATAFLOW_DISABLE_PLUGINS={names[-1]}"
    else:
        modules = " and ".join(claim.module for claim in rivals)
        cure = f"Its pyproject.toml must name one module for it, found {modules}."
    return PluginProblem(
        namespace=rivals[0].namespace,
        distribution=" and ".join(names),
        version=" and ".join(claim.version for claim in rivals),
        cause=f"the namespace is claimed by {named}, so neither is loaded",
        cure=cure,
    )


def _collected(claim: Claim, module: ModuleType, hooks: pluggy.PluginManager) -> Plugin:
    registered: dict[Kind, tuple[Registered[Any], ...]] = {}
    implementations = {
        caller.name: impl
        for caller in hooks.get_hookcallers(module) or ()
        for impl in caller.get_hookimpls()
        if impl.plugin is module
    }
    for name, impl in implementations.items():
        if impl.wrapper or impl.hookwrapper:
            raise LoadingError(f"{name} is a wrapper", "Implement the hook without wrapper=True.")
    for kind in KINDS:
        if implementation := implementations.get(f"{hookspecs.PROJECT}_register_{kind}s"):
            registered[kind] = tuple(
                Registered(claim.namespace, claim.distribution, claim.version, spec)
                for spec in checked_specs(kind, implementation.function())
            )
    return Plugin(claim, registered)
