"""What ``--param`` may set of a pipeline's steps: ``STEP.FIELD``, and no operator is imported."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataflow_core.plugins.manager import PluginManager
from dataflow_core.plugins.source_fields import fields_of

STORED = "run.json"


def of_recipe(manager: PluginManager, path: Path) -> Iterator[str]:
    """Yield the settings of the steps in a recipe.

    Args:
        manager: The plugins.
        path: The recipe.
    """
    import yaml

    recipe = yaml.safe_load(path.read_bytes())
    targets = {one.full_name: one.spec.target for one in manager.operators()}
    for step in recipe["steps"]:
        operator = step["operator"]
        named = step.get("name", operator.rpartition("/")[2].rpartition(":")[2])
        yield from _of_step(named, targets.get(operator, operator))


def of_run(folder: Path) -> Iterator[str]:
    """Yield the settings of the steps of a run."""
    plan = json.loads((folder / STORED).read_bytes())["plan"]
    for step in plan["steps"]:
        yield from _of_step(step["name"], step["operator"])


def of_constructor(module: str, method: ast.FunctionDef) -> Iterator[str]:
    """Yield the settings of the steps that a pipeline's constructor makes by ``self.STEP = …``."""
    for node in ast.walk(method):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=step)],
                value=ast.Call(func=ast.Name(id=name)),
            ):
                yield from _of_step(step, f"{module}:{name}")


def _of_step(step: Any, target: str) -> Iterator[str]:
    module, _, name = target.partition(":")
    yield from (f"{step}.{field}" for field in fields_of(module, name))
