"""The reference of the command line, made of what ``--help`` knows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from pages import code, fence, table

from dataflow_core.cli.main import program

_INTRODUCTION = """\
# Command line

`dataflow` and `python -m dataflow_core` are the same program. `--help` after any command says what
stands here. What its exit codes mean is in the [user guide](../user-guide.md#exit-codes)."""


def page() -> str:
    """Return the reference as one page."""
    context = click.Context(program, info_name="dataflow")
    parts = [_INTRODUCTION]
    for command, path in _commands(program, context):
        parts += _command(command, path)
    return "\n\n".join(parts)


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    yield group, context
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)
        else:
            yield command, inner


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    is_inner = context.parent is not None and context.parent.parent is not None
    yield f"{'###' if is_inner else '##'} {context.command_path}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield code(usage)
    yield "\n\n".join(map(_paragraph, inspect.cleandoc(command.help or "").split("\n\n")))
    options = [
        record
        for option in command.get_params(context)
        if isinstance(option, click.Option) and (record := option.get_help_record(context))
    ]
    if options:
        yield table(("option", "what it does"), [(code(name), text) for name, text in options])


def _paragraph(text: str) -> str:
    """Return a paragraph of help; one that click is told not to wrap stays as it is drawn."""
    return fence(text.removeprefix("\b\n"), "text") if text.startswith("\b\n") else text
