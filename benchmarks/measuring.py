"""Whole processes measured from outside: CPU seconds of the process tree, and peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
from dataclasses import dataclass

# Modules are compiled once, at the warm-up, as pip compiles what it installs.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Measurement:
    """One command, several runs.

    Attributes:
        cpu: CPU seconds of the process and its children, one a run.
        peak: The peak resident memory of the largest process, in MB.
    """

    cpu: list[float]
    peak: float

    @property
    def median(self) -> float:
        """The median of the CPU seconds."""
        return statistics.median(self.cpu)

    def __str__(self) -> str:
        low, high = min(self.cpu), max(self.cpu)
        return f"{self.median:6.2f} CPU-s ({low:.2f} to {high:.2f}), {self.peak:5.0f} MB"


def measure(
    commands: dict[str, list[str]], runs: int = 5, warm_ups: int = 1
) -> dict[str, Measurement]:
    """Run commands in turn, so that a drift of the machine's speed touches all alike.

    Args:
        commands: Command lines by name.
        runs: How often each runs.
        warm_ups: How often before, which does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks = dict.fromkeys(commands, 0.0)
    for number in range(warm_ups + runs):
        for name, command in commands.items():
            cpu, peak = _run(command)
            if number >= warm_ups:
                seconds[name].append(cpu)
                peaks[name] = max(peaks[name], peak)
    return {name: Measurement(seconds[name], peaks[name]) for name in commands}


def _run(command: list[str]) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(command)}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, usage.ru_maxrss / 1024
