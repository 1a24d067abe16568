"""What writes the report of a run into its directory: an observer, the engine's own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataflow_core.engine.report import Report
from dataflow_core.engine.rundir import RunDirectory
from dataflow_core.pipeline.plan import Plan

REPORT, PAGE = "report.json", "report.html"
_RUN_PLAN = 5
"""So many calls up from a warning is the call of `run_plan`'s caller."""


@dataclass
class ReportWriter:
    """Writes ``report.json`` and ``report.html`` once a run is done.

    It is told as all observers are, and before them, so that they find both. A file that cannot be
    written is told in a warning, and loses nothing: the output is in its place by then.

    Args:
        directory: The run's directory.
        asked: What was asked of the run, as in ``run.json``.

    Attributes:
        page: The page for a browser, once it is written.
    """

    directory: RunDirectory
    asked: Mapping[str, Any]
    page: Path | None = None

    def __call__(self, event: str, **told: Any) -> None:
        """Hear of an event of the run."""
        if event == "after_pipeline":
            self._write(told["plan"], told["report"])

    def _write(self, plan: Plan, report: Report) -> None:
        from dataflow_core.engine.page import render

        try:
            self._remove_earlier(PAGE)
            page = render(report, plan, {**self.asked, "state": "done"})
            self.page = self.directory.write_text(PAGE, page)
        except Exception as error:  # noqa: BLE001  whatever it is, no work may be lost for it
            self._warn(PAGE, error)
        try:
            self._remove_earlier(REPORT)
            self.directory.write_json(REPORT, replace(report, page=self.page).as_dict())
        except Exception as error:  # noqa: BLE001
            self._warn(REPORT, error)

    def _remove_earlier(self, name: str) -> None:
        """Remove the report of an earlier run in this directory, which is none of this one."""
        (self.directory.path / name).unlink(missing_ok=True)

    def _warn(self, name: str, error: Exception) -> None:
        warnings.warn(
            f"the run is done, but {self.directory.path / name} could not be written: "
            f"{type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=_RUN_PLAN + 1,
        )
