"""What importing an operator's module costs, measured in a process of its own."""

from __future__ import annotations

from dataflow_core.errors import ConformanceError
from dataflow_core.plugins import PluginManager
from dataflow_core.testing.checks.elsewhere import import_cost
from dataflow_core.testing.subject import Subject

SECONDS = 1.0
"""CPU time that importing an operator's module may take, beyond what the core has imported."""

HEAVY = (
    "datasets", "faiss", "matplotlib", "nltk", "onnxruntime", "polars", "sentence_transformers",
    "sglang", "sklearn", "spacy", "tensorflow", "torch", "transformers", "vllm", "xllamacpp",
)  # fmt: skip
"""Modules that no operator's module may import: they belong into the method that needs them."""


def check_import_budget(subject: Subject) -> None:
    """The operator's module imports within a second, no heavy library, and no other plugin.

    All modules of a plugin are imported in one process, which has imported the core; each is
    charged with what it is the first to import.
    """
    if subject.registered is None:
        return
    module = subject.registered.spec.target.partition(":")[0]
    cost = import_cost(subject.registered.namespace, module)
    if cost["failed"]:
        raise ConformanceError(
            f"{module} cannot be imported in a process of its own: {cost['failed']}"
        )
    new = set(cost["new"])
    if heavy := sorted(new.intersection(HEAVY)):
        raise ConformanceError(
            f"importing {module} imports {', '.join(heavy)}. Import it in the method that needs it."
        )
    if others := sorted(new & _packages_of_others(subject.registered.namespace)):
        raise ConformanceError(
            f"importing {module} imports {', '.join(others)} of another plugin. A plugin imports "
            "the core and its own package alone: others may not be installed."
        )
    if cost["seconds"] > SECONDS:
        raise ConformanceError(
            f"importing {module} takes {cost['seconds']:.1f} s of CPU time, at most {SECONDS:.1f} "
            "are wanted. Import what is slow where it is needed."
        )


def _packages_of_others(namespace: str) -> set[str]:
    others = [plugin.claim for plugin in PluginManager().plugins()]
    return {
        claim.module.partition(".")[0]
        for claim in others
        if claim.namespace not in (namespace, "core")
    }
