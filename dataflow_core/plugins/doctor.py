"""Examine the plugins for what only shows when they are used: wrong targets, slow hook modules.

Nothing that a target names is imported where its source tells enough, and each hook module is timed
in a process of its own.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataflow_core import __version__
from dataflow_core.plugins.catalogue import Plugin, Registered
from dataflow_core.plugins.discovery import CORE_DISTRIBUTION, Claim, normalized
from dataflow_core.plugins.hook_timing import Timing, time_hook_module
from dataflow_core.plugins.loading import ALL
from dataflow_core.plugins.manager import DISABLE_VARIABLE, PluginManager
from dataflow_core.plugins.places import hook_file
from dataflow_core.plugins.requirements import (
    applying,
    lacking,
    metadata_of,
    misread,
    python_of,
    requirement_lines,
    version_of,
)
from dataflow_core.plugins.target_source import Whereabouts, whereabouts
from dataflow_core.plugins.unregistered import unregistered

Check = Callable[[Registered[Any]], Iterable["Finding"]]
"""Looks into what is registered, where its target exists."""

SLOW_SECONDS = 0.05
"""CPU time that a hook module may take to import, beyond what the core has imported already."""


LEVELS = ("error", "warning", "note")
"""Of findings, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor found.

    Attributes:
        level: ``"error"``: something does not work; ``"warning"``: it works, but not as it should;
            ``"note"``: nothing is wrong, but something is not available or was not checked.
        namespace: The plugin's namespace.
        subject: What it is about: the plugin, a module, or a full name.
        cause: What was found.
        cure: What to do about it.
        detail: The traceback, where there is one.
    """

    level: Literal["error", "warning", "note"]
    namespace: str
    subject: str
    cause: str
    cure: str
    detail: str = ""


def examine(
    manager: PluginManager, namespace: str | None = None, checks: Sequence[Check] = ()
) -> list[Finding]:
    """Return what is wrong with the plugins, or with one of them, errors first.

    Args:
        manager: The plugin manager; it must not be strict.
        namespace: The only plugin to examine; None for all.
        checks: Further checks of what is registered.

    Raises:
        PluginError: The namespace is neither loaded nor broken.
    """
    broken = {problem.namespace for problem in manager.problems}
    if namespace is not None and namespace not in broken:
        manager.require_namespace(namespace)
    findings = [*_problems(manager), *_disabled_in_vain(manager), *_deprecated(manager)]
    findings += _schemes(manager)
    for plugin in manager.plugins():
        if namespace in (None, plugin.claim.namespace):
            findings += _examine_plugin(plugin, checks)
    chosen = [item for item in findings if namespace in (None, item.namespace)]
    return worst_first(chosen)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, errors first."""
    return sorted(findings, key=lambda item: LEVELS.index(item.level))


def _examine_plugin(plugin: Plugin, checks: Sequence[Check]) -> Iterator[Finding]:
    yield from _hook_module(plugin.claim)
    yield from _metadata(plugin.claim.namespace, plugin.claim.distribution)
    if not any(plugin.registered.values()):
        yield Finding(
            level="warning",
            namespace=plugin.claim.namespace,
            subject=plugin.claim.module,
            cause="it registers nothing",
            cure="Return specifications from its dataflow_register_… hooks.",
        )
    for registered in plugin.registered.values():
        for item in registered:
            yield from _target(item, checks)
            yield from _extra(item)
    yield from _unregistered(plugin)


def _problems(manager: PluginManager) -> Iterator[Finding]:
    for problem in manager.problems:
        yield Finding(
            level="error",
            namespace=problem.namespace,
            subject=f"{problem.distribution} {problem.version}",
            cause=problem.cause,
            cure=problem.cure,
            detail=problem.detail,
        )
        for distribution in problem.distribution.split(" and "):
            yield from _metadata(problem.namespace, distribution)


