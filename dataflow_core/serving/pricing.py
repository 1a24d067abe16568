"""What tokens cost: prices of models, from a list that comes along, a file of one's own, or given.

A price holds for the vendor's own endpoint: the same model on another host costs something else,
and a local one nothing that is known here. What is not known has no price, and never one of 0.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.serving.completion import Usage

MILLION = 1_000_000
ENVIRONMENT = "DATAFLOW_PRICES"
"""The environment variable that names a file of prices of one's own."""

_SNAPSHOT = re.compile(r"-20\d\d-\d\d-\d\d|-20\d{6}")
_RATES = ("input", "output", "cached_input")


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: A million tokens read.
        output: A million tokens written, those of reasoning included; 0 of embeddings.
        cached_input: A million tokens read of which the server had kept what it made of them; None:
            like other tokens read.
        above: The tokens of a prompt above which the whole request costs what `long` says.
        long: What requests with long prompts cost.

    Raises:
        ConfigurationError: A figure is no number, or below 0.
    """

    input: float
    output: float = 0.0
    cached_input: float | None = None
    above: int | None = None
    long: Price | None = None

    def __post_init__(self) -> None:
        for name in _RATES:
            rate = getattr(self, name)
            if rate is not None and not _is_rate(rate):
                raise ConfigurationError(
                    f"a price's {name} is {rate!r}; it takes US dollars per million tokens, 0 or "
                    "more."
                )

    def of(self, prompt_tokens: int) -> Price:
        """Return the price of a request whose prompt has so many tokens."""
        if self.long is None or self.above is None or prompt_tokens <= self.above:
            return self
        return self.long


def cost(usage: Usage, price: Price) -> float:
    """Return what one request costs, in US dollars.

    Args:
        usage: Its tokens. Those of several requests may not be summed up before, where long prompts
            cost more.
        price: What the model costs.

    Example:
        >>> cost(Usage(prompt_tokens=1_000_000, cached_tokens=400_000), Price(2.5, 10, 1.25))
        2.0
    """
    price = price.of(usage.prompt_tokens)
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_rate = price.input if price.cached_input is None else price.cached_input
    fresh = usage.prompt_tokens - cached
    dollars = fresh * price.input + cached * cached_rate + usage.completion_tokens * price.output
    return dollars / MILLION


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """A model's price in a table, and where and when it holds.

    Attributes:
        model: The model's name, without the date of a snapshot unless that costs something else.
        price: The price.
        hosts: The hosts whose requests it is of; empty: any host.
        published: Where it was published.
        later: Another price, and the day from which it holds.
    """

    model: str
    price: Price
    hosts: tuple[str, ...] = ()
    published: str | None = None
    later: tuple[date, Price] | None = None

    def on(self, day: date) -> Price:
        """Return the price that holds on a day."""
        if self.later is not None and day >= self.later[0]:
            return self.later[1]
        return self.price

    def is_for(self, model: str, host: str | None) -> bool:
        """Tell whether it is the price of a model on a host."""
        if self.hosts and host not in self.hosts:
            return False
        rest = model.removeprefix(self.model)
        return model.startswith(self.model) and (not rest or bool(_SNAPSHOT.fullmatch(rest)))


@dataclass(frozen=True)
class PriceTable:
    """Prices by model and host; those that come first win.

    Attributes:
        layers: Lists of prices; one of a later list counts only where no earlier one has any.
        as_of: The day on which the list that comes along was checked.
    """

    layers: tuple[tuple[PriceEntry, ...], ...]
    as_of: date

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> PriceTable:
        """Return the prices of one's own file, if there is one, before those that come along.

        Args:
            environ: Environment variables; None: the process's. ``DATAFLOW_PRICES`` names the file;
                else it is ``~/.config/dataflow/prices.yaml``.

        Raises:
            ConfigurationError: The file is named but not there, cannot be read, or is wrong.
        """
        come_along, as_of = _come_along()
        path = _own_file(os.environ if environ is None else environ)
        own = () if path is None else _read(path)
        return cls((own, come_along), as_of)

    def entry(self, model: str, base_url: str | None) -> PriceEntry | None:
        """Return a model's entry: of the longest name that fits, on the host of an address.

        Dated snapshots are the same model; any other ending makes another one.

        Args:
            model: The model's name, such as ``gpt-4o-mini-2024-07-18``.
            base_url: The address that requests go to.

        Returns:
            The entry; None where none is known.
        """
        host, name = host_of(base_url), model.removeprefix("models/")
        for layer in self.layers:
            found = [entry for entry in layer if entry.is_for(name, host)]
            if found:
                return max(found, key=lambda entry: len(entry.model))
        return None

    def price(self, model: str, base_url: str | None, on: date | None = None) -> Price | None:
        """Return what a model costs on the host of an address, on a day (None: today).

        Returns:
            The price; None where it is not known.
        """
        entry = self.entry(model, base_url)
        if entry is None:
            return None
        return entry.on(datetime.now(UTC).date() if on is None else on)


def host_of(base_url: str | None) -> str | None:
    """Return the host of an address, in lower case."""
    return urlsplit(base_url).hostname if base_url else None


@cache
def _come_along() -> tuple[tuple[PriceEntry, ...], date]:
    text = (resources.files(__package__) / "prices.yaml").read_text("utf-8")
    content = _parsed(text, "prices.yaml")
    return tuple(_entries(content, "prices.yaml")), content["as_of"]


def _own_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser()
    home = environ.get("XDG_CONFIG_HOME") or "~/.config"
    usual = Path(home).expanduser() / "dataflow" / "prices.yaml"
    return usual if usual.is_file() else None


def _read(path: Path) -> tuple[PriceEntry, ...]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(
            f"cannot read the file of prices {path}: {reason}. Mend it, or unset {ENVIRONMENT}."
        ) from None
    return tuple(_entries(_parsed(text, str(path)), str(path)))


def _parsed(text: str, where: str) -> dict[str, Any]:
    import yaml

    try:
        # The one in C is ten times as fast, and the first call waits for prices.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(text, loader)  # noqa: S506  both are safe
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where} is no YAML: {error}") from None
    if not isinstance(content, dict):
        raise _refusal(where, "it has no prices")
    _only(content, ("as_of", "models", "vendors"), where)
    return content


def _entries(content: Mapping[str, Any], where: str) -> Iterable[PriceEntry]:
    """Yield the prices of a file: ``models`` on any host, and ``vendors`` with theirs."""
    for model, given in _mapping(content.get("models"), where).items():
        yield _entry(str(model), given, (), None, where)
    for name, given in _mapping(content.get("vendors"), where).items():
        place = f"{where}, {name}"
        vendor = _mapping(given, place)
        _only(vendor, ("hosts", "published", "models"), place)
        hosts = vendor.get("hosts")
        if not isinstance(hosts, list) or not hosts:
            raise _refusal(place, "it has no list of hosts")
        lower = tuple(str(host).lower() for host in hosts)
        for model, figures in _mapping(vendor.get("models"), place).items():
            yield _entry(str(model), figures, lower, vendor.get("published"), place)


def _entry(
    model: str, given: Any, hosts: tuple[str, ...], published: str | None, where: str
) -> PriceEntry:
    place = f"{where}, {model}"
    given = _mapping(given, place)
    _only(given, (*_RATES, "long", "later"), place)
    later = _mapping(given.get("later"), place)
    if not later:
        return PriceEntry(model, _price(given, place), hosts, published)
    start = later.get("from")
    if not isinstance(start, date) or isinstance(start, datetime):
        raise _refusal(place, f"`later` has from: {start!r}, which is no day such as 2027-01-01")
    then = _price({name: value for name, value in later.items() if name != "from"}, place)
    return PriceEntry(model, _price(given, place), hosts, published, (start, then))


def _price(given: Mapping[str, Any], where: str) -> Price:
    rates = {name: given[name] for name in _RATES if name in given}
    for name, rate in rates.items():
        if not _is_rate(rate):
            raise _refusal(where, f"{name} is {rate!r}")
    if "input" not in rates:
        raise _refusal(where, "`input` is missing")
    if "long" not in given:
        return Price(**rates)
    long = _mapping(given["long"], where)
    _only(long, (*_RATES, "above"), where)
    above = long.get("above")
    if not isinstance(above, int):
        raise _refusal(where, f"`long` has above: {above!r}, which is no number of tokens")
    dearer = _price({name: value for name, value in long.items() if name != "above"}, where)
    return Price(**rates, above=above, long=dearer)


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _refusal(where, f"{value!r} stands where names and values should")
    return value


def _only(given: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            raise _refusal(where, f"{name!r} is unknown.{did_you_mean(str(name), known)}")


def _is_rate(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0


def _refusal(where: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where}: {found}. Prices are US dollars per million tokens, such as\n"
        "models:\n  my-model: {input: 0.5, cached_input: 0.05, output: 1.5}"
    )
