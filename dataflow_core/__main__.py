"""``python -m dataflow_core`` is ``dataflow``, for where another package owns that name."""

from __future__ import annotations

import sys

from dataflow_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