def _disabled_in_vain(manager: PluginManager) -> Iterator[Finding]:
    claims = manager.disabled()
    known = {name for claim in claims for name in (claim.namespace, claim.distribution)}
    known |= {normalized(claim.distribution) for claim in claims}
    for name in sorted(manager.disabled_names - known - {ALL}):
        yield Finding(
            level="warning",
            namespace=name,
            subject=DISABLE_VARIABLE,
            cause=f"it names {name!r}, which is no installed plugin that can be disabled",
            cure=f"Take it out of {DISABLE_VARIABLE}.",
        )


def _deprecated(manager: PluginManager) -> Iterator[Finding]:
    for claim, message in manager.deprecated():
        cure = "Change the hook, as the message says, before the core drops it."
        yield _about_module(claim, message, cure)


def _hook_module(claim: Claim) -> Iterator[Finding]:
    timing = time_hook_module(claim.module)
    if timing is None:
        yield _about_module(claim, "it cannot be imported in a process of its own", "Import less.")
        return
    yield from _judged(claim, timing)


def _judged(claim: Claim, timing: Timing) -> Iterator[Finding]:
    light = "Import only from dataflow_core.plugins there; heavy modules where they are used."
    if timing.heavy:
        yield _about_module(claim, f"importing it imports {', '.join(timing.heavy)}", light)
    if timing.seconds > SLOW_SECONDS:
        yield _about_module(
            claim,
            f"importing it takes {timing.seconds * 1000:.0f} ms, wanted at most "
            f"{SLOW_SECONDS * 1000:.0f} ms",
            light,
        )
    if timing.prints:
        yield _about_module(claim, "importing it prints", "Print nothing: every command shows it.")


def _about_module(claim: Claim, cause: str, cure: str) -> Finding:
    return Finding(
        level="warning", namespace=claim.namespace, subject=claim.module, cause=cause, cure=cure
    )


def _target(item: Registered[Any], checks: Sequence[Check]) -> Iterator[Finding]:
    found = whereabouts(item)
    if found.missing:
        cure = "Correct the target in the specification."
        cure = f"Correct the file: {found.faulty}." if found.faulty else cure
        yield _about(item, "error", found.missing, cure)
        return
    for check in checks:
        yield from check(item)
    if found.defined_in:
        yield _about(
            item,
            "warning",
            f"its target {item.spec.target!r} only passes on what {found.defined_in!r} defines, "
            "so that its class cannot be traced to its name",
            _write_target(found, item),
        )


def _write_target(found: Whereabouts, item: Registered[Any]) -> str:
    return f'Write target="{found.defined_in}:{found.defined_as}" for {item.spec.name!r}.'


def _unregistered(plugin: Plugin) -> Iterator[Finding]:
    """Note what an author may have forgotten to register."""
    claim = plugin.claim
    hooks = hook_file(claim.namespace, claim.distribution) or claim.module
    for one in unregistered(plugin):
        article = "an" if one.kind == "operator" else "a"
        yield Finding(
            level="note",
            namespace=claim.namespace,
            subject=one.name,
            cause=f"{one.path} defines {one.name}, {article} {one.kind} by its bases, and no "
            "specification names it",
            cure=f'Return {article} {one.kind.capitalize()}Spec with target="{one.target}" in '
            f"{hooks}; `dataflow new-{one.kind}` writes both at once. A name that begins with an "
            "underscore, or a base class of others, needs none.",
        )


def _extra(item: Registered[Any]) -> Iterator[Finding]:
    extra, metadata = item.spec.extra, metadata_of(item.distribution)
    if extra is None or metadata is None:
        return
    extras = {normalized(name) for name in metadata.get_all("Provides-Extra") or ()}
    if normalized(extra) not in extras:
        yield _about(
            item,
            "error",
            f"it needs the extra {extra!r}, which {item.distribution} does not have "
            f"(it has: {', '.join(sorted(extras)) or 'none'})",
            "Declare the extra in the plugin's pyproject.toml, or correct the specification.",
        )
    elif absent := lacking(item.distribution, extra):
        yield _about(
            item,
            "note",
            f"it needs {', '.join(absent)}, not installed",
            f"pip install '{item.distribution}[{extra}]'",
        )


