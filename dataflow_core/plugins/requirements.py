"""What an installed distribution requires, as its metadata say."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dataflow_core.plugins.discovery import normalized

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def metadata_of(distribution: str) -> Any:
    """Return the metadata of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.metadata(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution; None where there is none."""
    metadata = metadata_of(distribution)
    return None if metadata is None else str(metadata["Version"])


def requirement_lines(distribution: str) -> list[str]:
    """Return the requirements of a distribution as its metadata have them, of extras too."""
    metadata = metadata_of(distribution)
    return list(metadata.get_all("Requires-Dist") or ()) if metadata else []


def python_of(distribution: str) -> str:
    """Return the versions of Python that a distribution requires; empty where it does not say."""
    metadata = metadata_of(distribution)
    return str(metadata.get("Requires-Python") or "") if metadata else ""


def extras_of(distribution: str) -> list[str]:
    """Return the extras of a distribution."""
    metadata = metadata_of(distribution)
    return list(metadata.get_all("Provides-Extra") or ()) if metadata else []


def applying(requirements: Iterable[str], extra: str = "") -> list[Requirement]:
    """Return the requirements that hold here; those that cannot be read are `misread`.

    Args:
        requirements: As metadata have them.
        extra: The extra that is asked for; none by default.

    Raises:
        ImportError: The package ``packaging`` is not installed.
    """
    parsed = [_parsed(line) for line in requirements]
    items = [item for item in parsed if not isinstance(item, ValueError)]
    return [item for item in items if not item.marker or item.marker.evaluate({"extra": extra})]


def misread(requirements: Iterable[str]) -> dict[str, str]:
    """Return the requirements that cannot be read, and why.

    Raises:
        ImportError: The package ``packaging`` is not installed.
    """
    parsed = {line: _parsed(line) for line in requirements}
    return {
        line: str(item).splitlines()[0]
        for line, item in parsed.items()
        if isinstance(item, ValueError)
    }


def added_by(distribution: str, extra: str) -> list[Requirement]:
    """Return what an extra requires beyond what the distribution always does."""
    lines = requirement_lines(distribution)
    always = {str(item) for item in applying(lines)}
    return [item for item in applying(lines, normalized(extra)) if str(item) not in always]


def lacking(distribution: str, extra: str) -> list[str]:
    """Return the requirements of an extra that are not installed; none if that cannot be told."""
    try:
        added = added_by(distribution, extra)
    except ImportError:
        return []
    return [item.name for item in added if metadata_of(item.name) is None]


def _parsed(line: str) -> Requirement | ValueError:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement as error:
        return error
