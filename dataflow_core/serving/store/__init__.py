"""The request store: every answer that was paid for, kept by all that determines it."""

from dataflow_core.serving.store.answers import SCHEMA_REFUSED, Reuse, Spent, Stored
from dataflow_core.serving.store.question import Kind, Question, Settings, prompt_digest
from dataflow_core.serving.store.store import RequestStore
from dataflow_core.serving.store.writer import Counted

__all__ = [
    "SCHEMA_REFUSED",
    "Counted",
    "Kind",
    "Question",
    "RequestStore",
    "Reuse",
    "Settings",
    "Spent",
    "Stored",
    "prompt_digest",
]
