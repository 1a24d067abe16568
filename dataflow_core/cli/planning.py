"""What PIPELINE, --input and --param mean: a pipeline, its source and its parameters."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.parameters import (
    arguments_of,
    needs_serving,
    pairs,
    takes_serving,
    with_settings,
)
from dataflow_core.errors import ConfigurationError, DataflowError, PlanError, SourceError

if TYPE_CHECKING:
    from dataflow_core.pipeline.checks import Problem
    from dataflow_core.pipeline.plan import Plan
    from dataflow_core.plugins import PluginManager
    from dataflow_core.serving.base import Serving
    from dataflow_core.storage.base import Storage

Command = Callable[..., Any]

RECIPES = (".yaml", ".yml")
"""The endings of recipes."""

_LOOK = 64


@dataclass(frozen=True)
class Asked:
    """What a command line says about the pipeline and its input.

    Attributes:
        pipeline: A registered name, a recipe file, or ``module:Class``.
        source: The input, or None.
        params: ``NAME=VALUE`` texts.
        on_bad_row: What to do with rows that cannot be read.
        types: ``COLUMN=TYPE`` texts.
        serving: The specification of the serving that its steps use.
        rounds: How often the rows of the input come.
    """

    pipeline: str
    source: str | None
    params: tuple[str, ...] = ()
    on_bad_row: str = "error"
    types: tuple[str, ...] = ()
    serving: str | None = None
    rounds: int = 1


def pipeline_options(command: Command) -> Command:
    """Add the options by which commands name a pipeline and its input; they arrive as ``asked``."""
    decorators = [
        click.argument("pipeline", shell_complete=words.pipelines),
        click.option(
            "--input", "-i", "source", metavar="SOURCE", shell_complete=words.sources,
            help="A file, pattern, folder or URL.",
        ),
        click.option(
            "--param", "-p", "params", multiple=True, metavar="NAME=VALUE",
            shell_complete=words.parameters,
            help="A parameter of the pipeline, or a step's as STEP.FIELD=VALUE. Repeatable.",
        ),
        click.option(
            "--serving", metavar="SPEC", shell_complete=words.servings,
            help="The model that steps ask, such as openai:gpt-4o-mini, "
            "openai:NAME@http://localhost:8000/v1, or embedded: for a small one on this machine.",
        ),
        click.option(
            "--on-bad-row", type=click.Choice(["error", "quarantine"]), default="error",
            show_default=True, help="What to do with rows that cannot be read.",
        ),
        click.option(
            "--column-type", "types", multiple=True, metavar="COLUMN=TYPE",
            help="For CSV and TSV: string, int64, float64 or bool. Repeatable.",
        ),
        click.option(
            "--rounds", type=click.IntRange(min=1), default=1, metavar="N",
            help="Go over the input so many times, each time for rows of their own: more "
            "candidates for a pipeline that wants so many good rows.",
        ),
    ]  # fmt: skip
    return gathered(command, "asked", Asked, decorators)


def gathered(
    command: Command, name: str, kind: type, decorators: Sequence[Callable[[Command], Command]]
) -> Command:
    """Return a command with further options, which arrive as one object.

    Args:
        command: The command.
        name: The parameter as which they arrive.
        kind: A data class with a field for each.
        decorators: What adds each option, in order.
    """

    @functools.wraps(command)
    def gathering(*arguments: Any, **options: Any) -> Any:
        told = kind(**{field.name: options.pop(field.name) for field in fields(kind)})
        return command(*arguments, **{name: told}, **options)

    decorated: Command = gathering
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


def load_plan(manager: PluginManager, asked: Asked, *, needs_input: bool = False) -> Plan:
    """Return the plan that a command line names, unchecked.

    Args:
        manager: The plugins.
        asked: What the command line says.
        needs_input: Whether an input must be given.

    Raises:
        DataflowError: The pipeline, a parameter or the input is wrong.
        UsageError: There is no input where one is needed.
    """
    if is_lock(asked.pipeline):
        return _locked(manager, asked)
    _require_known_file(asked.pipeline)
    if needs_input and asked.source is None:
        raise click.UsageError(
            "--input is missing: name a file, a pattern such as 'data/*.jsonl', or a folder."
        )
    types = pairs(asked.types, "--column-type")
    storage = repeated(open_storage(manager, asked.source, asked.on_bad_row, types), asked.rounds)
    given = pairs(asked.params, "--param")
    serving = None if asked.serving is None else _serving(manager, asked.serving)
    if asked.pipeline.endswith(RECIPES):
        return _recipe(manager, Path(asked.pipeline), given, storage, serving)
    found = _pipeline_class(manager, asked.pipeline)
    own = {name: text for name, text in given.items() if "." not in name}
    of_steps = {name: text for name, text in given.items() if "." in name}
    plan = _compiled(found, asked.pipeline, own, storage, serving, _stand_in(of_steps))
    return _with_own_settings(plan, of_steps)


def _stand_in(of_steps: Mapping[str, str]) -> Serving | None:
    """Return what stands in for servings that the settings of steps may give; None without any."""
    if not of_steps:
        return None
    from dataflow_core.serving.placeholder import Placeholder

    return Placeholder()


def _with_own_settings(plan: Plan, of_steps: Mapping[str, str]) -> Plan:
    """Return a plan with the settings of its steps.

    Raises:
        ConfigurationError: One is wrong, or a step has no serving still.
    """
    if not of_steps:
        return plan
    from dataflow_core.pipeline.settings import require_servings

    whole = with_settings(plan, of_steps)
    require_servings(whole)
    return whole


def is_lock(pipeline: str) -> bool:
    """Tell whether PIPELINE is the lock of a run, whatever the file's name."""
    if pipeline.endswith(".lock"):
        return True
    try:
        with Path(pipeline).open("rb") as file:
            head = file.read(_LOOK).split()
    except OSError:  # no file
        return False
    return head[:2] == [b"{", b'"dataflow_lock":']


