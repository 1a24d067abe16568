"""The serving that starts an SGLang server."""

from __future__ import annotations

from typing import ClassVar

from dataflow_core.serving.backends.engine_serving import as_flags
from dataflow_core.serving.backends.server_process import HOST
from dataflow_core.serving.backends.started_server import StartedServerServing

_START = """
import os, runpy, sys
sys.argv += ["--api-key", os.environ.pop("DATAFLOW_SERVER_KEY")]
runpy.run_module("sglang.launch_server", run_name="__main__", alter_sys=True)
"""
"""SGLang takes its key on the command line only, which all users of a machine can read; so that is
completed within the process."""


class SGLangServerServing(StartedServerServing):
    """Models in an SGLang server of its own, started with the serving and ended with it.

    SGLang may be installed in another environment than DataFlow: name its Python with ``python``.

    Example:
        >>> serving = SGLangServerServing(model="Qwen/Qwen3-8B", engine_args={"tp_size": 2})
        >>> serving.spec
        'sglang-server:Qwen/Qwen3-8B#engine_args={"tp_size":2}'
    """

    prefix: ClassVar[str] = "sglang-server"
    key_variable: ClassVar[str] = "DATAFLOW_SERVER_KEY"
    engine: ClassVar[str] = "sglang"

    def launch(self, port: int) -> list[str]:
        """Return what starts the server; see `StartedServerServing.launch`."""
        return [
            self.python,
            "-c",
            _START,
            "--model-path",
            self.model,
            "--host",
            HOST,
            "--port",
            str(port),
            *as_flags(self.engine_args, negative=False),
        ]
