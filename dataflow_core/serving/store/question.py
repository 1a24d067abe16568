"""What determines an answer: the settings that many questions share, the prompt, the sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from dataflow_core.errors import ConfigurationError
from dataflow_core.secrets import HIDDEN, is_secret_in_query, without_secrets

Kind = Literal["chat", "embed"]

PROMPT_BYTES = 16


def prompt_digest(prompt: str | Sequence[Mapping[str, Any]]) -> bytes:
    """Return 16 bytes that stand for a prompt: a text, or messages without the system prompt."""
    return hashlib.blake2b(_json(prompt, "the prompt"), digest_size=PROMPT_BYTES).digest()


@dataclass(frozen=True)
class Settings:
    """What a call's questions have in common, and what their answers depend on.

    The order of keys does not count, nor does it whether a number is written 1 or 1.0; a parameter
    that is None counts as left out. In a JSON schema the order counts: models write the fields of
    an answer in it. Secrets neither count nor are they kept: API keys, users in URLs.

    Args:
        endpoint: Where the model is: a base URL, or the name of an engine.
        model: The model's name.
        kind: Whether answers are texts or vectors.
        sampling: Sampling parameters, by name.
        schema: The JSON schema that answers are to have.
        system: The system prompt.

    Raises:
        ConfigurationError: A value cannot be written as JSON.

    Example:
        >>> plain = Settings("http://localhost:8000/v1", "qwen", sampling={"temperature": 1})
        >>> full = {"top_p": None, "temperature": 1.0}
        >>> Settings("http://localhost:8000/v1/", "qwen", sampling=full).digest == plain.digest
        True
    """

    endpoint: str
    model: str
    kind: Kind = "chat"
    sampling: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = field(default=None, repr=False)
    system: str | None = field(default=None, repr=False)
    digest: bytes = field(init=False, repr=False)
    """32 bytes that stand for them."""
    content: str = field(init=False, repr=False)
    """The same for people, as JSON without secrets."""

    def __post_init__(self) -> None:
        given = {name: one for name, one in self.sampling.items() if one is not None}
        sampling = without_secrets(_plain(given, "sampling"))
        object.__setattr__(self, "endpoint", _endpoint(self.endpoint))
        object.__setattr__(self, "sampling", sampling)
        all_of_it = {
            "endpoint": self.endpoint,
            "model": self.model,
            "kind": self.kind,
            "sampling": sampling,
            "schema": self.schema and _plain(self.schema, "schema", in_order=True),
            "system": self.system,
        }
        told = {name: one for name, one in all_of_it.items() if one not in (None, {})}
        # The digest is taken of true prompts: another password in an example is another prompt.
        object.__setattr__(self, "digest", hashlib.sha256(_json(told, "settings")).digest())
        kept = _json(without_secrets(told), "settings").decode("utf-8", "replace")
        object.__setattr__(self, "content", kept)

    def question(self, prompt: bytes, sample: str = "") -> Question:
        """Return the question for the answer to a prompt under these settings.

        Args:
            prompt: What `prompt_digest` returned.
            sample: Tells equal questions apart that are to have answers of their own.
        """
        return Question(self, prompt, sample)


class Question:
    """What one answer was asked for with.

    Args:
        settings: The settings.
        prompt: 16 bytes that stand for the prompt without the system prompt.
        sample: Tells equal questions apart that are to have answers of their own.

    Attributes:
        key: 32 bytes that stand for all of it.
    """

    __slots__ = ("key", "prompt", "sample", "settings")

    def __init__(self, settings: Settings, prompt: bytes, sample: str = "") -> None:
        if len(prompt) != PROMPT_BYTES:
            raise ConfigurationError(
                f"a prompt's digest has {PROMPT_BYTES} bytes, found {len(prompt)}. Take that which "
                "prompt_digest() returns."
            )
        self.settings = settings
        self.prompt = prompt
        self.sample = sample
        told = settings.digest + prompt + sample.encode("utf-8", "surrogatepass")
        self.key = hashlib.sha256(told).digest()

    def __repr__(self) -> str:
        return f"Question({self.settings.model!r}, {self.prompt.hex()}, {self.sample!r})"


def _plain(value: Any, where: str, *, in_order: bool = False) -> Any:
    """Return a value as JSON has it, one way for each of those that mean the same."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        pairs = value.items() if in_order else sorted(value.items(), key=lambda pair: str(pair[0]))
        return {str(k): _plain(one, f"{where}.{k}", in_order=in_order) for k, one in pairs}
    if isinstance(value, (list, tuple)):
        return [_plain(one, f"{where}[{at}]", in_order=in_order) for at, one in enumerate(value)]
    raise ConfigurationError(
        f"{where} is of type {type(value).__name__}, which JSON does not have. Give texts, "
        "numbers, booleans, lists and objects of these."
    )


def _json(value: Any, where: str) -> bytes:
    try:
        told = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where} cannot be written as JSON: {error}.") from None
    return told.encode("utf-8", "surrogatepass")


def _endpoint(given: str) -> str:
    """Return an endpoint as it is known: without secrets, and without a slash at its end."""
    url = urlsplit(given)
    if not url.scheme or not url.netloc:
        return given
    host = url.netloc.rpartition("@")[2].lower()
    pairs = parse_qsl(url.query, keep_blank_values=True)
    query = urlencode([(name, _told(name, value)) for name, value in pairs], safe="*")
    return url._replace(netloc=host, path=url.path.rstrip("/"), query=query).geturl()


def _told(name: str, value: str) -> str:
    return HIDDEN if is_secret_in_query(name) else value