def _require_known_file(pipeline: str) -> None:
    """Refuse a file that is neither a recipe nor a lock, before an input is asked for.

    Raises:
        PlanError: It is such a file.
    """
    path = Path(pipeline)
    if path.suffix and not pipeline.endswith(RECIPES) and path.is_file():
        raise PlanError(
            f"{pipeline} is no pipeline: recipes are files that end in {' or '.join(RECIPES)}, "
            "and the lock of a run is its run.lock. A class of a Python file is named MODULE:CLASS."
        )
    if pipeline.isidentifier() and path.with_suffix(".py").is_file():
        raise PlanError(
            f"{pipeline} is no pipeline. If you mean a class in {pipeline}.py, name it as "
            f"{pipeline}:CLASS."
        )


def _locked(manager: PluginManager, asked: Asked) -> Plan:
    """Return the plan of a run's lock, over its input or the one that is given."""
    from dataflow_core.engine.lockfile import Lock

    if asked.serving is not None:
        raise click.UsageError(
            "--serving would make another run of a lock; run the pipeline itself."
        )
    find_own_modules()
    lock = Lock.read(Path(asked.pipeline))
    told = lock.content["input"]
    storage = open_storage(
        manager,
        asked.source or lock.source,
        told.get("on_bad_row", asked.on_bad_row),
        told.get("types", {}),
    )
    if storage is None:
        raise click.UsageError("--input is missing: the run that is locked had no file as input.")

    storage = repeated(storage, told.get("rounds", 1))
    plan = _with_secrets(lock.plan(storage, _resolver(manager)), pairs(asked.params, "--param"))
    lock.require_same(plan, lock.content["limit"])
    if lock.note is not None:
        click.echo(lock.note, err=True)
    return plan


def _with_secrets(plan: Plan, given: Mapping[str, str]) -> Plan:
    """Return the plan of a lock with the secrets that it does not tell.

    Raises:
        PlanError: One is still missing.
        UsageError: Something else is given.
    """
    from dataflow_core.pipeline.checks import check_plan, require_sound
    from dataflow_core.pipeline.secrets import hidden_fields

    hidden = {f"{step}.{name}" for step, name in hidden_fields(plan)}
    if set(given) - hidden:
        raise click.UsageError("--param would make another run of a lock; run the pipeline itself.")
    whole = with_settings(plan, given)
    missing = [one for one in check_plan(whole, None) if one.code == "hidden_secret"]
    require_sound(whole, missing)
    return whole


