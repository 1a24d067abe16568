"""What servings with an engine of their own have in common, in this process or in a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import orjson
from pydantic import Field

from dataflow_core.downloads import Download, hugging_face_cache
from dataflow_core.secrets import without_secrets
from dataflow_core.serving.base import Serving
from dataflow_core.serving.pricing import Price

SPEED_ONLY = frozenset({
    "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "tp_size", "dp_size",
    "pp_size", "gpu_memory_utilization", "mem_fraction_static", "max_num_seqs",
    "max_running_requests", "max_num_batched_tokens", "enable_prefix_caching", "swap_space",
    "disable_log_stats", "enable_log_requests", "uvicorn_log_level", "log_level", "port", "host",
    "distributed_executor_backend", "enable_chunked_prefill", "enforce_eager",
    "disable_cuda_graph", "disable_radix_cache", "download_dir", "max_parallel_loading_workers",
})  # fmt: skip
"""Arguments of engines that change how fast answers come, and not what they are."""


class EngineServing(Serving):
    """The base of servings that load a model themselves.

    Attributes:
        engine_args: The engine's own arguments by name, such as ``{"tensor_parallel_size": 2}``.

    Class attributes:
        engine: The package of the engine, and the extra that brings it.
    """

    sorts_prompts: ClassVar[bool] = True
    engine: ClassVar[str] = ""

    engine_args: dict[str, Any] = Field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """Return the model, and what of the engine's arguments can change its answers."""
        told: dict[str, Any] = {"model": self.model}
        if args := answering(self.engine_args):
            told["engine_args"] = without_secrets(args)
        return told

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return that the engine fetches what is named, and is the path of no folder."""
        yield Download(
            name="the model that is named (MODEL)",
            path=str(hugging_face_cache()),
            present=None,
            fetch="hf download MODEL",
            when="MODEL is no folder; HF_HUB_OFFLINE=1 forbids it",
            automatic=True,
        )

    def known_price(self) -> Price:
        """Return that tokens cost nothing."""
        return Price(0.0)


def answering(engine_args: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of an engine's arguments that can change its answers."""
    told = {name.replace("-", "_"): value for name, value in engine_args.items()}
    return {name: value for name, value in sorted(told.items()) if name not in SPEED_ONLY}


def as_flags(engine_args: Mapping[str, Any], *, negative: bool) -> Iterator[str]:
    """Yield arguments as a command line has them.

    Args:
        engine_args: The arguments by name.
        negative: Whether False is said as ``--no-NAME``; else it is left out.
    """
    for name, value in engine_args.items():
        dashed = name.replace("_", "-")
        if value is True:
            yield f"--{dashed}"
        elif value is False and negative:
            yield f"--no-{dashed}"
        elif value is not None and value is not False:
            yield f"--{dashed}"
            yield from _values(value)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield from map(str, value)
    elif isinstance(value, Mapping):
        yield orjson.dumps(value).decode()
    else:
        yield str(value)
