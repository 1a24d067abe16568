"""The final answers of solutions."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from annotated_types import MinLen

from dataflow_core import Generator, Storage
from dataflow_core.operators import RowFailure, TextColumn, TextOrNumberColumn
from dataflow_math.answers.extraction import METHODS, Answer, Method, extract_answer
from dataflow_math.cells import assign_sound, texts_in


class AnswerExtractor(Generator):
    r"""Find the final answer of a solution.

    The ways, from the surest to the least sure; the first that finds an answer gives it:

    - ``tag``: the last ``<answer>…</answer>``.
    - ``boxed``: the last complete ``\boxed{…}`` or ``\fbox{…}``, braces within it included; boxes
      that commas or "and" join are one list.
    - ``hashes``: GSM8K's ``#### 72``; headings of Markdown are none.
    - ``stated``: "the (final) answer is …", "Answer: …", "… is the answer", in English, Chinese
      (答案是, 答案为), Japanese, Korean, French, German, Spanish, Portuguese, Italian and Russian.
      Minerva's "The final answer is … I hope it is correct" goes before boxes.
    - ``choice``: the letter that is stated as the answer, or chosen (故选B, "option B", "B) dog").
    - ``whole``: the text is nothing but an answer, as references are; "I don't know" is none.
    - ``formula``: the formula in the last sentence.
    - ``last_number``: the last number, in scripts of all languages that write digits 0 to 9, where
      it is no part of an expression, a list, or words that change it ("half of 5"); a guess.

    A statement that is negated ("not 5"), or called wrong in its sentence or the next, is none. In
    French and Russian statements ``1,5`` is 1.5; in German, Spanish, Portuguese and Italian ones
    also ``1.000`` is 1000.

    What stands before ``</think>`` is not looked at where anything follows it. A text without an
    answer, or a null, has a null as answer and as method: that there is none is a finding, and no
    failure; an answer is never the empty text. Behind `AnswerGenerator`, the column to read is its
    own: ``input_text="solution"``.

    Source: Minerva (Lewkowycz et al. 2022), appendix D; GSM8K (Cobbe et al. 2021); MATH (Hendrycks
    et al. 2021) for boxes; the order and the languages are ours.

    Attributes:
        methods: The ways that are allowed; their order does not matter.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> solutions = [r"So $x = \boxed{\frac{1}{2}}$.", "The answer is a dog, B", "Who knows?"]
        >>> table = MemoryStorage([{"solution": text} for text in solutions])
        >>> AnswerExtractor().run(table, input_text="solution", output_method="method")
        >>> [(row["answer"], row["method"]) for row in table.rows()]
        [('\\frac{1}{2}', 'boxed'), ('B', 'choice'), (None, None)]
    """

    methods: Annotated[tuple[Method, ...], MinLen(1)] = METHODS

    def run(
        self,
        storage: Storage,
        input_text: TextOrNumberColumn = "text",
        output_answer: TextColumn = "answer",
        output_method: TextColumn | None = None,
    ) -> None:
        """Add the answer, and how it was found if that is asked for.

        Args:
            storage: The table.
            input_text: The column of solutions.
            output_answer: The column for the answers.
            output_method: The column for the ways they were found; None for none.
        """
        found = [self._found(text) for text in texts_in(storage.read([input_text])[input_text])]
        columns = {output_answer: ([_part(one, "text") for one in found], pa.string())}
        if output_method is not None:
            columns[output_method] = ([_part(one, "method") for one in found], pa.string())
        assign_sound(storage, input_text, columns)

    def _found(self, text: str | RowFailure | None) -> Answer | RowFailure | None:
        return extract_answer(text, self.methods) if isinstance(text, str) else text


def _part(found: Answer | RowFailure | None, name: str) -> str | RowFailure | None:
    return getattr(found, name) if isinstance(found, Answer) else found
