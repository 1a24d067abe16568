"""How files of crawls are named; nothing is imported here, so that a plugin can register it."""

from __future__ import annotations

ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".wet", ".wet.gz", ".wet.zst")
"""The endings of the files that are read of a folder."""
