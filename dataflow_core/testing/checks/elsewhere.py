"""What a process of its own sees of a plugin: what imports cost, and what operators give there.

The hashes of texts, and with them the order of sets, are others there.
"""

from __future__ import annotations

import functools
import os
from typing import Any, cast

from dataflow_core.errors import ConformanceError, PluginError
from dataflow_core.plugins import PluginManager
from dataflow_core.plugins.own_process import answer_of
from dataflow_core.testing.checks.accounts import Account, account_of
from dataflow_core.testing.example import Example
from dataflow_core.testing.spec_examples import example_of
from dataflow_core.testing.subject import Subject

_PROGRAM = """
import dataflow_core.operators, dataflow_core.operators.prompted, dataflow_core.operators.dataset
imports, sys.stdout = {}, sys.stderr
for module in task["modules"]:
    before, start = set(sys.modules), time.process_time()
    try:
        __import__(module)
        failed = ""
    except BaseException as error:
        failed = f"{type(error).__name__}: {error}"
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    seconds = time.process_time() - start
    imports[module] = {"seconds": seconds, "new": sorted(new), "failed": failed}
from dataflow_core.testing.checks.elsewhere import results_of
stdout.write(json.dumps({"imports": imports, "results": results_of(task["namespace"])}))
"""
_TIMEOUT = 600.0


def import_cost(namespace: str, module: str) -> dict[str, Any]:
    """Return what importing an operator's module takes, after the core.

    All modules of an installed plugin are imported in one process; each is charged with what it is
    the first to import.

    Args:
        namespace: The plugin.
        module: The module.

    Returns:
        The CPU time in ``seconds``, the packages that are ``new``, and how it ``failed``, if so.

    Raises:
        ConformanceError: The process fails.
    """
    found = _seen(namespace)["imports"].get(module)
    if found is None:  # its plugin is not among the installed ones
        found = _asked("", (module,))["imports"][module]
    return cast("dict[str, Any]", found)


def first_difference(subject: Subject, account: Account) -> str:
    """Return the first of an operator's results that another process has not; empty for none.

    Only operators of installed plugins are tried there, with the examples that their specifications
    name, all of a plugin in one process.

    Args:
        subject: The operator.
        account: What it gives here.

    Raises:
        ConformanceError: The process fails.
    """
    if subject.registered is None or not _is_as_specified(subject):
        return ""
    there = _seen(subject.registered.namespace)["results"].get(subject.name)
    here = _lines(account)
    if there is None or there == here:
        return ""
    differing = (f"{one} here, {other} there" for one, other in zip(here, there, strict=False)
                 if one != other)  # fmt: skip
    return next(differing, f"{len(here)} results here, {len(there)} there")


def results_of(namespace: str) -> dict[str, list[str]]:
    """Return what the operators of a plugin give, by full name; those that fail are left out."""
    found = {}
    for one in PluginManager().operators():
        if one.namespace == namespace:
            try:
                subject = Subject(one, example_of(one))
                found[one.full_name] = _lines(account_of([subject.run()]))
            except Exception:  # noqa: BLE001, S112  other checks tell of it
                continue
    return found


def _is_as_specified(subject: Subject) -> bool:
    """Tell whether its example is that of its specification, and names no files of its own."""
    told = subject.registered and example_of(subject.registered)
    own = subject.example is told or (told is None and subject.example == Example())
    return own and not callable(subject.example.configuration)


@functools.lru_cache(maxsize=32)
def _seen(namespace: str) -> dict[str, dict[str, Any]]:
    """Return what a process sees of an installed plugin, which is asked once."""
    found = [one for one in PluginManager().operators() if one.namespace == namespace]
    modules = dict.fromkeys(one.spec.target.partition(":")[0] for one in found)
    return _asked(namespace, tuple(modules)) if modules else {"imports": {}, "results": {}}


def _asked(namespace: str, modules: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    try:
        found: dict[str, dict[str, Any]] = answer_of(
            _PROGRAM, _TIMEOUT, {"PYTHONHASHSEED": seed}, namespace=namespace, modules=modules
        )
    except PluginError as error:
        told = ", ".join(modules)
        raise ConformanceError(f"importing {told}, and running its operators: {error}") from error
    return found


def _lines(account: Account) -> list[str]:
    gone = (account.dropped, account.failed, account.findings)
    return [repr(row) for row in account.rows.values()] + [
        repr(sorted(one.items())) for one in gone
    ]
