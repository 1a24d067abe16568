"""Fixtures for tests of operators, pipelines and plugins; pytest finds them by itself.

All that they need is imported when they are used: pytest imports this module in every project of an
environment.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dataflow_core import MemoryStorage, Storage
    from dataflow_core.plugins import PluginManager
    from dataflow_core.testing import ScriptedServing
    from dataflow_core.testing.steps import Step
    from dataflow_core.testing.temporary_runs import TemporaryRun


@pytest.fixture
def dataflow_scripted_serving() -> Iterator[Callable[..., ScriptedServing]]:
    """Makes servings that answer as a script says; they are closed in the end.

    ``dataflow_scripted_serving({"2+2": "4"})``; without a script, each answer is the question.
    """
    from dataflow_core.testing import ScriptedServing

    with contextlib.ExitStack() as opened:

        def make(script: Any = None, **fields: Any) -> ScriptedServing:
            serving = ScriptedServing(_echo if script is None else script, **fields)
            opened.callback(serving.close)
            return serving

        yield make


@pytest.fixture
def dataflow_memory_storage() -> Callable[..., MemoryStorage]:
    """Makes tables in memory: ``dataflow_memory_storage({"text": "one"}, {"text": None})``."""
    from dataflow_core import MemoryStorage

    def make(*rows: Mapping[str, Any]) -> MemoryStorage:
        return MemoryStorage(rows)

    return make


@pytest.fixture
def dataflow_run(tmp_path: Path) -> Callable[..., TemporaryRun]:
    """Runs operators by the engine in a temporary directory.

    ``dataflow_run(rows, first, (second, {"input_text": "title"})).rows``; also ``.dropped``,
    ``.quarantined`` and ``.report``. Further arguments are those of `run_plan`: ``batch_size=2``.
    """
    from dataflow_core.testing.temporary_runs import run_steps

    runs = itertools.count(1)

    def run(
        source: Storage | Iterable[Mapping[str, Any]], *steps: Step, **options: Any
    ) -> TemporaryRun:
        return run_steps(source, steps, tmp_path / f"dataflow-run-{next(runs)}", **options)

    return run


@pytest.fixture
def dataflow_plugin_manager() -> PluginManager:
    """A plugin manager that looks for no plugin: it has the core alone, whatever is installed."""
    from dataflow_core.plugins import PluginManager

    return PluginManager(discover=False, disabled=())


def _echo(text: str) -> str:
    return text
