"""The data on former names are true: every target, field and column parameter is there."""

import importlib
import inspect
import re

import pytest
from pydantic import ValidationError

from dataflow_core.cli.main import BUILT_INS
from dataflow_core.migration import Former, former_names
from dataflow_core.plugins import PluginManager

NAMES = former_names()
PLUGINS = PluginManager()
MAPPED = {name: one for name, one in NAMES.by_name.items() if one.use}
OPERATORS = {name: one for name, one in MAPPED.items() if one.kind == "operator"}
WITH_FIELDS = {name: one for name, one in MAPPED.items() if one.kind in {"operator", "serving"}}
NO_DEFAULT = object()

# The operators of the earlier system, by its packages: none is forgotten.
COUNTS = {
    "core_text": 19,
    "core_vision": 1,
    "core_speech": 1,
    "general_text": 62,
    "text_pt": 15,
    "text_sft": 18,
    "conversations": 10,
    "reasoning": 19,
    "code": 19,
    "text2sql": 12,
    "agentic_rag": 4,
    "knowledge_cleaning": 10,
    "pdf2vqa": 5,
    "chemistry": 2,
}


def successor(former: Former):
    return getattr(importlib.import_module(former.module), former.name)


def parameters(former: Former, former_parameters) -> dict[str, object]:
    """Return the parameters of a constructor or of `run` here, with their defaults."""
    cls = successor(former)
    if former_parameters is former.run:
        found = list(inspect.signature(cls.run).parameters.values())[2:]
        return {
            one.name: NO_DEFAULT if one.default is inspect.Parameter.empty else one.default
            for one in found
        }
    plain = {name: one.default for name, one in cls.model_fields.items()}
    return {
        name: NO_DEFAULT
        if one.is_required()
        else one.get_default(call_default_factory=True, validated_data=plain)
        for name, one in cls.model_fields.items()
    }


@pytest.mark.parametrize("package", COUNTS)
def test_every_operator_of_the_earlier_system_is_named(package):
    entries = NAMES.modules[f"dataflow.operators.{package}"]
    assert len(entries) == COUNTS[package]


def test_operators_of_domains_without_a_plugin_name_the_plugin_to_come():
    later = {one.plugin for one in NAMES.by_name.values() if one.fit == "later"}
    assert later == {"dataflow-code", "dataflow-sql", "dataflow-rag", "dataflow-knowledge"}


@pytest.mark.parametrize("name", OPERATORS)
def test_a_registered_operator_is_the_class_that_is_imported(name):
    former = OPERATORS[name]
    found = next(one for one in PLUGINS.operators() if one.full_name == former.to)
    assert PLUGINS.load(found) is successor(former)


@pytest.mark.parametrize("name", sorted(set(MAPPED) - set(OPERATORS)))
def test_other_successors_can_be_imported(name):
    assert isinstance(successor(MAPPED[name]), type)


@pytest.mark.parametrize("name", WITH_FIELDS)
@pytest.mark.parametrize("side", ["new", "run"])
def test_parameters_go_to_parameters_that_are_there(name, side):
    former = WITH_FIELDS[name]
    rules = getattr(former, side)
    if not rules and not (former.adds if side == "new" else former.run_adds):
        return
    known = parameters(former, rules)
    wanted = {rule.to for rule in rules.values()} | {rule.also for rule in rules.values()}
    wanted |= set(former.adds if side == "new" else former.run_adds)
    assert wanted - {None} <= known.keys()


@pytest.mark.parametrize("name", [n for n, one in WITH_FIELDS.items() if one.fit == "same"])
@pytest.mark.parametrize("side", ["new", "run"])
def test_former_defaults_are_written_out_where_ours_differ(name, side):
    former = WITH_FIELDS[name]
    rules = getattr(former, side)
    known = parameters(former, rules) if rules else {}
    for rule in rules.values():
        if rule.to is None or not rule.has_default or rule.convert or rule.ask:
            continue
        ours = known[rule.to]
        same = ours == rule.was or _folded(ours) == _folded(rule.was)
        assert rule.keep != same, (rule, ours)


def _folded(value):
    """Return texts in lower case: what compares them does so too."""
    return [one.casefold() for one in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", [n for n, one in OPERATORS.items() if one.fit == "same"])
def test_what_ours_requires_is_given_by_every_rewritten_call(name):
    former = OPERATORS[name]
    for side, adds in (("new", former.adds), ("run", former.run_adds)):
        rules = getattr(former, side)
        given = set(adds)
        for rule in rules.values():
            if rule.to and (rule.keep or rule.needed or rule.optional or rule.has_default):
                given.add(rule.to)
            if rule.also:
                given.add(rule.also)
        required = {n for n, value in parameters(former, rules).items() if value is NO_DEFAULT}
        assert required <= given


def _defaults(former: Former) -> dict[str, object]:
    told = {one.to: one.was for one in former.new.values() if one.to and one.has_default}
    return {name: value for name, value in told.items() if value is not None} | former.adds


@pytest.mark.parametrize("name", [n for n, one in OPERATORS.items() if one.fit == "same"])
def test_former_defaults_are_values_that_our_operators_take(name):
    former = OPERATORS[name]
    cls = successor(former)
    told = _defaults(former)
    needs = {"serving": "openai:small", "instruction": "Write.", "min_value": 0.5}
    told |= {
        one.to: needs[one.to] for one in former.new.values() if one.needed and one.to not in told
    }
    assert isinstance(cls(**told), cls)


def test_prompts_that_stand_for_former_ones_are_registered():
    known = {one.full_name for one in PLUGINS.prompts()}
    prompts = [one for one in NAMES.by_name.values() if one.kind == "prompt" and one.to]
    assert prompts
    assert {one.to for one in prompts} <= known


def test_no_name_stands_for_two_things():
    names = [
        name
        for entries in NAMES.modules.values()
        for key, former in entries.items()
        for name in (key, *former.aliases)
    ]
    assert len(names) == len(set(names))


def test_operators_named_in_advice_are_registered():
    known = {one.full_name for one in PLUGINS.operators()}
    known |= {one.full_name for one in PLUGINS.prompts()}
    for name, former in NAMES.by_name.items():
        rules = [*former.new.values(), *former.run.values()]
        texts = [former.do or "", *former.differs, *(rule.ask or "" for rule in rules)]
        for mentioned in re.findall(r"\b(?:core|text|math)/[a-z_]+", " ".join(texts)):
            assert mentioned in known, (name, mentioned)


def test_former_commands_lead_to_commands_that_are_there():
    known = {name for section in BUILT_INS.values() for name in section}
    for command in NAMES.commands:
        word = (command.now or "dataflow run").split()[1]
        assert word.startswith("--") or word in known, command
        assert command.now or command.note


def test_a_wrong_entry_is_refused():
    with pytest.raises(ValidationError, match="needs 'use'"):
        Former(fit="same")
    with pytest.raises(ValidationError, match="needs 'do'"):
        Former(fit="none")
