"""Answer the script of a shell that asks which words may come next, and never write an error.

The words typed so far are the arguments, the last of them incomplete; bash, which would split them
at colons, gives the line in ``COMP_LINE``. Each answer is a line of three fields between tabs:
``word``, the word, what it is; or ``file`` or ``dir`` where the shell is to complete paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from click.shell_completion import ShellComplete, split_arg_string

from dataflow_core.cli.completion import VARIABLE
from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

_STANDARD = (1, 2)
_WIDEST = 72


def answer(program: click.Group, name: str) -> int:
    """Write the words that may come next; nothing, where that cannot be told.

    Args:
        program: The group of all commands.
        name: Its name.

    Returns:
        The exit code, which is 0: an error would be of no use to whom types.
    """
    lines: list[str] = []
    with _silence() as out:
        try:
            lines = [_line(item) for item in _items(program, name)]
        except BaseException:  # noqa: BLE001  broken plugins, exits and Ctrl-C included
            lines = []
        os.write(out, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return 0


def words(program: click.Group, name: str, typed: Sequence[str]) -> list[CompletionItem[Any]]:
    """Return what may come in place of the last of the words typed.

    Args:
        program: The group of all commands.
        name: Its name.
        typed: The words typed behind it, the last of them incomplete.
    """
    manager = PluginManager(strict=False)  # of broken plugins, others tell
    asked = ShellComplete(program, {"obj": manager}, name, VARIABLE)
    *before, incomplete = typed
    return asked.get_completions(before, incomplete)


def _items(program: click.Group, name: str) -> Iterator[CompletionItem[Any]]:
    typed = _typed()
    option, equals, _ = typed[-1].partition("=")
    head = f"{option}=" if equals and option.startswith("-") else ""
    for item in words(program, name, typed):
        if item.type == "plain":
            item.value = f"{head}{item.value}"
        yield item


def _typed() -> list[str]:
    line = os.environ.get("COMP_LINE")
    if line is None:
        return sys.argv[1:] or [""]
    typed = split_arg_string(line)[1:]
    return [*typed, ""] if not typed or line[-1:].isspace() else typed


def _line(item: CompletionItem[Any]) -> str:
    if item.type != "plain":
        return f"{item.type}\t\t"
    about = " ".join((item.help or "").split())
    about = about if len(about) <= _WIDEST else f"{about[: _WIDEST - 1]}…"
    return f"word\t{item.value}\t{about}"


@contextmanager
def _silence() -> Iterator[int]:
    """Send elsewhere what plugins print, and yield where the answer goes."""
    kept = [os.dup(one) for one in _STANDARD]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for one in _STANDARD:
            os.dup2(nowhere, one)
        yield kept[0]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for one, copy in zip(_STANDARD, kept, strict=True):
            os.dup2(copy, one)
            os.close(copy)
        os.close(nowhere)
