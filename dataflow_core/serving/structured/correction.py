"""Asking once more for what is wrong with an answer, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataflow_core.serving.structured.reading import Read
from dataflow_core.serving.structured.schema import AnswerSchema
from dataflow_core.serving.structured.tolerant import Parsed, dumped

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Correction:
    """What to ask for after an answer that does not fit. Make one with `of`.

    Attributes:
        schema: The schema of what is asked for: only the wrong fields, or all.
        fields: The fields at the root that are asked for again; empty: the whole answer.
    """

    schema: AnswerSchema
    fields: tuple[str, ...]
    _whole: AnswerSchema
    _read: Read

    @classmethod
    def of(cls, schema: AnswerSchema, read: Read) -> Correction | None:
        """Return what to ask for after an answer.

        Args:
            schema: The schema that the answer was to have.
            read: The answer as that schema read it.

        Returns:
            None where the answer fits, or asking again in this conversation is of no use: it was
            empty, or cut off.
        """
        if read.reason not in {"schema_mismatch", "unparsable_answer"}:
            return None
        fields = _wrong_fields(read)
        part = schema.only(fields)
        if part is None:
            return cls(schema, (), schema, read)
        return cls(part, fields, schema, read)

    def messages(self, text: str) -> list[dict[str, Any]]:
        """Return the turns that follow in the conversation: the answer, and what to send now.

        Args:
            text: The answer that does not fit.
        """
        problems = self._read.problems
        wrong = [f"- {problem}" for problem in problems[:_MOST_LISTED]]
        if len(problems) > _MOST_LISTED:
            wrong.append(f"- and {len(problems) - _MOST_LISTED:,} more of this kind")
        asked = "\n".join([self._opening(), *wrong, self._request(), self.schema.instructions()])
        return [{"role": "assistant", "content": text}, {"role": "user", "content": asked}]

    def merge(self, text: str, *, truncated: bool = False) -> Read:
        """Return the first answer with what was sent now, validated as a whole.

        Args:
            text: The answer to `messages`.
            truncated: Whether the model had to stop before its end.
        """
        now = self.schema.read(text, truncated=truncated)
        if not self.fields:
            return now
        repaired = tuple(dict.fromkeys((*self._read.repaired, *now.repaired)))
        draft = self._read.draft
        if not now.ok:
            return Read(None, now.problems, repaired, draft, now.reason)
        return self._whole.fitted(Parsed({**draft, **now.value}, len(text), repaired))

    def discarded(self, completion_tokens: int) -> int:
        """Return how many tokens of the first answer are thrown away.

        Args:
            completion_tokens: The tokens of that answer.

        Returns:
            All of them, or the share that the text of the wrong fields has in it, rounded up.
        """
        draft = self._read.draft
        if not self.fields or not isinstance(draft, Mapping):
            return completion_tokens
        wrong = {name: draft[name] for name in self.fields if name in draft}
        share, all_of_it = (len(dumped(value)) - 2 for value in (wrong, draft))
        return -(-completion_tokens * share // max(all_of_it, 1))

    def _opening(self) -> str:
        return "Parts of that answer are wrong:" if self.fields else "That answer cannot be used:"

    def _request(self) -> str:
        if not self.fields:
            return "Send the whole answer again, corrected."
        names = ", ".join(map(dumped, self.fields))
        return f"The other fields are kept. Send an object with only these, corrected: {names}."


def _wrong_fields(read: Read) -> tuple[str, ...]:
    """Return the fields at the root that have all the problems; none if the root has one itself."""
    if not isinstance(read.draft, Mapping):
        return ()
    names = [problem.path[0] if problem.path else None for problem in read.problems]
    if not all(isinstance(name, str) for name in names):
        return ()
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
