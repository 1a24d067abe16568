"""Numbers of things are worded as people word them."""

from __future__ import annotations

import pytest

from dataflow_core.engine.call_texts import answers_text
from dataflow_core.operators.general import FilterRows
from dataflow_core.pipeline.drawing import as_text
from dataflow_core.pipeline.plan import SOURCE, Plan, Step
from dataflow_core.serving.tally import Tally
from dataflow_core.wording import counted


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows")]
)
def test_one_thing_is_no_more(number, told):
    assert counted(number, "row") == told
    assert counted(number, "row was", "rows were").startswith(told)


def test_plans_and_calls_of_one_have_singulars():
    step = Step("only", FilterRows(where="n > 1"), {}, SOURCE)
    plan = Plan("small", (step,), {SOURCE: None}, "only")
    assert as_text(plan).splitlines()[0] == "small: 1 step in 1 stage"
    tally = Tally(asked=1, answered=1, requests=1, prompt_tokens=1, completion_tokens=1, cost=0.5)
    assert answers_text(tally) == "1 answer asked for: $0.50, 1 request, 1 token in, 1 out"
