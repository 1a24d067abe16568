"""Pipelines and plans: operators in order, compiled and checked, in Python or as recipes.

Each name is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.pipeline.base import Pipeline
    from dataflow_core.pipeline.checks import Problem, check_plan
    from dataflow_core.pipeline.plan import Plan, Stage, Step, TableRef
    from dataflow_core.pipeline.python_source import to_python
    from dataflow_core.pipeline.recipe import from_yaml, load_recipe, to_yaml

_HOMES = {
    "Pipeline": "pipeline.base",
    "Plan": "pipeline.plan",
    "Problem": "pipeline.checks",
    "Stage": "pipeline.plan",
    "Step": "pipeline.plan",
    "TableRef": "pipeline.plan",
    "check_plan": "pipeline.checks",
    "from_yaml": "pipeline.recipe",
    "load_recipe": "pipeline.recipe",
    "to_python": "pipeline.python_source",
    "to_yaml": "pipeline.recipe",
}

__all__ = [
    "Pipeline",
    "Plan",
    "Problem",
    "Stage",
    "Step",
    "TableRef",
    "check_plan",
    "from_yaml",
    "load_recipe",
    "to_python",
    "to_yaml",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within="dataflow_core")
