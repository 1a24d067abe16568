"""A group of commands that are imported when they are called, those of plugins among them."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.broken import warn_of_broken_plugins
from dataflow_core.errors import PluginError, did_you_mean
from dataflow_core.plugins.manager import PluginManager

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dataflow_core.plugins import CommandSpec, Registered

BuiltIns = Mapping[str, Mapping[str, tuple[str, str]]]
"""By section of the help and by name: the target ``"module:attribute"`` and one line of help."""


class LazyGroup(click.Group):
    """A group whose help shows names and summaries without importing what they stand for.

    Built-in commands come first, and answer without any plugin. A plugin's command whose name is
    taken is called by its full name, as in ``dataflow math/serve``; so can be every other.

    Args:
        built_ins: The built-in commands.
        **attributes: Those of a click group.
    """

    def __init__(self, *, built_ins: BuiltIns | None = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.built_ins = built_ins or {}
        self.targets = {
            name: target
            for section in self.built_ins.values()
            for name, (target, _) in section.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [*self.targets, *self._of_plugins(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Raises:
            PluginError: A plugin's command cannot be imported, or is none.
        """
        if cmd_name in self.targets:
            module, _, attribute = self.targets[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        found = self._of_plugins(ctx).get(cmd_name) or _called(
            _manager(ctx), self.targets, cmd_name
        )
        if found is None:
            return None
        return _loaded(_manager(ctx), found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, and the rest of them."""
        command = self.get_command(ctx, args[0])
        if command is not None:
            return args[0], command, args[1:]
        if not args[0].startswith("-") and not ctx.resilient_parsing:
            names = self.list_commands(ctx)
            ctx.call_on_close(lambda: warn_of_broken_plugins(_manager(ctx)))
            ctx.fail(f"No such command {args[0]!r}.{did_you_mean(args[0], names)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        for title, section in self.built_ins.items():
            _write(formatter, title, [(name, line) for name, (_, line) in section.items()])
        found = self._of_plugins(ctx)
        rows = [(name, f"{item.spec.summary} [{item.namespace}]") for name, item in found.items()]
        _write(formatter, "Commands of plugins", rows)
        ctx.call_on_close(lambda: warn_of_broken_plugins(_manager(ctx)))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return the commands and options that begin so; no command is imported."""
        from click.shell_completion import CompletionItem

        lines = {name: line for one in self.built_ins.values() for name, (_, line) in one.items()}
        lines |= {name: item.spec.summary for name, item in self._of_plugins(ctx).items()}
        begun = {name: line for name, line in lines.items() if name.startswith(incomplete)}
        commands = [CompletionItem(name, help=line) for name, line in begun.items()]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def _of_plugins(self, ctx: click.Context) -> dict[str, Registered[CommandSpec]]:
        """Return the plugins' commands by name: a full name where the short one is taken."""
        commands = _manager(ctx).commands()
        counts = Counter(_short(item) for item in commands)
        return {
            _full(item)
            if counts[_short(item)] > 1 or _short(item) in self.targets
            else _short(item): item
            for item in commands
        }


def _manager(ctx: click.Context) -> PluginManager:
    return ctx.find_root().ensure_object(PluginManager)


def _called(
    manager: PluginManager, taken: Iterable[str], name: str
) -> Registered[CommandSpec] | None:
    """Return the plugin's command that a full or a former name stands for."""
    for item in manager.commands():
        if name == _full(item):
            return item
        former = {alias.replace("_", "-") for alias in item.spec.aliases}
        if name in former - set(taken) or name in {f"{item.namespace}/{alias}" for alias in former}:
            click.echo(f"{name!r} is now called {_full(item)!r}; use the new name.", err=True)
            return item
    return None


def _loaded(manager: PluginManager, found: Registered[CommandSpec]) -> click.Command:
    command = manager.load(found)
    if not isinstance(command, click.Command):
        raise PluginError(
            f"the command {found.full_name} of {found.distribution} {found.version} cannot be "
            f"called: its target {found.spec.target!r} is of type {type(command).__name__}, "
            "wanted a click command."
        )
    return command


def _write(formatter: click.HelpFormatter, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _short(item: Registered[CommandSpec]) -> str:
    return item.spec.name.replace("_", "-")


def _full(item: Registered[CommandSpec]) -> str:
    return f"{item.namespace}/{_short(item)}"
