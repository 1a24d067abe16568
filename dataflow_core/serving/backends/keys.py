"""API keys: given, out of a file, or out of the environment; never shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from dataflow_core.errors import ConfigurationError


def find_key(
    name: str, given: SecretStr | None, file: Path | None, variables: Sequence[str]
) -> str | None:
    """Return an API key; None where there is none.

    Args:
        name: The serving, for messages.
        given: The key as it was configured.
        file: The file that holds it.
        variables: The environment variables that may hold it; the first that does counts.

    Raises:
        ConfigurationError: The file cannot be read, or is empty.
    """
    if given is not None:
        return given.get_secret_value()
    if file is None:
        return next(filter(None, (os.environ.get(one, "").strip() for one in variables)), None)
    try:
        key = file.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigurationError(f"{name}: cannot read api_key_file {file}: {told}.") from None
    if not key:
        raise ConfigurationError(f"{name}: api_key_file {file} is empty; it is to hold the key.")
    return key
