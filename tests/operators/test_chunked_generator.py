"""Asking about long texts in pieces."""

import re

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_core.operators.general import ChunkedGenerator
from dataflow_core.operators.general.chunking import split
from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.serving.completion import Usage
from dataflow_core.testing import ScriptedServing

LONG = "\n\n".join(f"Paragraph {n} of a long text. It says {n}." for n in range(12))
SHORT = "Короткий текст."


def piece_of(text):
    return re.fullmatch(r"<text>\n(.*)\n</text>", text, re.DOTALL)[1]


def chunked(told, rows, columns=None, **options):
    table, calls = MemoryStorage(rows), []

    class Counted(ScriptedServing):
        def generate_from_input(self, inputs, *more, **named):
            calls.append(len(inputs))
            return super().generate_from_input(inputs, *more, **named)

    serving = Counted(lambda text: told(piece_of(text)))
    options = {"instruction": "Shout.", "max_tokens": 40, **options}
    ChunkedGenerator(serving=serving, **options).run(table, **(columns or {}))
    assert len(calls) == 1
    return table, serving


def test_all_pieces_are_asked_in_one_call_and_joined():
    rows = [{"text": LONG}, {"text": None}, {"text": SHORT}, {"text": " \n "}]
    table, serving = chunked(str.upper, rows, {"output_pieces": "pieces"}, separator=" | ")
    pieces = [piece.text for piece in split(LONG, 40)]
    assert 3 < len(pieces) == len(serving.requests) - 1
    answers = [piece.strip().upper() for piece in pieces]
    assert [row["generated"] for row in table.rows()] == [
        " | ".join(answers), None, SHORT.upper(), None,
    ]  # fmt: skip
    assert [row["pieces"] for row in table.rows()] == [answers, None, [SHORT.upper()], None]
    assert len({request.messages[0]["content"] for request in serving.requests}) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "empty_answer"),
        (Reply("PARAGR", "length", Usage(1, 1)), "truncated"),
        (ReplyError("request", "no", status=400), "invalid_request"),
    ],
)
def test_a_piece_that_fails_fails_its_row_alone_and_is_named(bad, reason):
    rows = [{"n": 0, "text": LONG}, {"n": 1, "text": SHORT}]
    number = next(n for n, piece in enumerate(split(LONG, 40), 1) if "Paragraph 7" in piece.text)
    table, _ = chunked(
        lambda piece: bad if "Paragraph 7" in piece else "fine", rows, {"output_pieces": "pieces"}
    )
    assert table.rows() == [{"n": 1, "text": SHORT, "generated": "fine", "pieces": ["fine"]}]
    failed = table.quarantined().iloc[0]
    assert (failed["n"], failed["reason"]) == (0, reason)
    assert failed["message"].startswith(f"piece {number} of {len(split(LONG, 40))}: ")


def test_equal_pieces_are_told_apart_where_words_are_chosen_at_random():
    rows = [{"text": "Again and again.\n\n" * 40}]
    table, serving = chunked(
        lambda piece: "so", rows, {"output_pieces": "p"}, sampling={"temperature": 1}
    )
    assert len(serving.requests) == len(table.rows()[0]["p"]) > 2
    _, serving = chunked(lambda piece: "so", rows)
    assert len(serving.requests) <= 2


def test_blank_pieces_are_not_asked_about():
    rows = [{"text": "One." + "\n" * 400 + "Two."}]
    table, serving = chunked(str.lower, rows)
    assert [piece_of(one.messages[-1]["content"]).strip() for one in serving.requests] == [
        "One.", "Two.",
    ]  # fmt: skip
    assert table.rows()[0]["generated"] == "one.\ntwo."


def test_pieces_overlap():
    rows = [{"text": LONG}]
    _, serving = chunked(str.lower, rows, overlap=10)
    pieces = [piece_of(request.messages[-1]["content"]) for request in serving.requests]
    assert sorted(pieces) == sorted(piece.text for piece in split(LONG, 40, 10))
    assert len(pieces) > len(split(LONG, 40))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 7}, "max_tokens"),
        ({"max_tokens": 20, "overlap": 11}, "more than half"),
        ({"overlap": -1}, "overlap"),
    ],
)
def test_limits_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        ChunkedGenerator(serving=ScriptedServing({}), instruction="x", **options)
