"""The report of a run as a page for a browser: one file that loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from dataflow_core.engine.page.content import content_of
from dataflow_core.engine.report import Report
from dataflow_core.pipeline.plan import Plan

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render"]


def render(report: Report, plan: Plan, asked: Mapping[str, Any]) -> str:
    """Return the page of a report.

    Args:
        report: The report.
        plan: The plan that ran.
        asked: What ``run.json`` says: sources, options, versions; what it lacks is left out.
    """
    return _template().render(content_of(report, plan, asked))


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    folder = resources.files(__name__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["css"] = Markup((folder / "page.css").read_text("utf-8"))  # noqa: S704  ours
    return environment.from_string((folder / "page.html.jinja").read_text("utf-8"))
