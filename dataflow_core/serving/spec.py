"""Servings as strings: ``openai:gpt-4o-mini``, ``openai:NAME@http://localhost:8000/v1#timeout=60``.

Before the first colon stands the prefix, which a plugin registers; then what the kind of serving
makes of it, mostly the model; after ``#`` further fields, separated by ``&``, with values as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import yaml
from pydantic import SecretBytes, SecretStr
from pydantic_core import PydanticSerializationError

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.plugins import PluginManager
from dataflow_core.secrets import COMMAND, is_secret, is_secret_in_query, without_secrets

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):(.*)", re.DOTALL)
_TWICE = re.compile(r"multiple values for keyword argument '(\w+)'")


def serving_from_spec(spec: str, plugins: PluginManager | None = None, **changes: Any) -> Serving:
    """Return the serving that a string stands for.

    Args:
        spec: The string.
        plugins: Where to look for kinds of servings; None for all that are installed.
        **changes: Further fields, which go before those in the string.

    Raises:
        ConfigurationError: No kind of serving has the prefix, or it does not take the fields.
        PluginError: The serving needs something that is not installed.

    Example:
        >>> serving = serving_from_spec("openai:small@http://localhost:8000/v1#max_concurrency=8")
        >>> serving.model, serving.base_url, serving.max_concurrency
        ('small', 'http://localhost:8000/v1', 8)
        >>> serving_from_spec(serving.spec) == serving
        True
    """
    match = _PREFIX.fullmatch(spec.strip()) if isinstance(spec, str) else None
    plugins = plugins or PluginManager()
    shown = _without_options(spec) if isinstance(spec, str) else spec
    if match is None:
        raise ConfigurationError(
            f"{shown!r} is no serving: KIND:MODEL is wanted, such as openai:gpt-4o-mini or "
            f"embedded:. Kinds: {', '.join(_prefixes(plugins))}."
        )
    prefix, rest = match[1].lower(), match[2]
    found = [one for one in plugins.servings() if prefix in one.spec.prefixes]
    if not found:
        known = _prefixes(plugins)
        raise ConfigurationError(
            f"{shown!r}: no kind of serving is called {prefix!r}.{did_you_mean(prefix, known)} "
            f"There are: {', '.join(known)}."
        )
    if len(found) > 1:
        names = ", ".join(f"{one.full_name} of {one.distribution}" for one in found)
        raise ConfigurationError(f"{shown!r}: {prefix!r} is claimed by {names}. Disable one.")
    cls: type[Serving] = plugins.load(found[0])
    text, _, told = rest.partition("#")
    return _made(cls, unquote(text), {**_options(spec, told), **changes}, shown)


def _made(cls: type[Serving], text: str, options: dict[str, Any], shown: str) -> Serving:
    """Return the serving of a text and further fields, of which none is told twice."""
    try:
        return cls.from_text(text, options)
    except TypeError as error:
        twice = _TWICE.search(str(error))
        if twice is None:
            raise
        raise ConfigurationError(
            f"{shown!r} tells {twice[1]} twice: it stands before # already. Leave it out behind."
        ) from None


@contextmanager
def shared_servings(known: Iterable[Serving] = ()) -> Iterator[None]:
    """Let equal strings stand for one serving, whose limits then hold for all who use it.

    Args:
        known: Servings that are there already.
    """
    there: dict[str, Serving] = {}
    for one in known:
        with suppress(PydanticSerializationError):  # what has no text cannot be meant by one
            there.setdefault(one.spec, one)
    token = _SHARED.set(there)
    try:
        yield
    finally:
        _SHARED.reset(token)


def serving_of_text(spec: str) -> Serving:
    """Return the serving that a string stands for, where servings are shared the one there is."""
    made, shared = serving_from_spec(spec), _SHARED.get()
    return made if shared is None else shared.setdefault(made.spec, made)


_SHARED: ContextVar[dict[str, Serving] | None] = ContextVar("dataflow_servings", default=None)


def spec_of(serving: Serving, *, shown: bool = False) -> str:
    """Return the string that stands for a serving; secrets are not in it.

    Args:
        serving: The serving.
        shown: Whether it is for people only, so that what no string stands for may be in it.

    Raises:
        PydanticSerializationError: No string stands for it: it holds a function, such as a script.
    """
    text, within = serving.text()
    options = []
    for name, field in type(serving).model_fields.items():
        value = getattr(serving, name)
        if name in within or value == field.get_default(call_default_factory=True):
            continue
        if isinstance(value, (SecretStr, SecretBytes)):
            continue
        try:
            options.append(f"{name}={quote(_yaml(serving, name), safe=_SAFE)}")
        except PydanticSerializationError:
            if not shown:
                raise
            options.append(f"{name}=<{type(value).__name__}>")
    told = "#" + "&".join(options) if options else ""
    return f"{serving.prefix}:{text.replace('#', '%23')}{told}"


_SAFE = " ,:/{}[]()'\"=@*?!+-_.~$;<>"


def _options(spec: str, told: str) -> dict[str, Any]:
    options = {}
    shown = _without_options(spec)
    for number, one in enumerate(filter(None, told.split("&")), 1):
        name, equals, value = one.partition("=")
        if not equals:
            raise ConfigurationError(
                f"{shown!r}: number {number} of what stands after # is no NAME=VALUE. Write & and "
                "# in values as %26 and %23."
            )
        try:
            options[name.strip()] = yaml.safe_load(unquote(value))
        except yaml.YAMLError:  # which quotes the value
            raise ConfigurationError(f"{shown!r}: the value of {name} is no YAML.") from None
    return options


def _without_options(spec: str) -> str:
    """Return a specification for messages: without what may hold secrets."""
    shown = re.sub(r"(?<=://)[^/]*@", "", spec.partition("#")[0])
    return re.sub(r"(://[^?]*)\?.*", r"\1", shown)


def _yaml(serving: Serving, name: str) -> str:
    # All of JSON is YAML; texts that mean themselves need no quotes.
    import orjson
    from pydantic import TypeAdapter

    value = TypeAdapter(Any).dump_python(getattr(serving, name), mode="json")
    is_named = is_secret_in_query if name == "query" else is_secret
    if not isinstance(value, str):  # texts of fields are none: api_key_env, api_key_file
        value = without_secrets(value, name if name == COMMAND else "", is_named=is_named)
    if isinstance(value, str) and yaml.safe_load(value) == value:
        return value
    return orjson.dumps(value).decode()


def _prefixes(plugins: PluginManager) -> list[str]:
    return sorted(prefix for one in plugins.servings() for prefix in one.spec.prefixes)
