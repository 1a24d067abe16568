"""The hooks that a plugin may implement, by the phase in which they are called.

A plugin's hook module marks its functions with `hookimpl`; a function may take fewer arguments than
its hook has. Hooks may not be wrappers: an observer cannot change a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from dataflow_core.deprecations import HOOKS, Deprecation

if TYPE_CHECKING:
    from pathlib import Path

    from dataflow_core.plugins.specs import (
        CommandSpec,
        EngineSpec,
        OperatorSpec,
        PipelineSpec,
        PromptSpec,
        ServingSpec,
        StorageSpec,
        TemplateSpec,
    )

PROJECT = "dataflow"

Specification = TypeVar("Specification", bound=Callable[..., object])

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin's hook module as the implementation of the hook of the same name."""


def hookspec(
    specification: Specification, deprecated: Mapping[str, Deprecation] = HOOKS
) -> Specification:
    """Mark a function as the specification of a hook.

    Args:
        specification: The function.
        deprecated: The deprecated hooks, and arguments of hooks as ``"hook.argument"``: a plugin
            that implements them is warned.
    """
    name = specification.__name__
    arguments = {
        key.removeprefix(f"{name}."): deprecation.warning()
        for key, deprecation in deprecated.items()
        if key.startswith(f"{name}.")
    }
    hook = deprecated.get(name)
    return pluggy.HookspecMarker(PROJECT)(
        specification,
        warn_on_impl=hook.warning() if hook else None,
        warn_on_impl_args=arguments or None,
    )


# Registration: called once, in this order, when something is first looked up. Return specs only;
# the module that a spec's target names is imported when the target is used.


@hookspec
def dataflow_register_operators() -> Iterable[OperatorSpec]:  # type: ignore[empty-body]
    """Return the plugin's operators.

    Example:
        >>> from dataflow_core.plugins import OperatorSpec, hookimpl
        >>> @hookimpl
        ... def dataflow_register_operators():
        ...     return [
        ...         OperatorSpec(
        ...             name="word_count_filter",
        ...             target="dataflow_text.filters.word_count_filter:WordCountFilter",
        ...             summary="Keep texts whose number of words lies within bounds.",
        ...             function="filter",
        ...         )
        ...     ]
    """


@hookspec
def dataflow_register_pipelines() -> Iterable[PipelineSpec]:  # type: ignore[empty-body]
    """Return the plugin's pipelines."""


@hookspec
def dataflow_register_prompts() -> Iterable[PromptSpec]:  # type: ignore[empty-body]
    """Return the plugin's prompt templates."""


@hookspec
def dataflow_register_storages() -> Iterable[StorageSpec]:  # type: ignore[empty-body]
    """Return the plugin's storages, each with the URL schemes that it opens."""


@hookspec
def dataflow_register_servings() -> Iterable[ServingSpec]:  # type: ignore[empty-body]
    """Return the plugin's servings, each with the prefixes of its specifications."""


@hookspec
def dataflow_register_engines() -> Iterable[EngineSpec]:  # type: ignore[empty-body]
    """Return the plugin's engines."""


@hookspec
def dataflow_register_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Return the plugin's commands of the command line; ``--help`` shows name and summary."""


@hookspec
def dataflow_register_templates() -> Iterable[TemplateSpec]:  # type: ignore[empty-body]
    """Return the plugin's cookiecutter templates."""


# Observation: called while a plan runs, in the process that coordinates the run, never in a worker.
# What an observer returns is ignored. One that raises is reported once, and called no more.


@hookspec
def dataflow_before_pipeline(plan: Any, run_dir: Path) -> None:
    """Called when a run has its directory, before the first step.

    Args:
        plan: The compiled `dataflow_core.pipeline.Plan`.
        run_dir: The run's directory; it exists.
    """


@hookspec
def dataflow_before_step(step: Any) -> None:
    """Called before a step sees its first row.

    Args:
        step: The step of the plan: its name, operator and bindings.
    """


@hookspec
def dataflow_on_progress(update: Any) -> None:
    """Called when a stage begins, after each of its batches, and when it is through.

    An observer that takes long holds the run up at every batch. Branches of a pipeline are on at
    the same time, so that the updates of their stages come in turns.

    Args:
        update: The `dataflow_core.engine.progress.Update`: the stage, how many of about how many
            rows are done, and ``accounts()``, which returns what each of its steps did so far.
    """


@hookspec
def dataflow_after_step(step: Any, outcome: Any) -> None:
    """Called after a step has seen its last row.

    Args:
        step: The step of the plan.
        outcome: What the step did: rows in and out, dropped, quarantined, and its time.
    """


@hookspec
def dataflow_after_pipeline(plan: Any, run_dir: Path, report: Any) -> None:
    """Called when a run is done and its output is in place.

    Args:
        plan: The compiled plan.
        run_dir: The run's directory.
        report: The `dataflow_core.engine.report.Report`. It is in the run's directory already:
            what writes it is an observer too, the engine's own, and the first to be told.
    """


# Failure: called instead of the matching "after" hook; the error goes on to the caller. Every step
# that was begun ends with one of the two, and so does the run.


@hookspec
def dataflow_on_step_error(step: Any, error: BaseException) -> None:
    """Called when a step that was begun does not end; a row in quarantine is no failure of it.

    The steps of a stage work on the same batches, so that what ends one ends all that are not
    done. The one that the error is about is told of first. A run may go on nevertheless: where a
    row does not fit the types of the source's head, it begins its steps once more.

    Args:
        step: The step of the plan.
        error: What it raised, or what another step of its stage raised; or what stopped the run:
            `dataflow_core.errors.RunStopped`, or another KeyboardInterrupt.
    """


@hookspec
def dataflow_on_pipeline_error(plan: Any, error: BaseException) -> None:
    """Called when a run ends by an error, after `dataflow_on_step_error` where a step raised it.

    Args:
        plan: The compiled plan.
        error: What ended the run; KeyboardInterrupt too, since the run can be resumed.
    """
