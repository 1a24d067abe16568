"""API keys: given, out of a file, or out of the environment; never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from dataflow_core.errors import ConfigurationError

WRONG_KEY = "wrong_key"
"""The reason of errors that tell of a wrong key where the status does not."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORTEST_KEY = 20


@dataclass(frozen=True, slots=True)
class Key:
    """An API key.

    Attributes:
        value: The key itself.
        place: Where it came from, for messages.
    """

    value: str = field(repr=False)
    place: str


def find_key(
    name: str,
    given: SecretStr | None,
    file: Path | None,
    named: str | None,
    usual: Sequence[str] = (),
) -> Key | None:
    """Return an API key; None where there is none.

    Args:
        name: The serving, for messages.
        given: The key as it was configured.
        file: The file that holds it.
        named: The environment variable that is configured to hold it.
        usual: The environment variables that may hold it where none is configured; the first that
            does counts.

    Raises:
        ConfigurationError: The file cannot be read, or is empty; `named` is not set.
    """
    if given is not None:
        return Key(given.get_secret_value(), "the one given as api_key")
    if file is not None:
        return Key(_content(name, file), f"that in api_key_file {file}")
    if named is not None:
        return Key(_named(name, named), f"that in the variable {named} (api_key_env)")
    found = next((one for one in usual if _value(one)), None)
    return None if found is None else Key(_value(found), f"that in the variable {found}")


def require_variable(name: str | None) -> str | None:
    """Return the name of an environment variable, and refuse what is rather a key.

    Raises:
        ConfigurationError: It is no name; it is not shown, for it may be the key itself.
    """
    if name is None or (_VARIABLE.fullmatch(name) and not _looks_like_key(name)):
        return name
    raise ConfigurationError(
        "api_key_env takes the name of an environment variable, such as OPENAI_API_KEY, and has "
        "something else (not shown: it may be the key). Put the key into a variable, and write the "
        "variable's name here."
    )


def _looks_like_key(name: str) -> bool:
    mixed = name.upper() != name != name.lower()
    return mixed and len(name) >= _SHORTEST_KEY and any(one.isdigit() for one in name)


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _named(name: str, variable: str) -> str:
    if value := _value(variable):
        return value
    state = "empty" if variable in os.environ else "not set"
    raise ConfigurationError(
        f"{name}: api_key_env={variable}, and the variable {variable} is {state}. "
        f"export {variable}=…, or name another variable, or a file with api_key_file."
    )


def _content(name: str, file: Path) -> str:
    try:
        key = file.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigurationError(f"{name}: cannot read api_key_file {file}: {told}.") from None
    if not key:
        raise ConfigurationError(f"{name}: api_key_file {file} is empty; it is to hold the key.")
    return key
