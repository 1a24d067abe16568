"""What tests of plugins and pipelines use: doubles of models, and the conformance kit.

`ScriptedServing` answers as a function or a table says; `CassetteServing` records a serving's
answers and plays them again; `FaultServer` is an OpenAI-compatible server that fails as it is told.

`check_operator`, `parametrize_with_checks` and `check_plugin` check that what a plugin registers
does what the core and its users rely on; `check_storage`, `check_serving` and `check_engine` check
others of these. pytest is needed by `parametrize_with_checks` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.testing.cassettes import CassetteServing
    from dataflow_core.testing.checks.engines import check_engine
    from dataflow_core.testing.checks.serving_suite import check_serving
    from dataflow_core.testing.checks.storages import check_storage
    from dataflow_core.testing.conformance import (
        check_operator,
        operators,
        parametrize_with_checks,
    )
    from dataflow_core.testing.example import Example
    from dataflow_core.testing.plugin_checks import check_plugin
    from dataflow_core.testing.scripted import ScriptedServing
    from dataflow_core.testing.server import Faults, FaultServer
    from dataflow_core.testing.surface import check_surface, surface_of

_HOMES = {
    "CassetteServing": "dataflow_core.testing.cassettes",
    "Example": "dataflow_core.testing.example",
    "FaultServer": "dataflow_core.testing.server",
    "Faults": "dataflow_core.testing.server",
    "ScriptedServing": "dataflow_core.testing.scripted",
    "check_engine": "dataflow_core.testing.checks.engines",
    "check_operator": "dataflow_core.testing.conformance",
    "check_plugin": "dataflow_core.testing.plugin_checks",
    "check_serving": "dataflow_core.testing.checks.serving_suite",
    "check_storage": "dataflow_core.testing.checks.storages",
    "check_surface": "dataflow_core.testing.surface",
    "operators": "dataflow_core.testing.conformance",
    "parametrize_with_checks": "dataflow_core.testing.conformance",
    "surface_of": "dataflow_core.testing.surface",
}

__all__ = [
    "CassetteServing",
    "Example",
    "FaultServer",
    "Faults",
    "ScriptedServing",
    "check_engine",
    "check_operator",
    "check_plugin",
    "check_serving",
    "check_storage",
    "check_surface",
    "operators",
    "parametrize_with_checks",
    "surface_of",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
