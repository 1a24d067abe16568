"""How the program tells what is deprecated, and options that have another name now."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dataflow_core.deprecations import Former, now_called
from dataflow_core.errors import DataflowDeprecationWarning

Command = TypeVar("Command", bound=Callable[..., Any])


def tell_deprecations_plainly() -> None:
    """Have the process write deprecations as notes of one line, without Python's line of source.

    Other warnings are shown as before. It is for a process that is this program.
    """
    shown = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        if file is None and issubclass(category, DataflowDeprecationWarning):
            click.echo(f"Note: {_place(filename, lineno)}{message}", err=True)
        else:
            shown(message, category, filename, lineno, file, line)

    warnings.showwarning = show


def former_option(former: Former, option: str, **attributes: Any) -> Callable[[Command], Command]:
    """Let a command understand the former name of an option, with a note.

    It is hidden from the help. The option itself must have a default, or be optional.

    Args:
        former: The former name, such as ``Former("--rows", since="0.2", removed_in="0.4")``.
        option: The name now, such as ``"--limit"``.
        **attributes: Those that the option has besides: ``type``, ``is_flag``, ``multiple``.

    Example:
        >>> LIMIT = Former("--rows", since="0.2", removed_in="0.4")
        >>> @click.command()
        ... @click.option("--limit", type=int)
        ... @former_option(LIMIT, "--limit", type=int)
        ... def command(limit):
        ...     click.echo(limit)
    """
    now, old = _parameter(option), f"former_{_parameter(former)}"

    def mark(function: Command) -> Command:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            value = kwargs.pop(old)
            context = click.get_current_context()
            if context.get_parameter_source(old) is click.core.ParameterSource.COMMANDLINE:
                if context.get_parameter_source(now) is click.core.ParameterSource.COMMANDLINE:
                    raise click.UsageError(
                        f"{former} is the former name of {option}, and both are given."
                    )
                click.echo(f"Note: {now_called('option', former, option)}", err=True)
                kwargs[now] = value
            return function(*args, **kwargs)

        return click.option(str(former), old, hidden=True, **attributes)(call)  # type: ignore[return-value]

    return mark


def _parameter(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _place(filename: str, lineno: int) -> str:
    """Return where the deprecated thing is used; nothing where that is in the program itself."""
    if not lineno:  # An option of the command line.
        return f"{filename}: "
    is_ours = Path(filename).resolve().is_relative_to(Path(__file__).resolve().parents[1])
    return "" if is_ours or filename.startswith("<") else f"{filename}, line {lineno}: "
