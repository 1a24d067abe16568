"""Libraries that come with an extra of the distribution, and are imported when they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from dataflow_core.errors import ConfigurationError


def import_extra(module: str, extra: str) -> ModuleType:
    """Import a module that an extra brings.

    Args:
        module: The module's name.
        extra: The name of the extra.

    Raises:
        ConfigurationError: The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{error}. Install it with: pip install 'dataflow-text[{extra}]'"
        ) from error
