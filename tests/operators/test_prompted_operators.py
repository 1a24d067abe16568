"""What holds for all operators that ask a model, however it answers."""

from __future__ import annotations

import json
import pickle
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core import MemoryStorage, Pipeline
from dataflow_core.engine import run_plan
from dataflow_core.errors import ConfigurationError, DataflowError, PlanError, RunStopped
from dataflow_core.operators import general
from dataflow_core.operators.general import (
    BenchmarkAnswers,
    ChunkedGenerator,
    Classify,
    ExtractFields,
    JudgeAnswers,
    JudgeFilter,
    PairwiseJudge,
    PromptedEvaluator,
    PromptedFilter,
    PromptedGenerator,
    PromptedRefiner,
    Summarize,
    TemplateGenerator,
    Translate,
)
from dataflow_core.operators.prompted import Prompted
from dataflow_core.pipeline.recipe import from_yaml, to_yaml
from dataflow_core.plugins import PluginManager
from dataflow_core.serving.backend import Reply, ReplyError
from dataflow_core.serving.backends.openai import OpenAIServing
from dataflow_core.serving.completion import Usage
from dataflow_core.testing import ScriptedServing

REFUSAL = "I can't help with that."
FOREIGN = "申し訳ありませんが、その質問にはお答えできません。"
TEXTS = ["text", "answer", "reference", "question", "answer_a", "answer_b"]
"""The columns that operators read here."""


@dataclass(frozen=True)
class Case:
    """An operator, and what answers to it are like.

    Attributes:
        make: Makes it with a serving.
        good: A proper answer, told by the number of the row.
        asks: How often it asks about a row.
        form: What its answers are: ``"text"``, ``"json"``, ``"score"``, ``"tags"``.
        columns: Bindings that are not the defaults.
        refines: Whether it writes where it reads.
    """

    make: Callable[..., Prompted]
    good: Callable[[int], str]
    form: str = "text"
    asks: int = 1
    columns: dict[str, Any] = field(default_factory=dict)
    refines: bool = False

    def filters(self) -> bool:
        return self.make(serving=ScriptedServing({})).function == "filter"


def _case(cls, good, form="text", asks=1, columns=None, refines=False, **fields):
    return Case(lambda **more: cls(**fields, **more), good, form, asks, columns or {}, refines)


def _verdict(n):
    verdict = "correct" if n % 2 else "incorrect"
    return json.dumps({"explanation": f"So it is: {n}.", "verdict": verdict})


def _facts(n):
    return json.dumps({"name": f"N{n}", "age": n, "size": n + 0.5, "new": n > 3, "tags": ["é"]})


