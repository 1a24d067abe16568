"""The names of the formats of training data and of the layouts of files; importing costs nothing.

A format wants *roles*, such as the instruction and the output, which columns play.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

TrainingFormatName = Literal[
    "alpaca",
    "sharegpt",
    "messages",
    "text",
    "dpo",
    "dpo-messages",
    "dpo-alpaca",
    "dpo-sharegpt",
    "grpo",
    "grpo-text",
    "verl",
]
"""The formats of training data."""

TABLE_FORMATS: Mapping[str, tuple[str, ...]] = {
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet", ".pq"),
    "csv": (".csv",),
}
"""The formats that take the table as it is, with the endings of their files."""

LayoutName = Literal["file", "llama-factory", "trl", "verl"]
"""How the files lie: one file, or a folder as a library reads it."""

ROLES: Mapping[str, str] = {
    "messages": "a list of messages, with role and content or with from and value",
    "instruction": "what the user asks",
    "input": "what the instruction is about, which follows it on a line of its own",
    "output": "the answer to learn",
    "system": "the system prompt",
    "history": "earlier turns, as a list of pairs of instruction and output",
    "tools": "the tools that may be called, as a list of JSON schemas or its JSON text",
    "text": "a text to learn as it is",
    "chosen": "the better answer: a text, a message, or messages",
    "rejected": "the worse answer",
    "ground_truth": "what the answer must come to",
    "data_source": "the name by which verl finds the reward function",
    "ability": "the kind of task, as verl has it",
}
"""What columns may be in training data."""

KNOWN_AS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "chat", "prompt"),
    "instruction": ("instruction", "question", "prompt", "query", "problem"),
    "input": ("input",),
    "output": ("output", "answer", "response", "completion", "solution"),
    "system": ("system", "system_prompt"),
    "history": ("history",),
    "tools": ("tools",),
    "text": ("text", "content", "document", "raw_content"),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "ground_truth": ("ground_truth", "golden_answer", "gold", "reference", "target", "answer"),
    "data_source": ("data_source",),
    "ability": ("ability",),
}
"""The names by which a column is known as one of these, the likeliest first."""
