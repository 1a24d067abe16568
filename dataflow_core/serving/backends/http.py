"""What servings behind an HTTP address have in common: address, key, and sending to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import CANNOT_CONNECT, ReplyError
from dataflow_core.serving.backends.keys import find_key
from dataflow_core.serving.base import Serving
from dataflow_core.serving.pricing import Price, PriceTable
from dataflow_core.serving.wire import Answer, Wire, WireError


class HttpServing(Serving):
    """The base of servings that are asked over HTTP.

    Attributes:
        base_url: Where the API is, its version included; None for the vendor's own.
        api_key: The key; better left out, so that it is in no code. None for the variable or file.
        api_key_env: The environment variable that holds the key; None for the vendor's usual one.
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

    @classmethod
    def from_text(cls, text: str, options: Mapping[str, Any]) -> Self:
        """Return the serving of ``MODEL`` or ``MODEL@ADDRESS``."""
        model, at, url = text.partition("@http")
        if at:
            return cls(model=model, base_url=f"http{url}", **options)
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
        """Return the API key.

        Raises:
            ConfigurationError: There is none, and the address is the vendor's own; or its file
                cannot be read.
        """
        variables = self.key_variables if self.api_key_env is None else (self.api_key_env,)
        key = find_key(self.name, self.api_key, self.api_key_file, variables)
        if key is None and self.is_vendors:
            raise ConfigurationError(
                f"{self.name}: there is no API key. Set {' or '.join(variables)}, or name a file "
                "with api_key_file. For a server of your own, name its address: "
                f"{self.prefix}:{self.model}@http://localhost:8000{urlsplit(self.vendor_url).path}."
            )
        return key


def without_user(url: str) -> str:
    """Return an address without the user and password that it may have."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


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
