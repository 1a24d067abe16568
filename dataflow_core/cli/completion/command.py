"""``dataflow completion``: print the script by which a shell completes command lines."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import resources
from pathlib import Path

import click

from dataflow_core.cli.completion import VARIABLE

_PROGRAM = "dataflow"
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_SCRIPTS = {"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}
_DEFINITIONS = {
    "bash": '{name}() {{ {program} "$@"; }}',
    "zsh": '{name}() {{ {program} "$@"; }}',
    "fish": "function {name}; {program} $argv; end",
}


def _checked(_: click.Context, __: click.Parameter, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name of a command.")
    return name


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
@click.option(
    "--name",
    default=_PROGRAM,
    show_default=True,
    metavar="NAME",
    callback=_checked,
    help="Call the program by this name: the script defines it, as a function, and completes it. "
    "For where another package owns the name dataflow.",
)
def command(shell: str, name: str) -> None:
    r"""Print the script by which SHELL completes names of commands, operators, runs and more.

    \b
    bash  dataflow completion bash > ~/.local/share/bash-completion/completions/dataflow
          or, in ~/.bashrc:  source <(dataflow completion bash)
    zsh   in ~/.zshrc, below compinit:  source <(dataflow completion zsh)
          or, in a folder of $fpath:  dataflow completion zsh > FOLDER/_dataflow
    fish  dataflow completion fish > ~/.config/fish/completions/dataflow.fish

    Then open a new shell. With --name, put it where the shell reads it at its start.
    """
    click.echo(script(shell, name, _called(name)), nl=False)


def script(shell: str, name: str, program: list[str]) -> str:
    """Return the script of a shell.

    Args:
        shell: ``"bash"``, ``"zsh"`` or ``"fish"``.
        name: The name to complete.
        program: The words that call the program.
    """
    called = shlex.join(program)
    is_defined = program != [name]
    words = {
        "NAME": name,
        "FUNCTION": f"_{re.sub(r'[^A-Za-z0-9]', '_', name)}_completion",
        "PROGRAM": called,
        "VARIABLE": VARIABLE,
        "DEFINITION": _DEFINITIONS[shell].format(name=name, program=called) if is_defined else "",
    }
    text = resources.files(__package__).joinpath("scripts", _SCRIPTS[shell]).read_text("utf-8")
    filled = re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)
    return filled if is_defined else filled.replace("\n\n", "\n", 1)


def _called(name: str) -> list[str]:
    """Return the words that call this program: its own name, unless it is run as a module."""
    if name == _PROGRAM and Path(sys.argv[0]).name != "__main__.py":
        return [name]
    return [sys.executable, "-m", "dataflow_core"]
