"""What the plugin registers; it imports nothing else, so that listing it is quick."""

from __future__ import annotations

from dataflow_core.plugins import hookimpl
