"""Time the import of a hook module in a process of its own, and see what it drags along."""

from __future__ import annotations

from dataclasses import dataclass

from dataflow_core.errors import PluginError
from dataflow_core.plugins.own_process import answer_of

HEAVY = (
    "datasets",
    "matplotlib",
    "nltk",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "spacy",
    "tensorflow",
    "torch",
    "transformers",
)
"""Modules that no hook module should import."""

_TIMEOUT = 60.0
_PROGRAM = """
import io
from dataflow_core.plugins import hookimpl, OperatorSpec
before, said = set(sys.modules), io.StringIO()
sys.stdout = said
start = time.process_time()
__import__(task["module"])
seconds = time.process_time() - start
new = set(sys.modules) - before
heavy = [name for name in task["heavy"] if name in new]
stdout.write(json.dumps({"seconds": seconds, "heavy": heavy, "prints": bool(said.getvalue())}))
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """What importing a hook module costs.

    Attributes:
        seconds: CPU time.
        heavy: The heavy modules that it imports.
        prints: Whether it writes to the standard output.
    """

    seconds: float
    heavy: tuple[str, ...]
    prints: bool


def time_hook_module(module: str) -> Timing | None:
    """Import a module in a new process; None if that fails there.

    The second of two imports counts when the first is slow: it may have compiled the module.
    """
    timing = _measured(module)
    if timing is not None and timing.seconds > 0.02:
        timing = _measured(module) or timing
    return timing


def _measured(module: str) -> Timing | None:
    try:
        found = answer_of(_PROGRAM, _TIMEOUT, module=module, heavy=HEAVY)
    except PluginError:
        return None
    return Timing(found["seconds"], tuple(found["heavy"]), found["prints"])