FIELDS = {
    "name": "A name.",
    "age": {"type": "integer"},
    "size": {"type": "number"},
    "new": {"type": "boolean"},
    "tags": {"type": "list"},
}
CASES = {
    "BenchmarkAnswers": _case(BenchmarkAnswers, lambda n: f"<answer>answer {n}</answer>", "tags",
        columns={"output_answer": "said"},
    ),
    "BenchmarkAnswers of options": _case(
        BenchmarkAnswers, lambda n: f"So. <answer>{'AB'[n % 2]}</answer>", "tags",
        columns={"output_answer": "said", "input_options": "options", "input_reference": "right"},
        kind="choice", reference_is="letter",
    ),
    "ChunkedGenerator": _case(ChunkedGenerator, lambda n: f"Said {n}.", instruction="Say it."),
    "Classify": _case(
        Classify, lambda n: json.dumps({"label": "odd" if n % 2 else "even"}), "json",
        labels=["odd", "even"],
    ),
    "Classify with several labels": _case(
        Classify, lambda n: json.dumps({"labels": ["odd"] * (n % 2)}), "json",
        labels=["odd", "even"], multiple=True,
    ),
    "ExtractFields": _case(ExtractFields, _facts, "json", fields=FIELDS),
    "JudgeAnswers": _case(JudgeAnswers, _verdict, "json"),
    "JudgeFilter": _case(JudgeFilter, _verdict, "json"),
    "PairwiseJudge": _case(
        PairwiseJudge, lambda n: json.dumps({"explanation": "", "winner": "AB"[n % 2]}), "json", 2
    ),
    "PromptedEvaluator": _case(PromptedEvaluator, lambda n: f"Score: {n % 10 + 1}", "score",
        maximum=10,
    ),
    "PromptedFilter": _case(PromptedFilter, lambda n: f"Score: {n % 10 + 1}", "score",
        maximum=10, min_value=4,
    ),
    "PromptedGenerator": _case(PromptedGenerator, lambda n: f"Said {n}.", instruction="Say it."),
    "PromptedRefiner": _case(PromptedRefiner, lambda n: f"Better {n}.", refines=True,
        instruction="Make it better.",
    ),
    "Summarize": _case(Summarize, lambda n: f"In short: {n}.", max_words=20),
    "TemplateGenerator": _case(TemplateGenerator, lambda n: f"Said {n}.",
        prompt="{{ question }} {{ text }}",
    ),
    "Translate": _case(Translate, lambda n: f"Dit {n}.", language="French"),
}  # fmt: skip
NAMES = sorted(CASES)

NO, OFF = "unparsable_answer", "score_out_of_range"
FAULTS = {
    "good": {},
    "refuses": {"json": NO, "score": NO, "tags": NO},
    "truncates": dict.fromkeys(("text", "json", "score", "tags"), "truncated"),
    "fences": {},
    "foreign": {"json": NO, "score": NO, "tags": NO},
    "two": {"json": NO, "score": OFF},
    "eleven": {"json": NO, "score": OFF, "tags": NO},
    "nothing": dict.fromkeys(("text", "json", "score", "tags"), "empty_answer"),
    "raises": dict.fromkeys(("text", "json", "score", "tags"), "invalid_request"),
}
"""How a model may answer, and the reason for which rows fail then, by the form of answers.

Of two proper answers JSON has none, while of scores and tags the last counts.
"""

_MARK = re.compile(r"#(\d+):(\w+)")


