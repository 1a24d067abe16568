"""Libraries that may be missing, imported when they are needed."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from dataflow_core.errors import ConfigurationError


def import_library(module: str, requirement: str) -> ModuleType:
    """Import a module of a library that does not come with every installation.

    Args:
        module: The module's name.
        requirement: What to install for it.

    Raises:
        ConfigurationError: The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(f"{error}. Install it: pip install {requirement}") from error


def missing_library(module: str, requirement: str) -> list[str]:
    """Say that a module is not installed, as `import_library` would, without importing it.

    Args:
        module: The module's name, without a dot.
        requirement: What to install for it.

    Returns:
        One message, or none.
    """
    if importlib.util.find_spec(module) is not None:
        return []
    return [f"No module named {module!r}. Install it: pip install {requirement}"]
