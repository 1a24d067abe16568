"""What servings behind an HTTP address have in common: address, key, and sending to it."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator

from dataflow_core.errors import ConfigurationError
from dataflow_core.secrets import masked
from dataflow_core.serving.backend import CANNOT_CONNECT, Backend, ReplyError
from dataflow_core.serving.backends.keys import WRONG_KEY, Key, find_key, require_variable
from dataflow_core.serving.base import Serving
from dataflow_core.serving.pricing import Price, PriceTable
from dataflow_core.serving.wire import Address, Answer, Wire, WireError

_ADDRESS = re.compile(r"@(localhost\b|[\w.-]+:\d+|([\w-]+\.)+[A-Za-z]{2,}(/|$)|\w+://)")
"""What looks like a host behind a model's name."""


class HttpServing(Serving):
    """The base of servings that are asked over HTTP.

    Attributes:
        base_url: Where the API is, its version included; None for the vendor's own.
        api_key: The key; better left out, so that it is in no code. None for the variable or file.
        api_key_env: The environment variable that holds the key. None for the vendor's usual one,
            which is sent to the vendor, to the address in the environment, and to this machine, and
            to no other server; nor is it where the address has a user and a password.
        api_key_file: The file that holds the key, instead of the variable.
        embed_batch: The most texts of one embedding request.
        dimensions: How many components vectors are to have, where the model lets one choose.

    Class attributes:
        vendor_url: Where the vendor's own API is.
        url_variable: The environment variable that holds another address.
        key_variables: The environment variables that hold the key.
    """

    vendor_url: ClassVar[str] = ""
    url_variable: ClassVar[str] = ""
    key_variables: ClassVar[tuple[str, ...]] = ()

    base_url: str | None = None
    api_key: SecretStr | None = None
    api_key_env: str | None = None
    api_key_file: Path | None = None
    embed_batch: Annotated[int, Field(ge=1)] = 64
    dimensions: Annotated[int, Field(ge=1)] | None = None

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None:
            Address.of(url)
        return url

    @field_validator("api_key_env")
    @classmethod
    def _is_variable(cls, name: str | None) -> str | None:
        return require_variable(name)

    @classmethod
    def from_text(cls, text: str, options: Mapping[str, Any]) -> Self:
        """Return the serving of ``MODEL`` or ``MODEL@ADDRESS``."""
        model, at, url = text.partition("@http")
        if not model.strip():
            raise ConfigurationError(
                f"{cls.prefix}: names no model; {cls.prefix}:MODEL is wanted, or "
                f"{cls.prefix}:MODEL@http://HOST:PORT/v1."
            )
        if at:
            return cls(model=model, base_url=f"http{url}", **options)
        if _ADDRESS.search(text):
            raise ConfigurationError(
                f"{cls.prefix}:{text}: the address begins with neither http:// nor https://. Write "
                f"{cls.prefix}:{re.sub(r'@(?:[a-z]+://)?', '@http://', text, count=1)}."
            )
        return cls(model=text, **options)

    def text(self) -> tuple[str, frozenset[str]]:
        """Return ``MODEL`` or ``MODEL@ADDRESS``."""
        if self.base_url is None:
            return self.model, frozenset({"model"})
        return f"{self.model}@{without_user(self.base_url)}", frozenset({"model", "base_url"})

    @property
    def url(self) -> str:
        """Where the API is."""
        return (self.base_url or os.environ.get(self.url_variable) or self.vendor_url).rstrip("/")

    @property
    def is_vendors(self) -> bool:
        """Whether the address is the vendor's own."""
        return urlsplit(self.url).hostname == urlsplit(self.vendor_url).hostname

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.prefix}:{self.model} at {without_user(self.url)}"

    def identity(self) -> dict[str, Any]:
        """Return the endpoint and the model."""
        return {"endpoint": without_user(self.url), "model": self.model}

    def known_price(self) -> Price | None:
        """Return what the price table says of the model at this address."""
        return PriceTable.load().price(self.model, self.url)

    def embedding_parameters(self) -> dict[str, Any]:
        """Return the number of dimensions, where one is chosen."""
        return {} if self.dimensions is None else {"dimensions": self.dimensions}

    @property
    def texts_together(self) -> int:
        """The most texts of one embedding request."""
        return self.embed_batch

    def key(self) -> str | None:
        """Return the API key; see `found_key`."""
        found = self.found_key()
        return None if found is None else found.value

    def found_key(self) -> Key | None:
        """Return the API key and where it came from; None where none is to be sent.

        Raises:
            ConfigurationError: There is none, and the address is the vendor's own; its file cannot
                be read; or the variable of `api_key_env` is not set.
        """
        usual = self.key_variables if self._takes_vendors_key() else ()
        key = find_key(self.name, self.api_key, self.api_key_file, self.api_key_env, usual)
        if key is None and self.is_vendors and user_of(self.url) is None:
            named = self.key_variables
            if not self.url.startswith("https:"):
                named = (f"{named[0]}, with https: in base_url",)
            raise ConfigurationError(
                f"{self.name}: there is no API key. Set {' or '.join(named)} "
                f"(export {self.key_variables[0]}=…), or name a file with api_key_file. "
                "For a server of your own, name its address: "
                f"{self.prefix}:{self.model}@http://localhost:8000{urlsplit(self.vendor_url).path}."
            )
        return key

    def lacks(self) -> list[str]:
        """Return that there is no key where one is needed; see `Serving.lacks`."""
        try:
            self.found_key()
        except ConfigurationError as error:
            return [str(error)]
        return []

    def lacking_key(self) -> str:
        """Return what to do where a server wants a key that it was not sent."""
        variable = self.key_variables[0] if self.key_variables else "VARIABLE"
        if user_of(self.url) is not None:
            return "no key was sent, but the user and password in base_url"
        if self._takes_vendors_key():
            are = "is" if len(self.key_variables) == 1 else "are"
            return (
                f"no key was sent, for {' and '.join(self.key_variables)} {are} not set. "
                f"export {variable}=…, or name another variable with api_key_env=VARIABLE, or a "
                "file with api_key_file"
            )
        return (
            "no key was sent. Name one that is meant for this server, with api_key_env=VARIABLE "
            f"or api_key_file; {variable} goes there only with api_key_env={variable}"
        )

    def _takes_vendors_key(self) -> bool:
        """Return whether the vendor's key in the environment is meant for the address."""
        if user_of(self.url) is not None:
            return False
        return is_among(self.url, self.vendor_url, os.environ.get(self.url_variable))


