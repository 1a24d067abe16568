"""``python -m dataflow_core.testing.surface NAMESPACE`` prints a distribution's public surface."""

from __future__ import annotations

import sys

from dataflow_core.errors import DataflowError
from dataflow_core.testing.surface.comparing import COMMAND, surface_of


def main(arguments: list[str]) -> int:
    """Print the surface; return the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write(f"usage: {COMMAND} NAMESPACE, such as core or math\n")
        return 2
    try:
        sys.stdout.write(surface_of(arguments[0]))
    except DataflowError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
