"""The request store: every answer that was paid for, kept by all that determines it."""

from dataflow_core.serving.store.answers import SCHEMA_REFUSED, Reuse, Spent, Stored
from dataflow_core.serving.store.question import Kind, Question, Settings, prompt_digest
from dataflow_core.serving.store.store import RequestStore

__all__ = [
    "SCHEMA_REFUSED",
    "Kind",
    "Question",
    "RequestStore",
    "Reuse",
    "Settings",
    "Spent",
    "Stored",
    "prompt_digest",
]
