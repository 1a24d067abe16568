"""Scripts of the earlier system: what their names are called here, and how they are rewritten.

The names are data (``former_names.yaml``); `examine` reads a script without running it::

    from dataflow_core.migration import Script, examine

    examination = examine(Script.read("pipeline.py"))
    for finding in examination.findings:
        print(finding.line, finding.former, finding.becomes)
    print(examination.text)
"""

from __future__ import annotations

from dataflow_core.migration.examination import Examination, examine
from dataflow_core.migration.findings import Finding
from dataflow_core.migration.names import Former, FormerNames, Parameter, former_names
from dataflow_core.migration.script import Script

__all__ = [
    "Examination",
    "Finding",
    "Former",
    "FormerNames",
    "Parameter",
    "Script",
    "examine",
    "former_names",
]
