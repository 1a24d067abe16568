"""What the scaffolds ask, and which answers they take."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.plugins.specs import Function

License = Literal["Apache-2.0", "MIT", "BSD-3-Clause"]
LICENSES: tuple[str, ...] = get_args(License)
FUNCTIONS: tuple[str, ...] = get_args(Function)
LONGEST_LINE = 76
"""The most characters of a description, so that lines of code with it stay within 100."""

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+")


@dataclass(frozen=True, kw_only=True)
class PluginAnswers:
    """All that is asked about a new plugin; the answers are checked already.

    Attributes:
        namespace: Its namespace.
        description: What it is for, in one line without a full stop.
        author: Who writes it.
        email: The author's e-mail address; empty for none.
        license: The licence, as SPDX names it.
        operator: The name of its first operator.
        function: What that does to rows.
        llm: Whether it asks a model.
        pipeline: Whether there is a pipeline.
        serving: Whether there is a kind of serving.
        storage: Whether there is a storage, with a URL scheme.
        ci: Whether there are workflows for GitHub Actions.
    """

    namespace: str
    description: str
    author: str
    email: str
    license: str
    operator: str
    function: Function
    llm: bool
    pipeline: bool
    serving: bool
    storage: bool
    ci: bool


def check_line(what: str, text: str) -> str:
    """Return a description without its full stop, if it can stand in code as it is.

    Raises:
        ConfigurationError: It is empty, of several lines, too long, or has quotation marks.
    """
    told = text.strip().removesuffix(".").rstrip()
    if not told:
        raise ConfigurationError(f"{what} is empty: say in one line what it does.")
    if len(told) > LONGEST_LINE:
        raise ConfigurationError(
            f"{what} has {len(told)} characters; at most {LONGEST_LINE} are wanted."
        )
    if wrong := sorted({one for one in told if one in '"\\' or not one.isprintable()}):
        raise ConfigurationError(
            f"{what} has {', '.join(map(repr, wrong))} in it: write one line without double "
            "quotation marks and backslashes."
        )
    return told


def check_author(name: str) -> str:
    """Return an author's name.

    Raises:
        ConfigurationError: It is empty, or has characters that metadata use for other things.
    """
    told = name.strip()
    wrong = re.search(r'[<>@"\\]', told) or not told.isprintable()
    if not told or len(told) > LONGEST_LINE or wrong:
        raise ConfigurationError(
            f"the author {name!r} is no name: one line of at most {LONGEST_LINE} characters is "
            'wanted, without < > @ " and backslashes.'
        )
    return told


def check_email(address: str) -> str:
    """Return an e-mail address, or the empty text for none.

    Raises:
        ConfigurationError: It is no address.
    """
    told = address.strip()
    if told and not _EMAIL.fullmatch(told):
        raise ConfigurationError(
            f"the e-mail {address!r} is no address: something like ada@example.org is wanted, or "
            "nothing for none."
        )
    return told


def check_choice(what: str, told: str, choices: tuple[str, ...]) -> str:
    """Return one of some choices, in whichever case it was written.

    Raises:
        ConfigurationError: It is none of them.
    """
    for choice in choices:
        if told.strip().lower() == choice.lower():
            return choice
    raise ConfigurationError(
        f"{what} {told!r} is unknown.{did_you_mean(told, choices)} There are: {', '.join(choices)}."
    )


def author_of_git() -> tuple[str, str]:
    """Return name and e-mail as Git knows them; empty where it does not, or is not there."""
    return _from_git("user.name", check_author), _from_git("user.email", check_email)


def _from_git(key: str, check: Callable[[str], str]) -> str:
    try:
        found = subprocess.run(  # noqa: S603  no word of it comes from elsewhere
            ["git", "config", "--get", key],  # noqa: S607  whichever Git the user has
            capture_output=True, text=True, encoding="utf-8", check=False, timeout=5,
        ).stdout  # fmt: skip
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return ""
    try:
        return check(found)
    except ConfigurationError:
        return ""
