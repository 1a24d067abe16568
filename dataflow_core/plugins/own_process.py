"""Programs that run in a process of their own, to see what imports cost and do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from dataflow_core.errors import PluginError

_BEGINNING = """
import json, sys, time
task = json.loads(sys.argv[1])
sys.path[:] = task["path"]
stdout = sys.stdout
"""


def answer_of(
    program: str, timeout: float, env: Mapping[str, str] | None = None, /, **task: Any
) -> Any:
    """Run a program with our interpreter and path, and return what it answers.

    Args:
        program: Its source. It finds ``json``, ``sys``, ``time``, the ``task``, and ``stdout``, to
            which it writes its answer as JSON.
        timeout: Seconds.
        env: Environment variables besides our own.
        **task: What it is told.

    Raises:
        PluginError: It fails, takes too long, or answers something else.
    """
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and program
            [sys.executable, "-c", _BEGINNING + program, json.dumps({"path": sys.path, **task})],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
        return json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise PluginError(f"a process of its own fails: {error}") from error
