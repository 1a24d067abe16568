"""Operators for mathematics: find the answers of solutions, and compare them with references."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow_math.evaluate.answer_verifier import AnswerFilter as AnswerFilter
    from dataflow_math.evaluate.answer_verifier import AnswerVerifier as AnswerVerifier
    from dataflow_math.evaluate.question_verifier import QuestionFilter as QuestionFilter
    from dataflow_math.evaluate.question_verifier import QuestionVerifier as QuestionVerifier
    from dataflow_math.generate.answer_extractor import AnswerExtractor as AnswerExtractor
    from dataflow_math.generate.answer_generator import AnswerGenerator as AnswerGenerator
    from dataflow_math.generate.self_consistency import SelfConsistency as SelfConsistency
    from dataflow_math.pipelines.solve_and_verify import SolveAndVerify as SolveAndVerify

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public class when it is first used."""
    homes = _homes()
    if name == "__all__":
        return sorted(homes)
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """Return the module of each public class: those that are registered."""
    from dataflow_math._plugin import OPERATORS
    from dataflow_math.registered.asking import PIPELINES

    targets = (spec.target.partition(":") for spec in (*OPERATORS, *PIPELINES))
    return {name: module for module, _, name in targets}
