"""Registered classes, which the doctor asks for more than their specifications say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dataflow_core.downloads import Download
from dataflow_core.plugins.doctor import Finding
from dataflow_core.plugins.problems import one_line

if TYPE_CHECKING:
    from dataflow_core.plugins import Kind, PluginManager, Registered

_KINDS: tuple[Kind, ...] = ("operator", "serving", "storage", "pipeline")


@dataclass(frozen=True)
class Needed:
    """A download, and what may need it.

    Attributes:
        download: The download.
        by: The full names of what declares it.
    """

    download: Download
    by: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self.download), "needed_by": list(self.by)}


def downloads(manager: PluginManager) -> tuple[list[Needed], list[Finding]]:
    """Return what operators, servings, storages and pipelines may fetch, those missing first.

    Their modules are imported; where that fails, a finding says so.
    """
    found: dict[Download, list[str]] = {}
    findings: list[Finding] = []
    for item in (item for kind in _KINDS for item in manager.all_of(kind)):
        try:
            for one in _declared(manager.load(item)):
                found.setdefault(one, []).append(item.full_name)
        except Exception as error:  # noqa: BLE001  whatever a stranger's class does, go on
            findings.append(_unknown(item, error))
    needed = [Needed(download, tuple(by)) for download, by in found.items()]
    findings += [_missing(one) for one in needed if one.download.present is False]
    needed.sort(key=lambda one: (one.download.present is True, one.download.name))
    return needed, findings


def keys(manager: PluginManager) -> dict[str, dict[str, bool]]:
    """Return, by serving, whether the variables are set that may hold its key; never a value."""
    told: dict[str, dict[str, bool]] = {}
    for item in manager.servings():
        try:
            variables = _key_variables(manager.load(item))
        except Exception:  # noqa: BLE001, S112  the examination of plugins tells of it
            continue
        if variables:
            told[item.full_name] = {name: bool(os.environ.get(name)) for name in variables}
    return told


def _declared(cls: Any) -> Iterator[Download]:
    declare = getattr(cls, "downloads", None)
    for one in () if declare is None else declare():
        if not isinstance(one, Download):
            raise TypeError(f"downloads() yields {type(one).__name__}, wanted Download")
        yield one


def _key_variables(cls: Any) -> tuple[str, ...]:
    several = getattr(cls, "key_variables", ())
    one = getattr(cls, "key_variable", "")
    return tuple(dict.fromkeys([*several, *([one] if one else [])]))


def _missing(needed: Needed) -> Finding:
    one = needed.download
    takes = "" if one.size is None else f" ({one.size / 1e6:.0f} MB)"
    return Finding(
        level="error",
        namespace=needed.by[0].partition("/")[0],
        subject=one.name,
        cause=f"not here, and {', '.join(needed.by)} may need it: there is no {one.path}",
        cure=f"{one.fetch}{takes}",
    )


def _unknown(item: Registered[Any], error: Exception) -> Finding:
    return Finding(
        level="warning",
        namespace=item.namespace,
        subject=item.full_name,
        cause=f"what it may download cannot be told: {one_line(error)}",
        cure=f"dataflow plugins doctor {item.namespace}",
    )
