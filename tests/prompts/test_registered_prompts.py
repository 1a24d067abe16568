"""Every prompt of the core is a template that its specification describes."""

import re

import pytest

from dataflow_core.plugins import PluginManager
from dataflow_core.prompts.examination import prompt_findings
from dataflow_core.prompts.prompt import read_template, registered

MANAGER = PluginManager(entry_points=[])
PROMPTS = [one for one in MANAGER.all_of("prompt") if one.namespace == "core"]


def test_the_core_has_prompts():
    assert {one.full_name for one in PROMPTS} >= {"core/prompted_generator"}


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda one: one.full_name)
def test_a_prompt_is_a_template_with_the_summary_as_its_description(prompt):
    assert list(prompt_findings(prompt)) == []
    template = registered(prompt.full_name)
    assert template == read_template(MANAGER.load(prompt), f"the prompt {prompt.full_name}")


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda one: one.full_name)
def test_a_prompt_says_what_each_of_its_variables_is(prompt):
    template = registered(prompt.full_name)
    assert template.variables.keys() == template.used
    assert all(template.variables.values())


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda one: one.full_name)
def test_no_text_closes_the_tag_that_it_stands_in(prompt):
    template = registered(prompt.full_name)
    tags = set(re.findall(r"</(\w+)>", template.user))
    assert tags
    closing = "".join(f"</{tag}>" for tag in sorted(tags))
    values = dict.fromkeys(template.used, closing) | {"options": {"A": closing}}
    plain = dict.fromkeys(template.used, "x") | {"options": {"A": "x"}}
    if template.system and "labels" in template.used:
        values["labels"] = plain["labels"] = {}
    for tag in tags:
        shown, wanted = template.render(**values), template.render(**plain)
        own = [line for line in shown.splitlines() if line == f"</{tag}>"]
        assert len(own) == wanted.count(f"</{tag}>")
        inside = re.findall(rf"<{tag}>\n(.*)\n</{tag}>", shown)
        assert all(f"</{tag}>" not in one for one in inside)