def locked_limit(path: str, given: int | None) -> int | None:
    """Return the most rows that a locked run read.

    Raises:
        UsageError: Another limit is given.
    """
    from dataflow_core.engine.lockfile import Lock

    if given is not None:
        raise click.UsageError("--limit would make another run of a lock; run the pipeline itself.")
    found: int | None = Lock.read(Path(path)).content["limit"]
    return found


def check(plan: Plan) -> list[Problem]:
    """Return the problems of a plan, against its source's columns where there is one."""
    from dataflow_core.pipeline.checks import check_plan
    from dataflow_core.pipeline.plan import SOURCE

    storage = plan.sources[SOURCE]
    return check_plan(plan, storage.columns() if storage is not None else None)


def require_ready(
    plan: Plan, folder: str | Path | None = None, cache: str | Path | None = None
) -> list[Problem]:
    """Refuse a plan that has problems or cannot run here, and return what there is to warn of.

    What a serving lacks, such as its key, is a warning where answers are kept: they may be all that
    is needed.

    Args:
        plan: The plan.
        folder: The run directory; None for a new one.
        cache: The store in place of the run's own; None for that.

    Raises:
        PlanError: The plan must not run.
    """
    from dataflow_core.engine.run_paths import RUNS
    from dataflow_core.pipeline.checks import check_servings, require_sound

    problems, lacks = check(plan), check_servings(plan)
    if lacks and _has_answers(Path(folder or RUNS / "new"), cache):
        lacks = [dataclasses.replace(one, level="warning") for one in lacks]
    require_sound(plan, [*problems, *lacks])
    return [*problems, *lacks]


def _has_answers(folder: Path, cache: str | Path | None) -> bool:
    """Return whether there is a store in which a run looks for answers."""
    from dataflow_core.engine.answers import answer_stores

    own, others = answer_stores(folder, None if cache is None else Path(cache))
    return bool(others) or own.exists()


def cache_of(plan: Plan) -> Path | None:
    """Return where previews and estimates keep what models answer; None where none is asked."""
    from dataflow_core.engine.calls import asking_steps
    from dataflow_core.engine.run_paths import REQUESTS, RUNS

    return RUNS / REQUESTS if asking_steps(plan) else None


def open_storage(
    manager: PluginManager, source: str | None, on_bad_row: str, types: Mapping[str, str]
) -> Storage | None:
    """Return the storage for an input: by its URL's scheme from a plugin, else from files.

    Raises:
        DataflowError: No plugin opens the scheme, its storage does not take what is asked for, or
            the files are of a kind that a plugin's storage alone reads.
    """
    if source is None:
        return None
    registered = manager.resolve_storage(source)
    if registered is None:
        _require_scheme(manager, source)
    cls = _file_storage() if registered is None else manager.load(registered)
    storage: Storage = cls(source, **_storage_options(cls, source, on_bad_row, types))
    return storage


def repeated(storage: Storage | None, rounds: int) -> Storage | None:
    """Return a storage whose rows come so often."""
    if storage is None or rounds == 1:
        return storage
    from dataflow_core.storage.repeated import RepeatedStorage

    return RepeatedStorage(storage, rounds)  # type: ignore[arg-type]  # which it checks


def _require_scheme(manager: PluginManager, source: str) -> None:
    """Refuse a path without a scheme where its ending is known to a plugin's storage alone."""
    path = Path(source)
    if not (found := manager.storages_reading(path.name)) or path.is_dir():
        return
    from dataflow_core.storage.formats.endings import format_of

    if format_of(path) is None:
        ways = " or ".join(f"{one.spec.schemes[0]}:{source} ({one.full_name})" for one in found)
        raise SourceError(f"{source}: files of this kind are opened by scheme; name it as {ways}.")


def _file_storage() -> Any:
    from dataflow_core.storage.file import FileStorage

    return FileStorage


