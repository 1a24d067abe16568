"""Plugins that implement deprecated hooks work on, and are told of them."""

from pathlib import Path

import pytest

from dataflow_core.deprecations import Deprecation
from dataflow_core.errors import DataflowDeprecationWarning
from dataflow_core.plugins import examine, hookspecs

STEP = Deprecation(
    what="the hook dataflow_before_step",
    since="0.1",
    removed_in="9.0",
    instead="dataflow_on_progress",
)
REPORT = Deprecation(
    what="the argument report of dataflow_after_pipeline", since="0.1", removed_in="9.0"
)
HOOKS = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel.",
                             function="refine")]

    @hookimpl
    def {hook}({argument}):
        pass
"""


@pytest.fixture
def _deprecating(monkeypatch):
    """A core in which a hook and an argument of another are deprecated."""
    deprecated = {
        "dataflow_before_step": STEP,
        "dataflow_after_pipeline.report": REPORT,
    }
    for name in ("dataflow_before_step", "dataflow_after_pipeline"):
        specification = getattr(hookspecs, name)
        monkeypatch.setattr(hookspecs, name, hookspecs.hookspec(specification, deprecated))
    yield
    for name in ("dataflow_before_step", "dataflow_after_pipeline"):
        hookspecs.hookspec(getattr(hookspecs, name))  # The mark is the function's own.


@pytest.mark.usefixtures("_deprecating")
@pytest.mark.parametrize(
    ("hook", "argument", "deprecation"),
    [
        ("dataflow_before_step", "step", STEP),
        ("dataflow_after_pipeline", "report", REPORT),
    ],
)
def test_a_plugin_with_a_deprecated_hook_or_argument_is_warned(site, hook, argument, deprecation):
    site.add("dataflow-fruit", "fruit", HOOKS.format(hook=hook, argument=argument))
    manager = site.manager()
    with pytest.warns(DataflowDeprecationWarning) as told:
        assert "fruit/peel" in [item.full_name for item in manager.operators()]
    assert [str(one.message) for one in told] == [deprecation.message]
    assert Path(told[0].filename) == site.folder / "dataflow_fruit" / "_plugin.py"
    findings = examine(manager, "fruit")
    assert deprecation.message in [one.cause for one in findings if one.level == "warning"]


@pytest.mark.usefixtures("_deprecating")
def test_a_plugin_without_them_is_not_warned(site):
    hooks = HOOKS.format(hook="dataflow_after_pipeline", argument="run_dir")
    site.add("dataflow-fruit", "fruit", hooks)
    assert site.manager().problems == ()
