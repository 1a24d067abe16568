"""Have a model do with long texts, piece by piece, what an instruction says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from dataflow_core.operators.base import Generator
from dataflow_core.operators.cells import no_text
from dataflow_core.operators.columns import ListColumn, TextColumn
from dataflow_core.operators.general.chunking import SMALLEST, split
from dataflow_core.operators.prompted import Prompted, Told, cells, column_of, is_blank
from dataflow_core.prompts import Prompt
from dataflow_core.serving.completion import Completion
from dataflow_core.storage.base import Storage
from dataflow_core.table.failures import RowFailure


class ChunkedGenerator(Prompted, Generator):
    r"""Have a model do with each long text what an instruction says, in pieces that fit.

    Texts are cut where paragraphs end, else lines, sentences, words; see
    `dataflow_core.operators.general.chunking.split` for the rules. Tokens are estimated, the same
    for all models: leave the model some room. All pieces of all rows are asked at once, and the
    answers of a row are joined. If one piece fails the row fails, naming the piece: there are no
    answers with holes. Texts that are null or blank get null.

    Attributes:
        instruction: What to do with each piece, such as ``"Translate into French."``
        max_tokens: The most tokens of a piece.
        overlap: How many tokens a piece repeats of the end of the one before.
        separator: What stands between the answers of a row.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"text": "One flew east. One flew west. One flew over."}])
        >>> serving = ScriptedServing(lambda text: text.upper().split("\n")[1].strip())
        >>> chunked = ChunkedGenerator(serving=serving, instruction="Shout.", max_tokens=9)
        >>> chunked.run(table, output_pieces="pieces")
        >>> table.rows()[0]["generated"]
        'ONE FLEW EAST. ONE FLEW WEST.\nONE FLEW OVER.'
        >>> len(table.rows()[0]["pieces"])
        2
    """

    instruction: Told
    max_tokens: Annotated[int, Field(ge=SMALLEST)] = 4000
    overlap: Annotated[int, Field(ge=0)] = 0
    separator: str = "\n"
    prompt: Prompt = Prompt("core/chunked_generator")

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if self.overlap > self.max_tokens // 2:
            raise ValueError(
                f"overlap is {self.overlap}: more than half of max_tokens ({self.max_tokens})"
            )
        return self

    def run(
        self,
        storage: Storage,
        input_text: TextColumn = "text",
        output_generated: TextColumn = "generated",
        output_pieces: ListColumn | None = None,
    ) -> None:
        """Add the answers.

        Args:
            storage: The table.
            input_text: The column of texts.
            output_generated: The column for the joined answers.
            output_pieces: The column for the answers to each piece, as a list; None for none.
        """
        table = storage.read([input_text])
        texts = cells(table[input_text])
        failures = [no_text(text, "input_text") for text in texts]
        pieces = [[] if failures[at] else self._pieces(text) for at, text in enumerate(texts)]
        questions = [{"text": piece} for row in pieces for piece in row]
        tags = [
            f"{one}/{number}"
            for one, row in zip(table.index.tolist(), pieces, strict=True)
            for number in range(len(row))
        ]
        completions = self.completions(questions, tags)
        ends = accumulate(map(len, pieces), initial=0)
        answers = [
            failure or self._answers(completions[start:end])
            for failure, (start, end) in zip(failures, pairwise(ends), strict=True)
        ]
        table[output_generated] = column_of(
            [self.separator.join(one) if isinstance(one, list) else one for one in answers], table
        )
        if output_pieces is not None:
            table[output_pieces] = column_of(answers, table)
        storage.write(table)

    def _pieces(self, text: str | None) -> list[str]:
        if text is None or is_blank(text):
            return []
        found = split(text, self.max_tokens, self.overlap)
        return [piece.text for piece in found if not is_blank(piece.text)]

    def _answers(self, completions: Sequence[Completion | None]) -> list[Any] | RowFailure | None:
        """Return the answers of a row, or its failure."""
        answers = []
        for number, completion in enumerate(completions, 1):
            answer = completion and self.form.value(completion)
            if isinstance(answer, RowFailure):
                where = f"piece {number} of {len(completions)}"
                return RowFailure(answer.reason, f"{where}: {answer.message}", answer.raw)
            answers.append(answer)
        return answers or None
