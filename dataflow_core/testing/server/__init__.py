"""An OpenAI-compatible server that fails as it is told, and tells what it was asked.

In a thread, for tests: `FaultServer`. As a process: ``python -m dataflow_core.testing.server``.
It speaks OpenAI's chat completions, completions and embeddings, and Gemini's own API. What it does
is told by `Faults`, and by markers in prompts: see `dataflow_core.testing.server.plan`.

Every sound answer begins with ``ok:`` and the checksum of the last message, so that a client can
prove that each answer went to its row.
"""

from __future__ import annotations

from dataflow_core.testing.server.answers import checksum
from dataflow_core.testing.server.counts import Request, Stats
from dataflow_core.testing.server.fault_server import FaultServer
from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.vectors import vector_of

__all__ = ["FaultServer", "Faults", "Request", "Stats", "checksum", "vector_of"]
