"""What a plugin registers, as lines of text: with fields, columns, variables and options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import click

from dataflow_core.plugins import PluginManager, Registered
from dataflow_core.plugins.catalogue import KINDS
from dataflow_core.prompts.prompt import read_template
from dataflow_core.testing.surface.formers import formers_of
from dataflow_core.testing.surface.objects import fields, signature, value_text

_INDENT = "    "


def registered_lines(manager: PluginManager, namespace: str) -> Iterator[str]:
    """Yield the lines of all that a plugin registers, kind by kind.

    Args:
        manager: The plugin manager.
        namespace: The plugin's namespace.

    Raises:
        PluginError: The plugin is not loaded, or something that it registers cannot be.
    """
    manager.require_namespace(namespace)
    for kind in KINDS:
        found = [one for one in manager.all_of(kind) if one.namespace == namespace]
        if not found:
            continue
        yield f"[{kind}s]"
        for item in found:
            yield from _item_lines(manager, kind, item)


def _item_lines(manager: PluginManager, kind: str, item: Registered[Any]) -> Iterator[str]:
    spec = item.spec
    said = (
        f"{name}={value_text(getattr(spec, name))}"
        for name in spec.__dataclass_fields__
        if name not in ("name", "target", "summary", "source", "example")
        and getattr(spec, name) not in (None, ())
    )
    yield " ".join((f"{item.full_name}:", *said)).rstrip(": ")
    target = manager.load(item)
    for former, name in formers_of(item, target):
        yield f"{_INDENT}formerly {former!s}: {name}, until {former.removed_in}"
    described = {"operator": _operator, "pipeline": _pipeline, "prompt": _prompt}.get(kind)
    if kind == "command":
        yield from command_lines(item.full_name, target)
    elif described is not None:
        yield from (f"{_INDENT}{line}" for line in described(target))
    elif inspect.isclass(target):
        yield from (f"{_INDENT}{line}" for line in fields(target))


def _operator(cls: Any) -> Iterator[str]:
    yield from fields(cls)
    for parameter in cls.parameters():
        text = f"{parameter.name}: {parameter.kind.name} {parameter.takes}"
        yield text if parameter.required else f"{text} = {value_text(parameter.default)}"
    if cls.makes_rows:
        yield "makes rows"


def _pipeline(cls: Any) -> Iterator[str]:
    yield f"__init__{signature(cls.__init__)}"


def _prompt(path: Any) -> Iterator[str]:
    template = read_template(path)
    yield f"variables: {', '.join(sorted(template.used)) or 'none'}"
    yield f"answer: {template.answer.kind}"


def command_lines(name: str, command: click.Command, context: Any = None) -> Iterator[str]:
    """Yield the lines of a command and its subcommands: arguments and options with defaults.

    Args:
        name: The command, as it is called.
        command: The command.
        context: The click context of the group that it is in.
    """
    here = click.Context(command, parent=context, info_name=name.rpartition(" ")[2])
    yield name
    for parameter in command.params:
        if not getattr(parameter, "hidden", False) and parameter.name != "help":
            yield f"{_INDENT}{_option(parameter)}"
    if isinstance(command, click.Group):
        for inner in sorted(command.list_commands(here)):
            found = command.get_command(here, inner)
            if found is not None:
                yield from command_lines(f"{name} {inner}", found, here)


def _option(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        name = str(parameter.name).upper()
        return name if parameter.required else f"[{name}]"
    names = "/".join((*parameter.opts, *parameter.secondary_opts))
    said = [names]
    if not getattr(parameter, "is_flag", False):
        choices = getattr(parameter.type, "choices", None)
        said.append("|".join(map(str, choices)) if choices else parameter.type.name.upper())
    said += ["required"] * parameter.required + ["multiple"] * getattr(parameter, "multiple", False)
    if isinstance(parameter.default, (str, int, float)) and parameter.default is not False:
        said.append(f"default={parameter.default!r}")
    if envvar := parameter.envvar:
        said.append(f"envvar={envvar}")
    return " ".join(said)
