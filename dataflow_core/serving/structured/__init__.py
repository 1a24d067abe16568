"""Structured output: schemas of answers, reading answers by them, and asking for what is wrong.

Nothing here sends anything. A finished answer is never thrown away: it is mended where nothing is
lost by that, else one more turn asks for the wrong fields only.
"""

from dataflow_core.serving.structured.correction import Correction
from dataflow_core.serving.structured.reading import Read
from dataflow_core.serving.structured.schema import AnswerSchema
from dataflow_core.serving.structured.wording import Problem

__all__ = ["AnswerSchema", "Correction", "Problem", "Read"]