class HttpBackend(Backend):
    """The base of what sends requests over HTTP.

    Args:
        serving: The configuration.
        headers: What goes with every request, the key excepted.
        direct: Whether to go past proxies, as to a server of this machine.

    Class attributes:
        key_header: The header that carries the key.
    """

    key_header: str = "Authorization"

    def __init__(
        self, serving: HttpServing, headers: Mapping[str, str], *, direct: bool = False
    ) -> None:
        key, user, basic = serving.found_key(), user_of(serving.url), ""
        told = dict(headers)
        if key is not None:
            bearer = self.key_header.lower() == "authorization"
            told[self.key_header] = f"Bearer {key.value}" if bearer else key.value
        elif user is not None:
            basic = base64.b64encode(user.encode()).decode()
            told["Authorization"] = f"Basic {basic}"
        self.wire = Wire(without_user(serving.url), told, direct=direct)
        self._key = sent_key(key) if key is not None else serving.lacking_key()
        self._secrets = {*self.wire.secrets, key.value if key else "", basic, user or ""}
        self._secrets.update((user or "").split(":", 1))

    def discreet(self, error: ReplyError) -> ReplyError:
        """Return an error without the secrets that a server may have repeated in it."""
        message = masked(error.message, self._secrets)
        if error.status in (401, 403) or error.reason == WRONG_KEY:
            message = f"{message}: {self._key}"
        return reworded(error, message)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def sent_key(key: Key) -> str:
    """Return which key was sent, for messages of servers that refuse it."""
    return f"the key that was sent is {key.place}"


def user_of(url: str) -> str | None:
    """Return the user and password in an address, with a colon between; None without."""
    user = urlsplit(url).netloc.rpartition("@")[0]
    return unquote(user) or None


def without_user(url: str) -> str:
    """Return an address without the user and password that it may have."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def reworded(error: ReplyError, message: str) -> ReplyError:
    """Return an error with another message."""
    return ReplyError(
        error.kind,
        message,
        status=error.status,
        retry_after=error.retry_after,
        reason=error.reason,
    )


def is_among(url: str, *others: str | None) -> bool:
    """Return whether an address is on this machine, or one of some others; None is none."""
    at = Address.of(url)
    return at.is_loopback or any(at == Address.of(one) for one in others if one)


async def send(wire: Wire, path: str, body: bytes) -> Answer:
    """Return what a server answers to a request, whatever its status.

    Raises:
        ReplyError: It could not be reached, or hung up.
    """
    try:
        return await wire.post(path, body)
    except WireError as error:
        reason = None if error.reached else CANNOT_CONNECT
        raise ReplyError("connection", str(error), reason=reason) from None
