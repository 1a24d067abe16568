"""Find the installed distributions that claim a namespace, without importing any of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataflow_core import __version__
from dataflow_core.plugins.problems import PluginProblem, one_line

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "dataflow.plugins"
CORE_DISTRIBUTION = "dataflow-llm-core"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """One entry point: a distribution's claim on a namespace.

    Attributes:
        namespace: The name of the entry point.
        module: Its value: the plugin's hook module.
        distribution: The name of the distribution.
        version: Its version.
    """

    namespace: str
    module: str
    distribution: str
    version: str


def installed_claims() -> tuple[list[Claim], list[PluginProblem]]:
    """Return the claims of all installed distributions, and those that cannot be read.

    Of a distribution that is on the path twice, the first counts, as it does for imports.
    """
    from importlib.metadata import distributions  # built-in commands look for no plugin

    claims: list[Claim] = []
    problems: list[PluginProblem] = []
    seen: set[str] = set()
    for distribution in distributions():
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or GROUP not in text:
                continue
            name, version = name_and_version(distribution)
            if not _is_shadowed(name, seen):
                found = distribution.entry_points.select(group=GROUP)
                claims += [Claim(one.name, one.value, name, version) for one in found]
        except Exception as error:  # noqa: BLE001  whatever is wrong with a stranger, go on
            problems.append(_unreadable(distribution, error))
    return claims, problems


def claims_of(entry_points: Iterable[EntryPoint]) -> Iterator[Claim]:
    """Yield the claims among entry points."""
    for entry_point in entry_points:
        if entry_point.group == GROUP:
            name, version = name_and_version(entry_point.dist)
            yield Claim(entry_point.name, entry_point.value, name, version)


def core_claim() -> Claim:
    """Return the core's own claim, which needs no entry point."""
    return Claim("core", "dataflow_core._plugin", CORE_DISTRIBUTION, __version__)


def normalized(distribution: str) -> str:
    """Return the normal form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """Return name and version of a distribution, ``"unknown"`` where its metadata do not say.

    Reads the head of the metadata only: parsing them as a message, description and all, is slow.
    """
    fields: dict[str, str] = {}
    if distribution is not None:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        for line in text.partition("\n\n")[0].splitlines():
            field, _, value = line.partition(":")
            fields.setdefault(field.lower(), value.strip())
    return fields.get("name") or UNKNOWN, fields.get("version") or UNKNOWN


def _is_shadowed(distribution: str, seen: set[str]) -> bool:
    name = normalized(distribution)
    shadowed = name in seen and name != UNKNOWN
    seen.add(name)
    return shadowed


def _unreadable(distribution: Distribution, error: Exception) -> PluginProblem:
    # PathDistribution knows its folder but has no public name for it.
    where = str(getattr(distribution, "_path", UNKNOWN))
    return PluginProblem(
        namespace="?",
        distribution=re.split(r"[/\\]", where)[-1],
        version=UNKNOWN,
        cause=f"{where}: its entry points cannot be read: {one_line(error)}",
        cure="Reinstall that distribution, or remove the folder.",
    )
