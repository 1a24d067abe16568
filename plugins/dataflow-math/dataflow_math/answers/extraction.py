r"""The final answer of a solution, and how it was found.

Sources: Minerva (Lewkowycz et al. 2022, arXiv:2206.14858), appendix D ("Final Answer: The final
answer is … I hope it is correct."); GSM8K (Cobbe et al. 2021, arXiv:2110.14168) (``#### 72`` and
``<<3*4=12>>``); MATH (Hendrycks et al. 2021, arXiv:2103.03874) (``\boxed{…}``); Math-Verify
(Kydlíček 2025).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, get_args

from dataflow_math.answers.bare import bare_answer, formula_at_end
from dataflow_math.answers.boxes import last_boxed
from dataflow_math.answers.choices import choice_in_statement, choice_in_text
from dataflow_math.answers.numbers import last_value, without_traces
from dataflow_math.answers.statements import MINERVA, hashes, read_statement, statements

Method = Literal["tag", "boxed", "hashes", "stated", "choice", "whole", "formula", "last_number"]
METHODS: tuple[Method, ...] = get_args(Method)
"""The ways in which an answer is found, the surest first."""

_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_FENCE = re.compile(r"^```(?:json)?\s*|\s*```$")
_ANSWER_NAME = re.compile(r"(?:(?:final|correct)[ _-]?)?(?:answer|result)", re.IGNORECASE)
_TURN = re.compile(r"<\|[a-zA-Z_]+\|>|</?s>|<eos>|<(?:start|end)_of_turn>")
_MODEL_TURN = re.compile(r"\s*(?:assistant|model)\s*\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    r"""An answer.

    Attributes:
        text: The answer as it is written, never empty.
        method: How it was found: "tag" (``<answer>…</answer>``), "boxed" (``\boxed{…}``), "hashes"
            (``#### …``), "stated" ("the answer is …"), "choice" (a letter), "whole" (the text is
            nothing but an answer), "formula" (it ends with one), "last_number".
    """

    text: str
    method: Method


def extract_answer(text: str, methods: Collection[str] = METHODS) -> Answer | None:
    r"""Find the final answer of a solution.

    What stands before ``</think>`` is reasoning, and not looked at where anything follows it. The
    ways are tried from the surest to the least sure:

    - ``tag``: the last ``<answer>…</answer>``, and within it by the ways below;
    - ``boxed``: the last complete ``\boxed{…}`` or ``\fbox{…}``, or several that commas or "and"
      join;
    - ``hashes``: GSM8K's last ``#### …``;
    - ``stated``: "the (final) answer is …", "Answer: …", "… is the answer" and Minerva's "The final
      answer is … I hope it is correct" (which goes before boxes), in English, Chinese (答案是,
      答案为), Japanese, Korean, French, German, Spanish, Portuguese, Italian and Russian;
      and a last line ``A: …``; or ``{"answer": …}``;
    - ``choice``: a letter that is stated as the answer or chosen (故选B, "option B", "B) dog"), not
      the first one that stands alone;
    - ``whole``: the text is nothing but an answer;
    - ``formula``: the formula in the last sentence;
    - ``last_number``, where it is no part of an expression, a list, or words that change it ("half
      of 5").

    A statement that is negated ("not 5"), or called wrong in its sentence or the next, is none. In
    the languages with a decimal comma, ``1,5`` is read as 1.5, and ``1.000``, where points separate
    thousands, as 1000.

    Args:
        text: A solution, in any language.
        methods: The ways that are allowed, of `METHODS`.

    Returns:
        The answer, or None where none is found.

    Example:
        >>> extract_answer(r"So $x = \boxed{\frac{1}{2}}$.")
        Answer(text='\\frac{1}{2}', method='boxed')
        >>> extract_answer("The answer is a dog, B")
        Answer(text='B', method='choice')
    """
    text = _after_thinking(_own_turn(text))
    for method, find in _FINDERS:
        if method in methods and (found := find(text, methods)):
            return found
    return None


def reference_answer(text: str) -> Answer | None:
    """Find the answer of a reference: a solution, or a text that is an answer itself.

    Unlike a model's solution, one that states no answer has none: its last number may be any.
    """
    return extract_answer(
        text, [name for name in METHODS if name not in {"formula", "last_number"}]
    )


def _own_turn(text: str) -> str:
    """Return the model's turn of a text with tokens of a chat template, such as ``<|im_end|>``."""
    turns = [turn for turn in _TURN.split(text) if turn.strip()]
    if len(turns) < 2:
        return turns[0] if turns else text
    marked = [turn for turn in turns if _MODEL_TURN.match(turn)]
    return _MODEL_TURN.sub("", marked[-1], count=1) if marked else turns[0]


def _after_thinking(text: str) -> str:
    before, mark, after = text.rpartition("</think>")
    return after if mark and after.strip() else before if mark else text


def _answer(text: str | None, method: Method) -> Answer | None:
    return Answer(text.strip(), method) if text and text.strip() else None


def _tagged(text: str, _: Collection[str]) -> Answer | None:
    last, begun = "", None
    for mark in _TAG.finditer(text):
        if mark[1] and begun is not None and text[begun : mark.start()].strip():
            last = text[begun : mark.start()]
        begun = None if mark[1] else mark.end()
    if not last:
        return None
    found = extract_answer(last, {"boxed", "hashes", "stated", "choice", "whole"} & set(METHODS))
    return _answer(found.text if found else last, "tag")


def _by_name(text: str, _: Collection[str]) -> Answer | None:
    """Return the answer that a text gives which is nothing but a JSON object: ``{"answer": 6}``."""
    text = text.strip()
    text = _FENCE.sub("", text) if text.startswith("```") else text
    if not (text.startswith("{") and text.endswith("}") and '"' in text):
        return None
    try:
        told = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    named = [value for name, value in told.items() if _ANSWER_NAME.fullmatch(name)]
    return _answer(named[-1], "stated") if named and isinstance(named[-1], str) else None


def _by_minerva(text: str, methods: Collection[str]) -> Answer | None:
    found = MINERVA.findall(text)
    return _stated(found[-1], methods) if found else None


def _boxed(text: str, _: Collection[str]) -> Answer | None:
    return _answer(last_boxed(text), "boxed")


def _hashes(text: str, _: Collection[str]) -> Answer | None:
    return _answer(hashes(text), "hashes")


def _statement(text: str, methods: Collection[str]) -> Answer | None:
    for statement in statements(text):
        if found := _stated(statement, methods):
            return found
    return None


def _stated(statement: str, methods: Collection[str]) -> Answer | None:
    letter = choice_in_statement(statement)
    if letter and "choice" in methods:
        return Answer(letter, "choice")
    if "stated" not in methods:
        return None
    return _answer(read_statement(statement), "stated")


def _chosen(text: str, _: Collection[str]) -> Answer | None:
    for statement in statements(text):
        if letter := choice_in_statement(statement):
            return Answer(letter, "choice")
    return _answer(choice_in_text(text), "choice")


def _whole(text: str, _: Collection[str]) -> Answer | None:
    return _answer(bare_answer(text), "whole")


def _formula(text: str, _: Collection[str]) -> Answer | None:
    return _answer(formula_at_end(text), "formula")


def _last_number(text: str, _: Collection[str]) -> Answer | None:
    return _answer(last_value(without_traces(text)), "last_number")


_Finder = Callable[[str, Collection[str]], Answer | None]
_FINDERS: tuple[tuple[Method, _Finder], ...] = (
    ("tag", _tagged),
    ("stated", _by_name),
    ("stated", _by_minerva),
    ("boxed", _boxed),
    ("hashes", _hashes),
    ("stated", _statement),
    ("choice", _chosen),
    ("whole", _whole),
    ("formula", _formula),
    ("last_number", _last_number),
)
