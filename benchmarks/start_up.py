"""What the command line costs before it does anything; run by `nox -s import_time`."""

from __future__ import annotations

import sys

from measuring import measure

LIMITS = {"--help": (0.15, 40.0), "operators list": (0.3, 60.0)}


def main() -> None:
    """Measure and print, each figure beside its target."""
    program = [sys.executable, "-m", "dataflow_core"]
    commands = {"python alone": [sys.executable, "-c", "pass"]}
    commands |= {name: [*program, *name.split()] for name in LIMITS}
    commands["import dataflow_core"] = [sys.executable, "-c", "import dataflow_core"]
    for plugin in ("math", "text"):
        code = f"import dataflow_{plugin}._plugin"
        commands[code] = [sys.executable, "-c", code]
    for name, figures in measure(commands, runs=10).items():
        limit = (
            f"   (wanted: {LIMITS[name][0]} CPU-s, {LIMITS[name][1]:.0f} MB)"
            if name in LIMITS
            else ""
        )
        print(f"{name:30} {figures}{limit}")


if __name__ == "__main__":
    main()
