"""Servings in operators, plans and recipes: found, checked, shared, written without secrets."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from dataflow_core import Evaluator, Generator, MemoryStorage, Pipeline, Storage
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.errors import ConfigurationError, PlanError, RecipeError
from dataflow_core.operators.filters import BoundsFilter
from dataflow_core.pipeline.checks import check_plan
from dataflow_core.pipeline.python_source import to_python
from dataflow_core.pipeline.recipe import from_yaml, to_yaml
from dataflow_core.pipeline.settings import reconfigure, with_serving
from dataflow_core.serving.backends.openai import OpenAIServing
from dataflow_core.serving.base import Serving
from dataflow_core.testing import ScriptedServing

SECRET = "-".join(["sk", "1234567890"])


class Draft(Generator):
    """Write with one serving."""

    needs: ClassVar = frozenset({"chat"})

    serving: Serving
    style: str = "plain"

    def run(self, storage: Storage, input_q: str = "q", output_a: str = "a") -> None:
        storage.write(storage.read())


class Panel(Generator):
    """Judge with several servings, and find neighbours with another one."""

    needs: ClassVar = {"judges": frozenset({"chat"}), "embedder": frozenset({"embed"})}

    judges: list[Serving]
    named: dict[str, Serving] = Field(default_factory=dict)
    embedder: Serving | None = None

    def run(self, storage: Storage, input_a: str = "a", output_b: str = "b") -> None:
        storage.write(storage.read())


class Scored(Evaluator):
    """Score with a serving."""

    needs: ClassVar = frozenset({"embed"})

    serving: Serving

    def run(self, storage: Storage, input_q: str = "q", output_score: str = "score") -> None:
        storage.write(storage.read().assign(**{output_score: 1.0}))


class WellScored(BoundsFilter):
    evaluator: ClassVar = Scored

    serving: Serving

    def run(self, storage: Storage, input_q: str = "q", output_score: str = "score") -> None:
        self.keep_within_bounds(storage, output_score, input_q=input_q, output_score=output_score)


class Inner(BaseModel):
    serving: Serving


class Outer(Generator):
    inner: Inner

    def run(self, storage: Storage) -> None:
        storage.write(storage.read())


class OnlyChat(ScriptedServing):
    prefix: ClassVar[str] = "onlychat"
    capabilities: ClassVar = frozenset({"chat"})


class Both(Pipeline):
    def __init__(self, draft, panel, storage=None) -> None:
        super().__init__(storage or MemoryStorage([{"q": "why?"}]))
        self.draft, self.panel = draft, panel

    def forward(self) -> None:
        self.draft.run(self.storage)
        self.panel.run(self.storage)


def plan_of(draft, panel):
    return Both(draft, panel).compile(check=False)


def servings_of(plan):
    return {
        f"{step.name}.{path}": one
        for step in plan.steps
        for path, one in step.operator.servings().items()
    }


def test_an_operator_tells_its_servings_also_in_lists_and_dicts():
    one, two, three = (OpenAIServing(model=name) for name in "abc")
    panel = Panel(judges=[one, two], named={"strict": three})
    assert panel.servings() == {"judges.0": one, "judges.1": two, "named.strict": three}
    assert Draft(serving=one).servings() == {"serving": one}


def test_a_filter_by_a_measure_needs_what_its_evaluator_needs():
    one = ScriptedServing([])
    found = WellScored(serving=one)
    assert found.servings() == {"serving": one}
    assert found.needs == frozenset({"embed"})
    assert found.make_evaluator().serving is one


def test_servings_within_models_are_found():
    one = OpenAIServing(model="m")
    assert Outer(inner=Inner(serving=one)).servings() == {"inner.serving": one}


def test_a_serving_that_cannot_do_what_is_needed_is_told_with_its_field():
    panel = Panel(judges=[ScriptedServing([])], embedder=OnlyChat([], model="m"))
    plan = plan_of(Draft(serving=ScriptedServing([])), panel)
    (problem,) = [one for one in check_plan(plan, None) if one.code == "lacking_capability"]
    assert (problem.level, problem.step, problem.parameter) == ("error", "panel", "embedder")
    assert problem.message == (
        "panel needs a serving that can do 'embed', and onlychat:m can do: chat. "
        "Give another one: --param panel.embedder=…"
    )
    with pytest.raises(PlanError, match="step 'panel', embedder: panel needs a serving"):
        Both(Draft(serving=ScriptedServing([])), panel).compile()


def test_recipes_hold_specifications_and_equal_ones_are_one_serving():
    shared = OpenAIServing(model="m", base_url="http://host/v1", max_concurrency=3, api_key=SECRET)
    plan = plan_of(Draft(serving=shared), Panel(judges=[shared, OpenAIServing(model="other")]))
    text = to_yaml(plan)
    assert "serving: openai:m@http://host/v1#max_concurrency=3" in text
    assert SECRET not in text
    read = servings_of(from_yaml(text))
    assert read["draft.serving"] is read["panel.judges.0"]
    assert read["draft.serving"] is not read["panel.judges.1"]
    assert read["draft.serving"].max_concurrency == 3
    assert to_yaml(from_yaml(text)) == text


def test_python_source_makes_the_plan_again(tmp_path, monkeypatch):
    plan = plan_of(Draft(serving="openai:m"), Panel(judges=["openai:m", "openai:n"]))
    source = to_python(plan)
    assert "serving='openai:m'" in source
    space = {}
    exec(source, space)  # noqa: S102
    made = space["Both"](MemoryStorage([{"q": "why?"}])).compile(check=False)
    assert to_yaml(made) == to_yaml(plan)


def test_another_serving_is_given_by_its_specification_and_shared():
    plan = plan_of(Draft(serving="openai:m"), Panel(judges=["openai:m"]))
    changed = servings_of(
        reconfigure(plan, {"draft.serving": "openai:n", "panel.judges": ["openai:n", "openai:m"]})
    )
    assert changed["draft.serving"] is changed["panel.judges.0"]
    assert changed["panel.judges.1"] == servings_of(plan)["panel.judges.0"]


def test_a_serving_that_has_a_key_is_kept_where_its_specification_is_named_again():
    keyed = OpenAIServing(model="m", api_key=SECRET)
    plan = plan_of(Draft(serving=keyed), Panel(judges=["openai:n"]))
    changed = servings_of(reconfigure(plan, {"panel.judges": ["openai:m"]}))
    assert changed["panel.judges.0"] is keyed


def test_one_serving_for_all_steps_takes_fields_of_that_name_alone():
    plan = plan_of(Draft(serving="openai:m", style="odd"), Panel(judges=["openai:m"]))
    one = OpenAIServing(model="n")
    changed = with_serving(plan, one)
    assert servings_of(changed)["draft.serving"] is one
    assert servings_of(changed)["panel.judges.0"].model == "m"
    assert changed.step("draft").operator.style == "odd"


RECIPE = f"""\
dataflow: 1
name: drafts
steps:
- name: first
  operator: {__name__}:Draft