def _about(
    item: Registered[Any], level: Literal["error", "warning", "note"], cause: str, cure: str
) -> Finding:
    return Finding(
        level=level, namespace=item.namespace, subject=item.full_name, cause=cause, cure=cure
    )


def _schemes(manager: PluginManager) -> Iterator[Finding]:
    """Find what no URL reaches: storages that claim the scheme of another."""
    claims: dict[str, list[Registered[Any]]] = {}
    for item in manager.storages():
        for scheme in item.spec.schemes:
            claims.setdefault(scheme, []).append(item)
    for scheme, items in claims.items():
        for item in items:
            others = [one for one in items if one.namespace != item.namespace]
            if others and item.distribution != CORE_DISTRIBUTION:
                names = " and ".join(f"{one.full_name} ({one.distribution})" for one in others)
                yield _about(
                    item,
                    "error",
                    f"the scheme {scheme}:// is claimed by {names} too",
                    "Rename it in the plugin, or leave the plugin out with "
                    f"{DISABLE_VARIABLE}={item.namespace}",
                )


def _metadata(namespace: str, distribution: str) -> Iterator[Finding]:
    """Examine what the metadata of a distribution say: versions, and what it requires."""
    yield from _versions(namespace, distribution)
    yield from _python(namespace, distribution)
    yield from _requirements(namespace, distribution)


def _versions(namespace: str, distribution: str) -> Iterator[Finding]:
    installed = importlib.metadata.distributions(name=distribution)
    found = sorted({str(one.version) for one in installed})
    if len(found) > 1:
        yield Finding(
            level="warning",
            namespace=namespace,
            subject=distribution,
            cause=f"the versions {' and '.join(found)} of it are on the path at once",
            cure=f"Remove all but one: pip uninstall {distribution}, again until none is left, and "
            "install it anew",
        )


def _python(namespace: str, distribution: str) -> Iterator[Finding]:
    """Compare the versions of Python that a distribution requires with this one."""
    found = platform.python_version()
    lines = [f"python{wanted}"] if (wanted := python_of(distribution)) else []
    try:
        parsed = applying(lines)
    except ImportError:  # for want of the package 'packaging', as is told of the core's bounds
        return
    for requirement in parsed:
        if not requirement.specifier.contains(found, prereleases=True):
            yield Finding(
                level="error",
                namespace=namespace,
                subject=distribution,
                cause=f"it requires Python {wanted}, found {found}",
                cure="Use such a Python, or install a version of it for this one: "
                f"pip install --force-reinstall {distribution}",
            )


def _requirements(namespace: str, distribution: str) -> Iterator[Finding]:
    """Compare what a distribution requires, the core among it, with what is installed."""
    lines = requirement_lines(distribution)
    if not lines or distribution == CORE_DISTRIBUTION:
        return
    try:
        parsed = applying(lines)
    except ImportError:
        yield Finding(
            level="note",
            namespace=namespace,
            subject=distribution,
            cause=f"{', '.join(lines)} was not checked, for want of the package 'packaging'",
            cure="pip install packaging",
        )
        return
    for line, why in misread(lines).items():
        yield Finding(
            level="error",
            namespace=namespace,
            subject=distribution,
            cause=f"its requirement {line!r} cannot be read: {why}",
            cure="Correct it in the plugin's pyproject.toml.",
        )
    for requirement in parsed:
        name = normalized(requirement.name)
        is_core = name == CORE_DISTRIBUTION
        found = __version__ if is_core else version_of(name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            requirement.marker = None  # it applies here
            told = "not installed" if found is None else f"found {name} {found}"
            upgraded = f"--upgrade {distribution} " if is_core else ""
            yield Finding(
                level="error",
                namespace=namespace,
                subject=distribution,
                cause=f"it requires {requirement}, {told}",
                cure=f"pip install {upgraded}'{requirement}'",
            )