class Model:
    """A model that answers as the mark in the question says.

    Attributes:
        case: The operator that asks.
    """

    def __init__(self, case: Case) -> None:
        self.case = case

    def __call__(self, request):
        told = "\n".join(str(message["content"]) for message in request.messages)
        number, fault = _MARK.search(told).groups()
        good = self.case.good(int(number))
        return {
            "good": good,
            "refuses": REFUSAL,
            "truncates": Reply(good[: len(good) // 2], "length", Usage(1, 1)),
            "fences": f"```\n{good}\n```",
            "foreign": FOREIGN,
            "two": f"{good}\n{self.other(int(number))}",
            "eleven": "Score: 11",
            "nothing": "",
            "raises": ReplyError("request", "this one I do not answer", status=400),
        }[fault]

    def other(self, number: int) -> str:
        """Return another proper answer; of two scores in a text none is on the scale."""
        return "Score: 12" if self.case.form == "score" else self.case.good(number + 1)


def serving_of(case, **options):
    model = Model(case)

    def script(request):
        return model(request)

    return ScriptedServing(script, **options)


def reason_of(case, fault):
    return FAULTS[fault].get(case.form)


def row(n, fault="good", **more):
    mark = f"#{n}:{fault}"
    texts = {name: f"{name} {mark} 言葉 «ш»" for name in TEXTS}
    options = {"options": ["this", "that"], "right": "B"}
    return {"n": n, **texts, **options, "kept": {"deep": [n, None]}, **more}


class One(Pipeline):
    """One operator, with its columns."""

    def __init__(self, storage, operator, columns):
        super().__init__(storage)
        self.step, self.columns = operator, columns

    def forward(self):
        self.step.run(self.storage, **self.columns)


def pipeline(case, rows, **options):
    return One(MemoryStorage(rows), case.make(serving=serving_of(case, **options)), case.columns)


def fates(case, rows, tmp_path, **options):
    """Run, check the sums, and return the fate of each row by its number."""
    run_dir, out = tmp_path / "run", tmp_path / "out.jsonl"
    report = pipeline(case, rows).run(out, run_dir=run_dir, max_failures=len(rows), **options)
    (step,) = report.steps
    assert step.rows_in == len(rows) == step.rows_out + step.dropped + step.quarantined
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    places = {one["n"]: place for place, one in enumerate(rows)}
    order = [places[line["n"]] for line in lines]
    assert order == sorted(order)
    found = {line["n"]: ("output", line) for line in lines}
    ledger = pq.read_table(run_dir / "ledger.parquet").to_pandas()
    assert len(ledger) == len(rows) == ledger["row_id"].nunique()
    for kind in ("quarantine", "dropped"):
        for one in stored(run_dir / kind):
            assert one["n"] not in found
            told = (one["reason"], one["value"]) if kind == "quarantine" else one["reason"]
            found[one["n"]] = (kind, told)
    assert found.keys() == places.keys()
    kinds = {"output": "output", "quarantined": "quarantine", "dropped": "dropped"}
    counts = [kinds[fate] for fate in ledger["fate"]]
    assert sorted(counts) == sorted(fate for fate, _ in found.values())
    return found


def stored(folder: Path):
    files = sorted(folder.rglob("*.arrow"))
    return [row for file in files for row in pa.ipc.open_file(file).read_all().to_pylist()]


def test_every_operator_that_asks_is_here():
    asking = [name for name in general.__all__ if issubclass(getattr(general, name), Prompted)]
    assert asking == sorted(
        {type(case.make(serving=ScriptedServing({}))).__name__ for case in CASES.values()}
    )


# How models answer


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_one_fate_with_its_reason_whatever_the_model_answers(name, tmp_path):
    case = CASES[name]
    faults = list(FAULTS)
    rows = [row(n, faults[n % len(faults)]) for n in range(2 * len(faults))]
    found = fates(case, rows, tmp_path / "all")
    for one in rows:
        fault = faults[one["n"] % len(faults)]
        fate, told = found[one["n"]]
        reason = reason_of(case, fault)
        assert (fate == "quarantine") == (reason is not None), (fault, told)
        if reason is not None:
            assert told[0] == reason
            raw = {"refuses": REFUSAL, "foreign": FOREIGN, "eleven": "Score: 11"}.get(fault)
            assert raw is None or told[1] == raw
    for size, order in [(1, 1), (3, 1), (None, -1), (3, -1)]:
        again = fates(case, rows[::order], tmp_path / f"{size}{order}", batch_size=size)
        assert again == found


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_becomes_of_a_row_does_not_depend_on_those_beside_it(name, data):
    case = CASES[name]
    faults = data.draw(st.lists(st.sampled_from(list(FAULTS)), min_size=1, max_size=8))
    rows = [row(n, fault) for n, fault in enumerate(faults)]
    together = made(case, rows)
    alone = [made(case, [one]) for one in rows]
    assert together[0] == [line for lines, _ in alone for line in lines]
    assert together[1] == [line for _, failed in alone for line in failed]


def made(case, rows, serving=None):
    """Run without engine; return the rows, and what failed."""
    table = MemoryStorage(rows)
    case.make(serving=serving or serving_of(case)).run(table, **case.columns)
    failed = table.quarantined()
    names = ["n", "reason", "message", "value"]
    return table.rows(), failed[names].values.tolist() if len(failed) else []


# Values


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("blank", [None, "", " \n\t　"])
def test_rows_without_text_are_not_asked_about_and_get_null(name, blank):
    case = CASES[name]
    serving = serving_of(case)
    empty = {"n": 1, **dict.fromkeys(TEXTS, blank), "options": None, "right": None, "kept": None}
    rows, failed = made(case, [row(0), empty, row(3)], serving)
    assert failed == []
    assert len(serving.requests) == 2 * case.asks
    assert all(_MARK.search(request.messages[-1]["content"]) for request in serving.requests)
    (after,) = [one for one in rows if one["n"] == 1] or [None]
    if case.filters():
        assert after is None
        return
    new = set(after) - set(empty)
    assert (new == set()) == case.refines
    assert after == {**empty, **dict.fromkeys(new)}


@pytest.mark.parametrize("name", NAMES)
def test_columns_that_are_not_its_business_are_carried(name):
    case = CASES[name]
    given_rows = [row(n, big=2**60 + n, code="007") for n in (3, 5)]
    for before, after in zip(given_rows, made(case, given_rows)[0], strict=True):
        changed = {"text"} if case.refines else set()
        assert {key: after[key] for key in before.keys() - changed} == {
            key: before[key] for key in before.keys() - changed
        }
        assert list(after)[: len(before)] == list(before)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_table_gets_the_columns_and_nothing_is_asked(name):
    case = CASES[name]
    full = MemoryStorage([row(3)])
    empty = MemoryStorage(pa.Table.from_batches([], schema=full.frame.to_arrow().schema))
    serving = serving_of(case)
    for table in (full, empty):
        case.make(serving=serving).run(table, **case.columns)
    assert empty.rows() == []
    assert list(empty.columns()) == list(full.columns())
    assert len(serving.requests) == case.asks


@pytest.mark.parametrize("name", NAMES)
def test_a_long_text_and_one_with_template_marks_are_data(name):
    case = CASES[name]
    marks = "{{ criteria }} {% for x in y %} {# no #} {0} %s <text> </text> \x00 \ud7ff"
    long = row(3)
    long["text"] = long["answer_a"] = ("#3:good " + "word " * 500) * 120
    rows, failed = made(case, [row(5, text=f"#5:good {marks}"), long])
    assert failed == []
    assert [one["n"] for one in rows] == [5, 3]


# Plans


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_foretells_the_columns_and_their_types(name, tmp_path):
    case = CASES[name]
    rows = [row(n) for n in (3, 5)]
    plan = pipeline(case, rows).compile()
    storage = MemoryStorage(rows)
    foretold = plan.columns(storage.columns())["step"]
    case.make(serving=serving_of(case)).run(storage, **case.columns)
    after = storage.columns()
    assert set(foretold) == set(after)
    known = {key: kind for key, kind in foretold.items() if not pa.types.is_null(kind)}
    assert {key: after[key] for key in known if key not in rows[0]} == {
        key: kind if not pa.types.is_list(kind) else after[key]
        for key, kind in known.items()
        if key not in rows[0]
    }


@pytest.mark.parametrize("name", [one for one in NAMES if one != "TemplateGenerator"])
def test_a_prompt_with_other_variables_is_a_problem_of_the_plan(name):
    case = CASES[name]
    own = case.make(serving=ScriptedServing({})).template
    answer = {"kind": "tags", "tags": ["answer"]} if case.form == "tags" else case.form
    wrong = {"user": own.user + "\n{{ txt }}", "system": own.system, "answer": answer}
    with pytest.raises(PlanError, match=r"the prompt uses \{\{ txt \}\}, which \w+ does not give"):
        compiled(case, prompt=wrong)
    with pytest.raises(PlanError, match=r"does not use \{\{ (text|answer|question)"):
        compiled(case, prompt={"user": "{% if true %}Hello{% endif %}", "answer": answer})
    if case.form == "json":
        with pytest.raises(PlanError, match=r"is answered as text, and \w+ reads json"):
            compiled(case, prompt={"user": own.user, "system": own.system})
        schema = {"kind": "json", "schema": {"type": "object"}}
        with pytest.raises(PlanError, match=r"has a schema, .*say 'answer: json' alone"):
            compiled(case, prompt={"user": own.user, "system": own.system, "answer": schema})


@pytest.mark.parametrize("name", [one for one in NAMES if one != "TemplateGenerator"])
def test_a_prompt_with_other_variables_is_an_error_without_a_plan_too(name):
    case = CASES[name]
    answer = {"kind": "tags", "tags": ["answer"]} if case.form == "tags" else case.form
    serving = serving_of(case)
    prompt = {"user": "{% if true %}Hello{% endif %}", "answer": answer}
    operator = case.make(serving=serving, prompt=prompt)
    with pytest.raises(DataflowError, match=r"does not use \{\{ (text|answer|question)"):
        operator.run(MemoryStorage([row(1)]), **case.columns)
    assert serving.requests == []


def test_without_instruction_a_generator_has_nothing_to_ask():
    serving = ScriptedServing(lambda text: "ok")
    with pytest.raises(DataflowError, match="instruction is empty: say what to do"):
        PromptedGenerator(serving=serving).run(MemoryStorage([row(1)]))
    with pytest.raises(PlanError, match="instruction is empty"):
        One(MemoryStorage([row(1)]), PromptedGenerator(serving=serving), {}).compile()
    table = MemoryStorage([row(1)])
    PromptedGenerator(serving=serving, prompt="Sum up {{ text }}").run(table)
    assert table.rows()[0]["generated"] == "ok"


# Scales


def scored(told, header, cls=PromptedEvaluator, **fields):
    """Return the scores, or the reason of the failure, and what was asked."""
    serving = ScriptedServing(lambda text: told)
    table = MemoryStorage([{"text": "a text"}])
    prompt = {
        "system": "{{ minimum }} to {{ maximum }}{% if step %} by {{ step }}{% endif %}",
        "user": "{{ text }}",
        "answer": {"kind": "score", **header},
    }
    cls(serving=serving, prompt=prompt, **fields).run(table)
    failed = table.quarantined()
    found = failed["reason"].tolist() or [one["score"] for one in table.rows()]
    return found, serving.requests[0].messages[0]["content"]


@pytest.mark.parametrize("cls", [PromptedEvaluator, PromptedFilter])
def test_a_scale_in_the_header_counts_where_the_operator_gives_none(cls):
    ten = {"minimum": 0, "maximum": 10, "step": 2}
    assert scored("Score: 8", ten, cls) == ([8.0], "0 to 10 by 2")
    assert scored("Score: 7", ten, cls) == (["score_off_step"], "0 to 10 by 2")
    assert scored("Score: 7", {"maximum": 10}, cls) == ([7.0], "1 to 10")
    assert scored("Score: 0", {"maximum": 10}, cls, minimum=0) == ([0.0], "0 to 10")
    assert scored("Score: 4", {"maximum": 5}, cls, maximum=5) == ([4.0], "1 to 5")
    assert scored("Score: 9", {"minimum": 6, "maximum": 9}, cls) == ([9.0], "6 to 9")


def test_a_scale_is_told_with_all_its_digits():
    found = scored("Score: 1234566.5", {}, maximum=1_234_567, step=0.5)
    assert found == ([1234566.5], "1 to 1234567 by 0.5")


@pytest.mark.parametrize("cls", [PromptedEvaluator, PromptedFilter])
@pytest.mark.parametrize(
    ("header", "fields", "told"),
    [
        ({"maximum": 10}, {"maximum": 7}, r"maximum 10 in .* maximum 7: .*STEP.maximum=10"),
        ({"step": 1}, {"step": 0.5}, r"step 1 in its header, and \w+ step 0.5"),
        ({"step": 1}, {"step": None}, r"step 1 in its header, and \w+ step None"),
        ({"minimum": 8}, {}, r"no scale together: minimum \(8\) is not below maximum \(5\)"),
    ],
)  # fmt: skip
def test_two_scales_are_a_problem_that_names_both(cls, header, fields, told):
    with pytest.raises(DataflowError, match=told):
        scored("Score: 3", header, cls, **fields)
    prompt = {"user": "{{ text }}", "answer": {"kind": "score", **header}}
    operator = cls(serving=ScriptedServing({}), prompt=prompt, **fields)
    with pytest.raises(PlanError, match=told):
        One(MemoryStorage([row(1)]), operator, {}).compile()


def test_a_filter_s_bounds_lie_on_the_scale_of_the_header():
    assert scored("Score: 9", {"maximum": 10}, PromptedFilter, min_value=8)[0] == [9.0]
    with pytest.raises(DataflowError, match="min_value is 12, which is not on the scale, 1 to 10"):
        scored("Score: 9", {"maximum": 10}, PromptedFilter, min_value=12)


@pytest.mark.parametrize("name", ["minimum", "maximum", "step"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_scale_has_finite_numbers(name, number):
    with pytest.raises(ConfigurationError, match=f"{name}.*finite"):
        PromptedEvaluator(serving=ScriptedServing({}), **{name: number})


def compiled(case, **fields):
    operator = case.make(serving=ScriptedServing({}), **fields)
    return One(MemoryStorage([row(1)]), operator, case.columns).compile()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_gives_the_plan_again(name):
    case = CASES[name]
    operator = case.make(serving=OpenAIServing(model="m"), sampling={"temperature": 0.5})
    plan = One(MemoryStorage([row(1)]), operator, case.columns).compile()
    plugins = PluginManager()
    written = to_yaml(plan, plugins.name_of)
    assert f"operator: core/{operator.step_name()}" in written
    again = from_yaml(
        written,
        lambda full: plugins.load(plugins.find("operator", full)),
        storage=MemoryStorage([row(1)]),
    )
    assert again.steps == plan.steps


@pytest.mark.parametrize("name", NAMES)
def test_operators_can_be_pickled(name):
    operator = CASES[name].make(serving=OpenAIServing(model="m"))
    operator.problems({}, operator.bind(**CASES[name].columns))  # its template is read now
    assert pickle.loads(pickle.dumps(operator)) == operator


@pytest.mark.parametrize("name", [one for one in NAMES if one != "TemplateGenerator"])
def test_prompts_begin_alike_and_keep_what_is_untrusted_between_tags(name):
    case = CASES[name]
    serving = serving_of(case)
    made(case, [row(n) for n in range(4)], serving)
    systems = {request.messages[0]["content"] for request in serving.requests}
    assert len(systems) == 1
    assert not _MARK.search(systems.pop())


# Stopped and taken up


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_was_stopped_asks_nothing_twice(name, tmp_path):
    case, stop, model, asked = CASES[name], threading.Event(), Model(CASES[name]), []

    def script(request):
        asked.append(json.dumps(request.messages, default=str))
        if len(asked) > 6:
            stop.set()
        return model(request)

    serving = ScriptedServing(script, max_concurrency=1, delay=0.002)
    rows = [row(n) for n in range(30)]
    plan = One(MemoryStorage(rows), case.make(serving=serving), case.columns).compile()
    options = {"output": tmp_path / "out.jsonl", "run_dir": tmp_path / "run", "batch_size": 5}
    with pytest.raises(RunStopped), stopped_by(stop):
        run_plan(plan, **options)
    assert 6 < len(asked) < 30 * case.asks
    run_plan(plan, **options)
    assert len(asked) == len(set(asked)) == 30 * case.asks
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines == made(case, rows)[0]


@contextmanager
def stopped_by(event):
    """Have a run take an event for Ctrl-C."""
    from dataflow_core.engine import run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "stop_on_interrupt", lambda _say=None: nullcontext(event.is_set))
        yield
