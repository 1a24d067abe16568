"""Observers hear of a run's events, and cannot break it."""

from __future__ import annotations

import logging

import pytest

from dataflow_core.errors import PluginError
from dataflow_core.plugins import PluginManager, hookimpl

WATCHER = """
    heard = []

    @hookimpl
    def dataflow_before_step(step):
        heard.append(("before", step))

    @hookimpl
    def dataflow_after_step(outcome):
        heard.append(("after", outcome))

    @hookimpl
    def dataflow_on_pipeline_error(plan, error):
        heard.append((plan, error))
"""
RAISING = """
    calls = []

    @hookimpl
    def dataflow_before_step(step):
        calls.append(step)
        raise {error}

    @hookimpl
    def dataflow_after_step(step, outcome):
        calls.append(outcome)
"""


def module(name):
    return __import__(name, fromlist=["x"])


def test_observer_gets_the_arguments_that_it_asks_for(site):
    site.add("dataflow-watcher", "watcher", WATCHER)
    manager, error = site.manager(), ValueError("x")
    manager.notify("before_step", step="s1")
    manager.notify("after_step", step="s1", outcome=7)
    manager.notify("on_pipeline_error", plan="p", error=error)
    assert module("dataflow_watcher._plugin").heard == [
        ("before", "s1"),
        ("after", 7),
        ("p", error),
    ]


@pytest.mark.parametrize("error", ["ValueError('dizzy')", "SystemExit('dizzy')"])
def test_observer_that_raises_is_reported_once_and_dropped(site, caplog, error):
    site.add("dataflow-raising", "raising", RAISING.format(error=error))
    site.add("dataflow-watcher", "watcher", WATCHER)
    manager = site.manager()
    with caplog.at_level(logging.WARNING, logger="dataflow"):
        for step in ("s1", "s2"):
            manager.notify("before_step", step=step)
            manager.notify("after_step", step=step, outcome=None)
    assert module("dataflow_raising._plugin").calls == ["s1"]
    assert len(module("dataflow_watcher._plugin").heard) == 4
    (problem,) = manager.problems
    assert problem.cause.endswith("dizzy")
    (record,) = caplog.records
    assert "dataflow_before_step of plugin 'raising' (dataflow-raising 1.0)" in record.message


def test_dropped_observer_is_dropped_for_its_manager_only(site):
    site.add("dataflow-raising", "raising", RAISING.format(error="ValueError('dizzy')"))
    for _ in range(2):
        site.manager().notify("before_step", step="s")
    assert module("dataflow_raising._plugin").calls == ["s", "s"]


def test_strict_manager_raises_what_an_observer_raises(site):
    site.add("dataflow-raising", "raising", RAISING.format(error="ValueError('dizzy')"))
    with pytest.raises(PluginError, match=r"dataflow_before_step of plugin 'raising'.*dizzy"):
        site.manager(strict=True).notify("before_step", step="s")


def test_interrupt_in_an_observer_is_not_swallowed(site):
    site.add("dataflow-raising", "raising", RAISING.format(error="KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        site.manager().notify("before_step", step="s")


def test_unknown_event_is_an_error(site):
    with pytest.raises(PluginError, match=r"no event 'befor_step'. Did you mean 'before_step'\?"):
        site.manager().notify("befor_step", step="s")


class Watching:
    """An observer that a program makes."""

    def __init__(self, error=None):
        self.heard, self.error = [], error

    @hookimpl
    def dataflow_on_progress(self, update):
        self.heard.append(update)
        if self.error is not None:
            raise self.error


def test_a_program_can_have_an_object_observe_beside_the_plugins(site):
    site.add("dataflow-watcher", "watcher", WATCHER)
    manager, watching = site.manager(), Watching()
    manager.notify("before_step", step="s1")
    manager.observe(watching, "mine")
    manager.notify("on_progress", update=3)
    manager.notify("before_step", step="s2")
    assert watching.heard == [3]
    assert module("dataflow_watcher._plugin").heard == [("before", "s1"), ("before", "s2")]


def test_an_object_that_raises_is_reported_once_and_dropped_as_plugins_are(caplog):
    manager = PluginManager(discover=False)
    broken, sound = Watching(ValueError("dizzy")), Watching()
    manager.observe(broken, "broken")
    manager.observe(sound, "sound")
    with caplog.at_level(logging.WARNING, logger="dataflow"):
        for number in range(3):
            manager.notify("on_progress", update=number)
    assert (broken.heard, sound.heard) == ([0], [0, 1, 2])
    (record,) = caplog.records
    assert "dataflow_on_progress of plugin 'broken'" in record.message
    assert "test_observers.Watching" in record.message
    assert "dizzy" in record.message


def test_an_object_that_cannot_observe_is_refused():
    class Unmarked:
        def dataflow_before_step(self, step):
            """Do nothing."""

    class Wrong:
        @hookimpl
        def dataflow_before_step(self, stage):
            """Do nothing."""

    manager = PluginManager(discover=False)
    with pytest.raises(PluginError, match="not marked as a hook"):
        manager.observe(Unmarked(), "unmarked")
    with pytest.raises(PluginError, match="stage"):
        manager.observe(Wrong(), "wrong")
    manager.observe(Watching(), "mine")
    with pytest.raises(PluginError, match="'mine'"):
        manager.observe(Watching(), "mine")
    manager.notify("before_step", step="s")
