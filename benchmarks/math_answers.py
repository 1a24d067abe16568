r"""Verdicts on answers, rows a second: `python benchmarks/math_answers.py SHARED`.

SHARED is the project's folder of shared test data. Rows like GSM8K's are its labelled solutions;
rows like MATH's are its solutions, half with their own answers and half with those of other
problems, each of these pairs once; "expressions" are pairs that only Math-Verify can decide, of all
kinds. The processes have been started before. The baseline is Math-Verify, called on rows of the
same set in one process. The clock counts, so that nothing else may run.
"""

from __future__ import annotations

import logging
import pathlib
import sys
import time
from collections.abc import Callable

import orjson

from dataflow_core import MemoryStorage
from dataflow_math import AnswerVerifier

Pairs = list[tuple[str, str]]

EXPRESSIONS = [
    ("x+{n}", "{n}+x"),
    (r"\frac{{x}}{{{n}}}", r"x/{n}"),
    (r"{n}\sqrt{{2}}", r"\sqrt{{2}}\cdot {n}"),
    ("({n}x-1)(x+1)", "{n}x^2+{n}x-x-1"),
    (r"\frac{{{n}\pi}}{{4}}", r"\frac{{\pi}}{{4}}\cdot {n}"),
    ("{n}x=y+1", "y={n}x-1"),
    (r"x \ge {n}", r"{n} \le x"),
    (r"\log_2 {n}", r"\frac{{\ln {n}}}{{\ln 2}}"),
    (r"[{n}, x+1)", r"[{n}, 1+x)"),
    (
        r"\begin{{pmatrix}} {n} \\ 2x \end{{pmatrix}}",
        r"\begin{{pmatrix}} {n}.0 \\ x+x \end{{pmatrix}}",
    ),
]


def main() -> None:
    """Print the rates."""
    shared = pathlib.Path(sys.argv[1]) / "data/math"
    sets: dict[str, tuple[Pairs, int | None]] = {
        "GSM8K-style": (_gsm8k(shared, 20_000), 2500),
        "MATH-style": (_math(shared, 8_000), 800),
        "expressions": (_expressions(1600)[100:], None),
    }
    logging.disable(logging.WARNING)
    _verified(_expressions(100))
    for name, (pairs, aim) in sets.items():
        ours = _rate(_verified, pairs)
        theirs = _rate(_by_math_verify, pairs[:: max(1, len(pairs) // 300)])
        told = f"   (wanted: {aim:,})" if aim else ""
        rates = f"{ours:>9,.0f} rows/s, Math-Verify {theirs:>7,.0f}{told}"
        print(f"{name:12} {len(pairs):>7,} rows  {rates}")


def _rate(judge: Callable[[Pairs], int], pairs: Pairs) -> float:
    begun = time.perf_counter()
    judge(pairs)
    return len(pairs) / (time.perf_counter() - begun)


def _verified(pairs: Pairs) -> int:
    """Judge all, processes started and imports included."""
    table = MemoryStorage([{"reference": a, "answer": b} for a, b in pairs])
    AnswerVerifier(workers=2).run(table)
    assert not len(table.quarantined())
    return sum(row["is_correct"] or 0 for row in table.rows())


def _by_math_verify(pairs: Pairs) -> int:
    from math_verify import parse, verify

    right = 0
    for reference, answer in pairs:
        gold, given = (
            parse(f"${text}$" if len(text) < 60 else text, parsing_timeout=None)
            for text in (reference, answer)
        )
        right += verify(gold, given, timeout_seconds=None)
    return right


def _gsm8k(shared: pathlib.Path, count: int) -> Pairs:
    rows = _rows(shared / "gsm8k_model_solutions_labelled.jsonl")
    return [
        (row["ground_truth"], f"Row {n}. {row['solution']}")
        for n, row in zip(range(count), rows * (count // len(rows) + 1), strict=False)
    ]


def _math(shared: pathlib.Path, count: int) -> Pairs:
    """Return solutions of MATH with their own answers, and with those of other problems."""
    answers = {
        row["question"]: row["answer"] for row in _rows(shared / "math_answers_human_type.jsonl")
    }
    rows = [row for row in _rows(shared / "MATH_test.jsonl") if row["problem"] in answers]
    pairs = []
    for n in range(count):
        around, place = divmod(n, len(rows))
        other = rows[(place + (around // 2 + 1) * (around % 2)) % len(rows)]
        pairs.append((answers[other["problem"]], rows[place]["solution"]))
    return pairs


def _expressions(count: int) -> Pairs:
    return [
        (reference.format(n=n + 2), answer.format(n=n + 2))
        for n in range(count)
        for reference, answer in [EXPRESSIONS[n % len(EXPRESSIONS)]]
    ]


def _rows(path: pathlib.Path) -> list[dict[str, str]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    main()
