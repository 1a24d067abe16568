"""The process of a slot: one model in llama.cpp, which answers on a socket in the file system.

It is run as a script, and imports nothing of this project, so that it is there quickly. It goes
when the process that started it goes, however that ends.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

READY = "ready"
_BEAT = 0.5


def main() -> None:
    """Load the model that a line of JSON on standard input tells of, say so, and stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends this process
    settings = json.loads(sys.stdin.readline())
    library: Any = importlib.import_module("xllamacpp")
    try:
        server = library.Server(_parameters(library, settings))
    except RuntimeError:  # llama.cpp has told why on standard error
        sys.exit(1)
    print(READY, flush=True)  # noqa: T201
    while os.getppid() == settings["parent"]:
        time.sleep(_BEAT)
    del server


def _parameters(library: Any, settings: Mapping[str, Any]) -> Any:
    told = library.CommonParams()
    told.model.path = settings["path"]
    told.n_parallel = 1
    told.n_ctx = settings["context"]
    told.cpuparams.n_threads = told.cpuparams_batch.n_threads = settings["threads"]
    told.flash_attn_type = library.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    told.cache_prompt = settings["prefix_cache"]
    told.cache_ram_mib = 0  # it would keep gigabytes of former prompts
    told.fit_params = False  # it would make the context smaller in silence
    told.warmup = False
    told.verbosity = settings["verbosity"]
    told.hostnames = [settings["address"]]
    told.n_threads_http = 2
    told.ui = told.endpoint_slots = False
    if settings["pooling"] is not None:
        told.embedding = True
        name = f"LLAMA_POOLING_TYPE_{settings['pooling'].upper()}"
        told.pooling_type = getattr(library.llama_pooling_type, name)
        told.n_batch = told.n_ubatch = settings["context"]  # a text is pooled in one piece
    return told


if __name__ == "__main__":
    main()
