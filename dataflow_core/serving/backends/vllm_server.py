"""The serving that starts a vLLM server."""

from __future__ import annotations

from typing import ClassVar

from dataflow_core.serving.backends.engine_serving import as_flags
from dataflow_core.serving.backends.server_process import HOST
from dataflow_core.serving.backends.started_server import StartedServerServing


class VLLMServerServing(StartedServerServing):
    """Models in a vLLM server of its own, started with the serving and ended with it.

    vLLM may be installed in another environment than DataFlow: name its Python with ``python``.

    Example:
        >>> serving = VLLMServerServing(
        ...     model="Qwen/Qwen3-8B",
        ...     python="/opt/vllm/bin/python",
        ...     engine_args={"tensor_parallel_size": 2, "enable_prefix_caching": True},
        ... )
        >>> " ".join(serving.launch(8000)[1:4])
        '-m vllm.entrypoints.openai.api_server --model'
    """

    prefix: ClassVar[str] = "vllm-server"
    key_variable: ClassVar[str] = "VLLM_API_KEY"
    engine: ClassVar[str] = "vllm"

    def launch(self, port: int) -> list[str]:
        """Return what starts the server; see `StartedServerServing.launch`."""
        return [
            self.python,
            "-m",
            "vllm.entrypoints.openai.api_server",
            "--model",
            self.model,
            "--host",
            HOST,
            "--port",
            str(port),
            *as_flags(self.engine_args, negative=True),
        ]
