"""``python -m dataflow_core.testing.server`` serves until it is told to end."""

from __future__ import annotations

from dataflow_core.testing.server.command import command

if __name__ == "__main__":
    command()