- name: second
  operator: {__name__}:Draft
  config:
    style: odd
  columns:
    input_q: a
    output_a: b
"""


def test_a_recipe_may_leave_servings_out_that_are_given_to_it():
    one = OpenAIServing(model="m")
    read = servings_of(from_yaml(RECIPE, serving=one))
    assert read == {"first.serving": one, "second.serving": one}
    assert read["first.serving"] is read["second.serving"] is one


def test_steps_without_a_serving_are_all_named_with_a_way_out():
    with pytest.raises(RecipeError) as caught:
        from_yaml(RECIPE, path="drafts.yaml")
    told = str(caught.value)
    assert told.count("draft needs a serving: give --serving openai:gpt-4o-mini") == 2
    assert "--serving embedded:" in told


def test_a_serving_that_no_step_takes_is_refused():
    recipe = "dataflow: 1\nsteps:\n- operator: dataflow_core.operators.general:Sample\n"
    recipe += "  config: {count: 3}\n"
    with pytest.raises(RecipeError, match=r"openai:m: no step of .* takes a serving"):
        from_yaml(recipe, serving=OpenAIServing(model="m"))
    plan = from_yaml(recipe)
    with pytest.raises(ConfigurationError, match="no step of recipe takes a serving"):
        with_serving(plan, OpenAIServing(model="m"))


def test_fingerprints_tell_the_model_and_no_means_by_which_it_is_asked():
    def hashes(**fields):
        plan = plan_of(Draft(serving=OpenAIServing(**{"model": "m", **fields})), Panel(judges=[]))
        return Fingerprints.of(plan, limit=None).hashes["draft"]

    assert hashes() == hashes(max_concurrency=9, timeout=1, api_key=SECRET, transport_retries=0)
    others = {
        hashes(model="n"),
        hashes(base_url="http://elsewhere/v1"),
        hashes(temperature=1.0),
        hashes(max_tokens=5),
        hashes(accept_truncated=True),
        hashes(),
    }
    assert len(others) == 6
