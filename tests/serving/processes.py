"""Whether processes are there still."""

import time
from pathlib import Path


def is_alive(process):
    """Tell whether a process runs: it is there, and no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(*processes, seconds=10.0):
    deadline = time.monotonic() + seconds
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, f"still there: {[*filter(is_alive, processes)]}"
        time.sleep(0.02)
