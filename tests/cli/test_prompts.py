"""`dataflow prompts`: what is listed, shown, and rendered."""

import json

import pytest

from dataflow_core.cli.main import main
from dataflow_core.prompts import PromptTemplate

HOOKS = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel fruit",
                             function="generate")]

    @hookimpl
    def dataflow_register_prompts():
        return [PromptSpec(name="peel", target="dataflow_fruit:prompts/peel.jinja",
                           summary="Peel fruit.", aliases=("skin",))]
"""
PEEL = """\
---
description: Peel fruit.
variables:
  fruit: The fruit.
  tool: The tool.
system: You use a {{ tool }}.
answer: {kind: tags, tags: [skin, pulp]}
source: Peeling (Orchard 2020)
---
Peel {{ fruit }}.
{% if note %}({{ note }}){% endif %}
"""
MODULE = 'raise AssertionError("imported")\nPROMPT = "fruit/peel"\nclass Peel: ...\n'
ROWS = [
    {"fruit": "a {{ pear }}", "tool": "knife", "note": None},
    {"fruit": "plums", "tool": "spoon", "note": "two"},
]


@pytest.fixture
def fruit(site, tmp_path, monkeypatch):
    modules = {"dataflow_fruit/peel.py": MODULE, "dataflow_fruit/prompts/peel.jinja": PEEL}
    site.add("dataflow-fruit", "fruit", HOOKS, modules=modules)
    monkeypatch.chdir(tmp_path)
    text = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    (tmp_path / "fruit.jsonl").write_text(text, encoding="utf-8")
    return site


def run(capsys, *arguments, code=0):
    assert main(["prompts", *arguments]) == code
    shown = capsys.readouterr()
    return shown.err if code else shown.out


def test_prompts_are_listed_and_found_by_words(fruit, capsys):
    listed = run(capsys, "list", "--namespace", "fruit")
    assert listed.splitlines() == ["NAME        SUMMARY", "fruit/peel  Peel fruit."]
    found = json.loads(run(capsys, "list", "--search", "fruit peel", "--json"))
    assert [(one["name"], one["target"]) for one in found] == [
        ("fruit/peel", "dataflow_fruit:prompts/peel.jinja")
    ]


def test_a_prompt_is_shown_with_variables_texts_and_answer(fruit, capsys):
    shown = run(capsys, "show", "fruit/peel")
    assert shown.startswith("fruit/peel: Peel fruit.\n\n  source    Peeling (Orchard 2020)\n")
    assert "  asked by  fruit/peel\n" in shown
    assert "\nVariables\n  fruit: The fruit.\n  note\n  tool: The tool.\n" in shown
    assert "\nSystem message\n  You use a {{ tool }}.\n" in shown
    assert "\nUser's message\n  Peel {{ fruit }}.\n  {% if note %}" in shown
    assert "\nAnswer\n  tags: The contents of tags" in shown
    assert shown.endswith("    tags: skin, pulp\n")


def test_a_prompt_is_shown_as_json(fruit, capsys):
    shown = json.loads(run(capsys, "show", "fruit/peel", "--json"))
    assert shown["variables"] == {"fruit": "The fruit.", "note": "", "tool": "The tool."}
    assert shown["answer"] == {"kind": "tags", "tags": ["skin", "pulp"], "optional": []}
    assert shown["asked_by"] == ["fruit/peel"]
    fields = {name: shown[name] for name in ("user", "system", "answer", "source")}
    assert PromptTemplate(**fields).used == {"fruit", "tool", "note"}


def test_a_former_name_is_shown_with_a_note(fruit, capsys):
    assert main(["prompts", "show", "fruit/skin"]) == 0
    assert "is now called 'fruit/peel'" in capsys.readouterr().err


def test_every_prompt_of_the_core_is_shown(site, capsys):
    for one in json.loads(run(capsys, "list", "--namespace", "core", "--json")):
        shown = run(capsys, "show", one["name"])
        assert shown.startswith(f"{one['name']}: {one['summary']}")
        assert "asked by" in shown


def test_a_file_of_one_s_own_is_shown_and_rendered(fruit, capsys, tmp_path):
    (tmp_path / "my.jinja").write_text("Sum up {{ text }}", encoding="utf-8")
    shown = run(capsys, "show", "my.jinja")
    assert shown.startswith("my.jinja\n\n  file      my.jinja\n\nVariables\n  text\n")
    assert "System message" not in shown
    assert run(capsys, "render", "my.jinja", "text=a = b") == "--- user\nSum up a = b\n"


def test_a_text_is_shown_and_rendered(fruit, capsys):
    shown = run(capsys, "show", "Sum up {{ text }}")
    assert shown.startswith("the prompt\n\nVariables\n")
    assert "file" not in shown
    assert json.loads(run(capsys, "show", "Sum up {{ text }}", "--json"))["file"] is None
    assert run(capsys, "render", "Sum up {{ text }}", "text=a") == "--- user\nSum up a\n"
    told = run(capsys, "render", "Sum up {{ text }", "text=a", code=2)
    assert "the prompt (user), line 1" in told


def test_a_schema_is_shown_to_read(fruit, capsys, tmp_path):
    header = "---\nanswer:\n  kind: json\n  schema: {type: object}\n---\n"
    (tmp_path / "my.jinja").write_text(f"{header}{{{{ text }}}}", encoding="utf-8")
    assert '    schema:\n      {\n        "type": "object"\n      }\n' in run(
        capsys, "show", "my.jinja"
    )


def test_a_prompt_is_rendered_as_it_is_sent(fruit, capsys):
    row = ["--input", "fruit.jsonl"]
    assert run(capsys, "render", "fruit/peel", *row) == (
        "--- system\nYou use a knife.\n--- user\nPeel a {{ pear }}.\n\n"
    )
    assert run(capsys, "render", "fruit/peel", "tool=[a, b]", *row, "--row", "1") == (
        "--- system\nYou use a ['a', 'b'].\n--- user\nPeel plums.\n(two)\n"
    )
    sent = json.loads(
        run(capsys, "render", "fruit/peel", "fruit=x", "tool=y", "note=null", "--json")
    )
    assert sent == {"system": "You use a y.", "user": "Peel x.\n"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fruit/peal"], "no prompt 'fruit/peal'. Did you mean 'fruit/peel'?"),
        (
            ["fruit/peel"],
            "fruit/peel needs a value for fruit, note, tool: add fruit=… note=… tool=…",
        ),
        (["fruit/peel", "fruits=x"], "has no variable 'fruits'. Did you mean 'fruit'?"),
        (["fruit/peel", "fruit"], "VARIABLE=VALUE"),
        (["fruit/peel", "--input", "fruit.jsonl", "--row", "2"], "--row 2: fruit.jsonl has 2 rows"),
        (["gone.jinja"], "cannot read the prompt gone.jinja: No such file or directory\n"),
        (["fruit/peel", "fruit=x", "fruit=y"], "fruit is given twice"),
        (["Peel an apple"], "'Peel an apple' is no prompt: that is a registered name such as"),
        (["fruit/peel", "fruit=[a"], "'[a' is no list or mapping"),
    ],
)
def test_what_cannot_be_rendered_is_told(fruit, capsys, arguments, told):
    assert main(["prompts", "render", *arguments]) != 0
    assert told in capsys.readouterr().err


def test_columns_that_lack_a_variable_are_named(fruit, capsys, tmp_path):
    (tmp_path / "my.jinja").write_text("{{ fruits }}", encoding="utf-8")
    told = run(capsys, "render", "my.jinja", "--input", "fruit.jsonl", code=2)
    assert told.count("\n") == 1
    assert "needs a value for fruits: add fruits=…. The row has: fruit, tool, note." in told


def test_a_template_that_fails_is_told(fruit, capsys, tmp_path):
    (tmp_path / "my.jinja").write_text("{{ a / b }}", encoding="utf-8")
    told = run(capsys, "render", "my.jinja", "a=1", "b=0", code=2)
    assert "the prompt my.jinja (user): ZeroDivisionError" in told


@pytest.mark.parametrize(
    ("given", "shown"),
    [("3", "4"), ("2.5", "3.5"), ("true", "2"), ('"3"', None), ("03", None), ("x", None)],
)
def test_numbers_on_the_command_line_are_numbers_and_texts_in_quotes_are_not(
    fruit, capsys, given, shown
):
    told = run(capsys, "render", "{{ n + 1 }}", f"n={given}", code=0 if shown else 2)
    assert told == f"--- user\n{shown}\n" if shown else "TypeError" in told


@pytest.mark.parametrize(
    ("given", "shown"), [('"a b"', "a b"), ("null", ""), ("NaN", "NaN"), ("1_0", "1_0")]
)
def test_what_is_no_json_on_the_command_line_is_a_text(fruit, capsys, given, shown):
    assert run(capsys, "render", "<{{ n }}>", f"n={given}") == f"--- user\n<{shown}>\n"


def test_fields_of_the_operator_have_their_defaults_and_are_read_as_it_does(site, capsys):
    sent = run(capsys, "render", "core/translate", "text=1.50")
    assert "You translate into English." in sent
    assert "\n1.50\n" in sent
    assert "into 7." in run(capsys, "render", "core/translate", "text=x", "language=7")
    fields = "fields={born: {type: integer, description: a year}, name: who}"
    sent = run(capsys, "render", "core/extract_fields", "text=x", fields)
    assert "- born (integer): a year\n" in sent
    assert "- name (string): who\n" in sent
    sent = run(capsys, "render", "core/prompted_evaluator", "text=x", "maximum=10", "step=1")
    assert "a number from 1 (worst) to 10 (best) in steps of 1:" in sent


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["core/classify", "text=x"], "labels=…. labels is a field of core/classify."),
        (["core/classify"], "add labels=… text=…, or --input SOURCE with such columns."),
        (["core/classify", "text=x", "labels=[a, a]"], "labels='[a, a]': a: given twice. It is a"),
        (["core/translate", "text=x", "language= "], "it is blank"),
    ],
)
def test_values_that_a_field_lacks_or_does_not_take_are_told(site, capsys, arguments, told):
    assert told in run(capsys, "render", *arguments, code=2)


def test_it_is_shown_which_variables_are_fields_and_where_a_schema_comes_from(site, capsys):
    shown = run(capsys, "show", "core/classify")
    assert "stands for. (a field of core/classify)\n" in shown
    assert "\n  text: The text.\n" in shown
    assert "\n    schema: follows from the fields of core/classify\n" in shown
    assert json.loads(run(capsys, "show", "core/translate", "--json"))["fields"] == {
        "language": "core/translate"
    }
