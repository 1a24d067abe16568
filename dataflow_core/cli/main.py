"""The program ``dataflow``: its commands, and how errors become messages and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage (a name of what is not there too) or a failed check,
3 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import click

from dataflow_core import __version__
from dataflow_core.cli.completion import VARIABLE
from dataflow_core.cli.deprecated import tell_deprecations_plainly
from dataflow_core.cli.lazy import LazyGroup
from dataflow_core.engine.interrupts import end_with
from dataflow_core.errors import ConfigurationError, DataflowError, PlanError, RunStopped
from dataflow_core.plugins.manager import PluginManager

PROGRAM = "dataflow"
FAILED, REFUSED, INTERRUPTED = 1, 2, 3

BUILT_INS = {
    "Pipelines": {
        "run": ("dataflow_core.cli.run:command", "Run a pipeline over a file."),
        "check": (
            "dataflow_core.cli.check:command",
            "Compile a pipeline and report every problem; run nothing.",
        ),
        "plan": (
            "dataflow_core.cli.plan:command",
            "Show the steps of a pipeline, their columns and stages.",
        ),
        "preview": (
            "dataflow_core.cli.preview:command",
            "Run a few rows, and show them before and after each step.",
        ),
        "estimate": (
            "dataflow_core.cli.estimate:command",
            "Tell by a sample what a run will do and take.",
        ),
        "runs": (
            "dataflow_core.cli.runs:command",
            "List, show and compare runs; say what became of a row.",
        ),
        "cache": (
            "dataflow_core.cli.cache:command",
            "List, explain and remove the answers of models that are kept.",
        ),
        "export": (
            "dataflow_core.cli.export:command",
            "Write the result of a run, or a file, as training data.",
        ),
        "demo": ("dataflow_core.cli.demo:command", "Run the main job on bundled data."),
        "migrate": (
            "dataflow_core.cli.migrate:command",
            "Read and rewrite scripts of the earlier system.",
        ),
    },
    "What is installed": {
        "operators": ("dataflow_core.cli.catalogue.operators:command", "List and show operators."),
        "pipelines": ("dataflow_core.cli.catalogue.pipelines:command", "List and show pipelines."),
        "prompts": (
            "dataflow_core.cli.catalogue.prompts:command",
            "List, show and render prompts.",
        ),
        "servings": (
            "dataflow_core.cli.catalogue.servings:command",
            "List, show and check servings.",
        ),
        "storages": ("dataflow_core.cli.catalogue.storages:command", "List and show storages."),
        "models": (
            "dataflow_core.cli.models:command",
            "Fetch, list and remove models that need no server.",
        ),
        "plugins": ("dataflow_core.cli.plugins:command", "List, show and examine plugins."),
    },
    "Plugins of one's own": {
        "new-plugin": (
            "dataflow_core.cli.new_plugin:command",
            "Write a plugin to start from, with tests.",
        ),
        "new-operator": (
            "dataflow_core.cli.new_operator:command",
            "Add an operator to the plugin in this folder.",
        ),
        "new-pipeline": (
            "dataflow_core.cli.new_pipeline:command",
            "Add a pipeline to the plugin in this folder.",
        ),
    },
    "This installation": {
        "doctor": (
            "dataflow_core.cli.doctor.command:command",
            "Examine this installation, and say how to mend what is wrong.",
        ),
        "completion": (
            "dataflow_core.cli.completion.command:command",
            "Print what makes a shell complete command lines.",
        ),
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Args:
        arguments: The command line without the program's name; None for that of the process.
    """
    _start_lightly()
    is_program = arguments is None  # and not a part of somebody else's, which goes on
    if is_program and os.environ.get(VARIABLE):
        from dataflow_core.cli.completion.answering import answer

        return answer(program, PROGRAM)
    if is_program:
        tell_deprecations_plainly()
    try:
        code = _exit_code(arguments)
        if code == INTERRUPTED and is_program:
            end_with(code)
    except KeyboardInterrupt:  # pressed again, while the first was told of
        code = INTERRUPTED
        if is_program:
            end_with(code)
    return code


def _exit_code(arguments: Sequence[str] | None) -> int:
    """Run the program, and tell of the error that ended it."""
    color = _is_coloured()
    try:
        code = program.main(
            args=None if arguments is None else list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
            obj=PluginManager(),
            color=color,
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        return _stopped(error)
    except DataflowError as error:
        refused = error.unknown_name or isinstance(error, (PlanError, ConfigurationError))
        code = REFUSED if refused else FAILED
        label = click.style("Error:", fg="red", bold=True)
        click.echo(f"{label} {error}", err=True, color=color)
        return code
    return code or 0


def _is_coloured() -> bool | None:
    """Return whether to write colours; None for where there is a terminal, and not elsewhere."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return False if os.environ.get("TERM") == "dumb" else None


def _start_lightly() -> None:
    """Save a third of the time that importing pandas, and leaving it, takes.

    NumPy's linear algebra, of which tables need nothing, starts a thread a core when it is loaded;
    whoever needs them says so in the environment, or raises the number later. Of the objects made
    while importing next to none is ever garbage, and at the end the process goes with all of them.
    Pydantic looks for plugins of its own in the metadata of all distributions, where a file that
    cannot be read would end every command; whoever has such plugins names others to disable.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(10_000, 20, 20)
    atexit.register(gc.freeze)


class Program(LazyGroup):
    """The group of all commands; with ``--debug`` it shows the traceback of an error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except (DataflowError, KeyboardInterrupt):
            if ctx.params.get("debug"):
                traceback.print_exc()
            raise


def _show_version(context: click.Context, _: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"{PROGRAM} {__version__}")
        context.exit()


@click.group(
    cls=Program,
    built_ins=BUILT_INS,
    name=PROGRAM,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--debug",
    is_flag=True,
    envvar="DATAFLOW_DEBUG",
    help="Show the traceback of an error.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def program(context: click.Context, *, debug: bool) -> None:  # noqa: ARG001  Program reads it
    """Generate, evaluate, filter and refine training data for language models, reproducibly."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@program.result_callback()
def _discard(*_: Any, **__: Any) -> None:
    """Drop what a command returns, which would count as an exit code."""


def _stopped(error: BaseException) -> int:
    """Tell an interrupt from an input that ended at a question."""
    if isinstance(error, click.Abort) and not isinstance(error.__cause__, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        return FAILED
    stopped = next((one for one in _causes(error) if isinstance(one, RunStopped)), None)
    click.echo(str(stopped or "Interrupted."), err=True)
    return INTERRUPTED


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it: Ctrl-C pressed again hides that a run was stopped."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