def _storage_options(
    cls: Any, source: str, on_bad_row: str, types: Mapping[str, str]
) -> dict[str, Any]:
    """Return what was asked for, if the storage's constructor takes it."""
    given: dict[str, tuple[str, Any]] = {}
    if on_bad_row != "error":
        given["on_bad_row"] = ("--on-bad-row", on_bad_row)
    if types:
        given["types"] = ("--column-type", types)
    taken = inspect.signature(cls).parameters
    for name, (option, _) in given.items():
        if name not in taken:
            raise ConfigurationError(
                f"{source}: {cls.__name__} does not take {option}; leave it out."
            )
    return {name: value for name, (_, value) in given.items()}


def _pipeline_class(manager: PluginManager, pipeline: str) -> Any:
    if ":" not in pipeline:
        return manager.load(manager.find("pipeline", pipeline))
    from dataflow_core.pipeline.recipe import import_target

    find_own_modules()
    return import_target(pipeline)


def find_own_modules() -> None:
    """Let ``module:Class`` name modules of the working directory, as with ``python -m``."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def _resolver(manager: PluginManager) -> Callable[[str], Any]:
    """Return what finds an operator by its registered name."""
    return lambda name: manager.load(manager.find("operator", name))


def _serving(manager: PluginManager, spec: str) -> Serving:
    from dataflow_core.serving.spec import serving_from_spec

    return serving_from_spec(spec, manager)


def _compiled(
    cls: Any,
    name: str,
    given: Mapping[str, str],
    storage: Storage | None,
    serving: Serving | None,
    stand_in: Serving | None = None,
) -> Plan:
    """Return the plan of a pipeline's class.

    Args:
        cls: The class.
        name: What it is called.
        given: The arguments of its constructor, as texts.
        storage: The main source.
        serving: The serving of its steps; None for their own.
        stand_in: What a constructor gets that needs a serving, where steps get theirs later.

    Raises:
        DataflowError: It is no pipeline, or cannot be made.
    """
    from dataflow_core.pipeline.base import Pipeline
    from dataflow_core.pipeline.settings import with_serving

    if not (isinstance(cls, type) and issubclass(cls, Pipeline)):
        raise PlanError(
            f"{name} is no pipeline: a class derived from dataflow_core.Pipeline wanted."
        )
    arguments = arguments_of(cls, name, given)
    takes = takes_serving(cls, name, {*given, *(["serving"] if serving or stand_in else [])})
    if takes and serving is not None:
        arguments["serving"] = serving
    elif takes and stand_in is not None and needs_serving(cls):
        arguments.setdefault("serving", stand_in)
    plan = _made(cls, name, arguments, storage, stand_in if takes else None, takes=takes)
    return plan if serving is None or takes else with_serving(plan, serving)


def _made(
    cls: Any,
    name: str,
    arguments: Mapping[str, Any],
    storage: Storage | None,
    stand_in: Serving | None,
    *,
    takes: bool,
) -> Plan:
    """Make a pipeline and compile it; where its default is no serving, once more with a stand-in.

    Raises:
        DataflowError: It cannot be made or compiled.
    """
    from dataflow_core.pipeline.settings import NEEDS_ONE

    try:
        plan: Plan = cls(storage, **arguments).compile(check=False)
    except DataflowError as error:
        if not takes or "serving" in arguments or "serving: " not in str(error):
            raise
        if stand_in is None:
            raise ConfigurationError(f"{name} {NEEDS_ONE}") from error  # its default was None
        return _made(cls, name, {**arguments, "serving": stand_in}, storage, None, takes=takes)
    except Exception as error:
        raise PlanError(
            f"the pipeline {name} raises {type(error).__name__} when it is made or compiled: "
            f"{error}. See where with `dataflow --debug`."
        ) from error
    return plan


def _recipe(
    manager: PluginManager,
    path: Path,
    given: Mapping[str, str],
    storage: Storage | None,
    serving: Serving | None,
) -> Plan:
    from dataflow_core.pipeline.recipe import load_recipe

    find_own_modules()
    stand_in = None if serving is not None else _stand_in(given)
    plan = load_recipe(path, _resolver(manager), storage, serving=serving, stand_in=stand_in)
    return _with_own_settings(plan, given)
