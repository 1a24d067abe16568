"""Libraries that may be missing, imported when they are needed."""

from __future__ import annotations

import importlib
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
