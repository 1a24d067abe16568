"""Have a model solve mathematical questions."""

from __future__ import annotations

from dataflow_core import Generator, Storage
from dataflow_core.operators import Prompted, TextColumn
from dataflow_core.prompts import Prompt


class AnswerGenerator(Prompted, Generator):
    r"""Have a model solve each question step by step, with the final answer in ``\boxed{…}``.

    The column gets the whole solution, as the model writes it; `AnswerExtractor` finds the answer
    in it, and `AnswerVerifier` compares it. Questions may be in all languages that the model knows;
    null or blank ones get null. A solution that is cut short at ``max_tokens`` is none: its row
    goes to quarantine, with what there is of it.

    Source: Chain-of-thought prompting (Wei et al. 2022), arXiv:2201.11903; MATH (Hendrycks et al.
    2021), arXiv:2103.03874, for the box.

    Example:
        >>> from dataflow_core import MemoryStorage
        >>> from dataflow_core.testing import ScriptedServing
        >>> table = MemoryStorage([{"question": "What is 2 + 2?"}, {"question": None}])
        >>> serving = ScriptedServing(lambda text: r"1. We add. \boxed{4}")
        >>> AnswerGenerator(serving=serving).run(table)
        >>> [row["solution"] for row in table.rows()]
        ['1. We add. \\boxed{4}', None]
    """

    prompt: Prompt = Prompt("math/answer_generator")

    def run(
        self,
        storage: Storage,
        input_question: TextColumn = "question",
        output_solution: TextColumn = "solution",
    ) -> None:
        """Add the solutions.

        Args:
            storage: The table.
            input_question: The column of questions.
            output_solution: The column for the solutions.
        """
        asked = self.ask(storage, {"question": input_question})
        asked.write(storage, {output_solution: asked.column()})
