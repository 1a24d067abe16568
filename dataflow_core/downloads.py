"""Files that operators, servings and storages need and that do not come with their distribution.

A class names them in ``downloads``, from which ``dataflow doctor --offline`` tells what a machine
without a network would miss.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dataflow_core.errors import ConfigurationError

__all__ = ["Download", "hugging_face_cache"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file, or a folder of files, that is fetched once and kept.

    Attributes:
        name: What it is, with its article: ``"the model small"``.
        path: Where it is looked for: a path, or what else it is found by, as in ``"module x"``.
        present: Whether it is here; None where that depends on what the user names.
        fetch: The command that fetches it.
        size: Its bytes; None where that is not known.
        when: With which configuration it is needed; empty for always.
        automatic: Whether it is fetched by itself when it is used; else only by `fetch`.

    Example:
        >>> words = Download(
        ...     name="the word list", path="/no/words.txt", present=False,
        ...     fetch="fruit fetch words", size=2_000_000,
        ... )
        >>> words.lacks()
        ['the word list is not here: there is no /no/words.txt. Fetch it, which takes 2 MB: fruit \
fetch words']
    """

    name: str
    path: str
    present: bool | None
    fetch: str
    size: int | None = None
    when: str = ""
    automatic: bool = False

    @property
    def message(self) -> str:
        """What to say where it is not here."""
        takes = "" if self.size is None else f", which takes {self.size / 1e6:.0f} MB"
        return f"{self.name} is not here: there is no {self.path}. Fetch it{takes}: {self.fetch}"

    def lacks(self) -> list[str]:
        """Return `message` where it is not here; for an operator's ``problems``."""
        return [self.message] if self.present is False else []

    def require(self) -> None:
        """Refuse to go on without it.

        Raises:
            ConfigurationError: It is not here; the message has the command that fetches it.
        """
        if self.present is False:
            raise ConfigurationError(self.message)


def hugging_face_cache() -> Path:
    """Return where what comes from Hugging Face is kept, as its own library decides that."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    if home is None:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = f"{cache}/huggingface"
    return Path(home).expanduser() / "hub"
