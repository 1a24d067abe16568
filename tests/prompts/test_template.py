"""Prompt templates: files with a header, what they say when they are wrong, and how they render."""

import copy
import pickle

import pytest

from dataflow_core import MemoryStorage
from dataflow_core.errors import PromptError
from dataflow_core.operators.general import Translate
from dataflow_core.prompts import (
    JsonAnswer,
    Prompt,
    PromptTemplate,
    ScoreAnswer,
    TagsAnswer,
    TemplateFailed,
    TextAnswer,
)
from dataflow_core.testing import ScriptedServing

FILE = """\
---
description: Name the capital of a country.
variables:
  country: The country's name.
system: You answer in one word.
answer: {kind: tags, tags: [city]}
source: An Atlas (Mercator 1595)
---
What is the capital of {{ country }}?

Answer <city>…</city>.
"""


def of(text, name="my.jinja"):
    return PromptTemplate.from_text(text, name)


def fault(text):
    with pytest.raises(PromptError) as error:
        of(text)
    return str(error.value)


# ---------------------------------------------------------------------------------------- reading


def test_a_file_has_a_header_and_the_message():
    template = of(FILE)
    assert template.user == "What is the capital of {{ country }}?\n\nAnswer <city>…</city>."
    assert template.system == "You answer in one word."
    assert template.variables == {"country": "The country's name."}
    assert template.answer == TagsAnswer(tags=("city",))
    assert template.description == "Name the capital of a country."
    assert template.used == {"country"}


def test_files_of_other_systems_are_the_same():
    assert of(FILE.replace("\n", "\r\n")) == of(FILE)
    assert of("\ufeff" + FILE) == of(FILE)
    assert of(FILE.rstrip("\n")) == of(FILE)


def test_without_header_all_is_the_message():
    template = of("\nSum up:\n---\n{{ text }}\n\n")
    assert template.user == "Sum up:\n---\n{{ text }}"
    assert template.answer == TextAnswer()
    assert template.system is None


def test_an_empty_header_is_one():
    assert of("---\n---\n{{ a }}").user == "{{ a }}"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("description: [x]", "my.jinja, line 2: description: Input should be a valid string"),
        ("\ndescripton: x", "line 3: a header has no 'descripton'. Did you mean 'description'?"),
        ("user: x", "line 2: a header has no 'user'."),
        ("description: x\ndescription: y", "line 3: the key 'description' stands twice"),
        ("system: {{ text }}", "line 2: not valid YAML: found unhashable key. A text with {{ … }}"),
        ("a: [", "line 3: not valid YAML"),
        ("just words", "line 2: found 'just words', wanted 'field: value'"),
        ("answer: scroe", "line 2: answer: 'scroe' is no form of answers. Did you mean 'score'?"),
        ("source: x\nanswer:\n  label: x", "line 3: answer.kind is missing. There are: text, "),
        (
            "answer:\n  kind: score\n  minimun: 1",
            "line 4: no such field 'answer.minimun'. Did you mean 'minimum'? It takes: kind,",
        ),
        (
            "answer:\n  kind: score\n  step: x",
            "line 4: answer.step: Input should be a valid number",
        ),
        ("answer: {kind: score, minimum: 2, maximum: 1}", "line 2: answer: minimum (2) is not"),
        ("answer:\n  kind: tags\n  tags: [a b]", "line 4: answer.tags.0: String should match"),
        ("answer: {kind: json, schema: {type: strnig}}", "line 2: answer: schema: type is not"),
        ("variables: [text]", "line 2: variables: Input should be a valid dictionary"),
        ("variables:\n  text:", "line 3: variables.text: Input should be a valid string"),
        (
            "variables: {txt: x}",
            "describes 'txt', which its texts do not use. Did you mean 'text'?",
        ),
        ("system: '{{ x'", "my.jinja (system), line 1: unexpected end of template"),
    ],
)
def test_a_wrong_header_is_told_with_line_and_field(header, told):
    message = fault(f"---\n{header}\n---\n{{{{ text }}}}")
    assert message.startswith("my.jinja")
    assert told in message
    assert len(message.splitlines()) == 1


def test_all_faults_of_a_header_are_told():
    message = fault("---\ndescription: 1\nsystem: 2\n---\nx")
    assert [line.partition(": ")[0] for line in message.splitlines()] == [
        "my.jinja, line 2",
        "my.jinja, line 3",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no text for the user's message"),
        ("---\ndescription: x\n---", "no text for the user's message"),
        ("---\ndescription: x\n---\n \n", "no text for the user's message"),
        ("---\ndescription: x\n\n{{ text }}", "does not end with one"),
        ("{{ text }\n", "(user), line 1: "),
        ("a\n{% if x %}\nb", "(user), line 3: "),
        ("{{ text | shout }}", "(user), line 1: No filter named 'shout'"),
        ("{% include 'x' %}{{ text }}", "cannot include"),
        ("{text} and {{ text }}", "Write {{ text }} for the variable's value"),
    ],
)
def test_a_wrong_text_is_told(text, told):
    assert told in fault(text)


def test_a_template_in_python_is_checked_likewise():
    with pytest.raises(PromptError, match=r"the prompt: no such field 'usr'\. Did you mean 'user'"):
        PromptTemplate(usr="x")
    with pytest.raises(PromptError, match="user is missing"):
        PromptTemplate(system="x")


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{text} and x_{text}: {{ text }}",
        "{'text': 1}, {other} and {{ text }}",
        "{% raw %}{text}{% endraw %} {{ '{text}' }} {{ text }}",
        "{# {text} #}{{ text }}",
    ],
)
def test_braces_that_mean_braces_are_let_be(text):
    assert of(text).used == {"text"}


def test_only_what_texts_need_is_a_variable():
    text = "{% set n = 1 %}{% for one in many %}{{ loop.index }} {{ one }}{% endfor %}{{ range }}"
    assert of(text).used == {"many", "range"}


# -------------------------------------------------------------------------------------- rendering


@pytest.mark.parametrize(
    ("text", "value", "rendered"),
    [
        ("{{ x }}", "{{ y }} {% z %} {x} <b>&", "{{ y }} {% z %} {x} <b>&"),
        ("{{ x }}", "ends\n\n", "ends\n\n"),
        ("[{{ x }}]", None, "[]"),
        ("{{ x }}", 7, "7"),
        ("{{ x }}", 7.5, "7.5"),
        ("{{ x | tojson }}", ["é", None, True, "<b>'"], '["é", null, true, "<b>\'"]'),
        ("{{ x | tojson(indent=2) }}", {"b": 1, "a": 2}, '{\n  "b": 1,\n  "a": 2\n}'),
        ("{% for one in x %}\n- {{ one }}\n{% endfor %}\n", ["a", "b"], "- a\n- b\n"),
        ("{% if x %}given{% else %}none{% endif %}", None, "none"),
        ("{{ x | upper }}", "straße", "STRASSE"),
        ("{{ x.name }}", {"name": "Ada"}, "Ada"),
    ],
)
def test_values_are_data(text, value, rendered):
    assert of(text).render(x=value, spare=1) == rendered


def test_variables_without_value_are_named():
    template = of("---\nsystem: '{{ c }}'\n---\n{{ a }} {{ b }} {{ d }}")
    with pytest.raises(PromptError, match=r"my.jinja \(user\): no value for a, d$"):
        template.render(b=1)
    with pytest.raises(PromptError, match=r"my.jinja \(system\): no value for c$"):
        template.render_system(a=1)


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__class__ }}",
        "{{ ''.__class__.__mro__ }}{{ x }}",
        "{{ x.append(1) }}",
        "{{ '{0.__class__}'.format(x) }}",
    ],
)
def test_the_sandbox_refuses_what_no_prompt_needs(text):
    with pytest.raises(PromptError, match="is not allowed"):
        of(text).render(x=[1])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 1 / x }}", 0),
        ("{{ x.name }}", {}),
        ("{{ x.encode('nope') }}", "x"),
        ("{{ x | tojson }}", {1: {(1, 2): 3}}),
        ("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(x) }}", 1),
    ],
)
def test_what_fails_with_the_values_of_one_row_is_a_failure_of_that_row(text, value):
    with pytest.raises(TemplateFailed, match=r"my.jinja \(user\): \w+: "):
        of(text).render(x=value)
    assert TemplateFailed.reason == "template_failed"


def test_a_system_message_of_blanks_is_none():
    template = of("---\nsystem: '{% if x %}Be {{ x }}.{% endif %}'\n---\n{{ text }}")
    assert template.render_system(x="brief") == "Be brief."
    assert template.render_system(x=None) is None
    assert of("{{ text }}").render_system() is None


# --------------------------------------------------------------------------- identity and pickling


def test_a_fingerprint_has_the_wording_and_not_the_place(tmp_path):
    paths = [tmp_path / name for name in ("a.jinja", "b.jinja", "c.jinja")]
    for path in paths:
        path.write_text(FILE, encoding="utf-8")
    paths[2].write_text(FILE.replace("one word", "a word"), encoding="utf-8")
    a, b, c = (Prompt(path).fingerprint() for path in paths)
    assert a == b == of(FILE.replace("Name the", "Tell the")).fingerprint()
    assert a != c
    assert a != of(FILE.replace("tags: [city]", "tags: [town]")).fingerprint()


def test_templates_are_pickled_also_when_they_have_rendered():
    template = of(FILE)
    rendered = template.render(country="Peru")
    again = pickle.loads(pickle.dumps(template))
    assert again == template
    assert again.name == "my.jinja"
    assert again.render(country="Peru") == rendered


def test_operators_are_copied_also_when_their_template_has_rendered():
    translate = Translate(serving=ScriptedServing(lambda _: "Bonjour"), language="French")
    translate.run(MemoryStorage([{"text": "Hello"}]))
    copied = copy.deepcopy(translate)
    assert copied.template.render(text="a", language="b")
    assert copied == translate


def test_a_pickled_prompt_keeps_what_it_has_read(tmp_path):
    path = tmp_path / "a.jinja"
    path.write_text(FILE, encoding="utf-8")
    prompt = Prompt(str(path))
    assert prompt.template.used == {"country"}
    path.unlink()
    assert pickle.loads(pickle.dumps(prompt)).template.used == {"country"}


# --------------------------------------------------------------------------------- ways to give one


def test_a_prompt_is_a_name_a_file_a_text_a_mapping_or_a_template(tmp_path):
    path = tmp_path / "a.jinja"
    path.write_text("\ufeff" + FILE.replace("\n", "\r\n"), encoding="utf-8", newline="")
    assert Prompt(str(path)).template == Prompt(path).template
    assert Prompt(path).template == of(FILE, f"the prompt {path}")
    assert Prompt("Sum up: {{ text }}").template.user == "Sum up: {{ text }}"
    assert Prompt({"user": "x", "answer": "score"}).template.answer == ScoreAnswer()
    assert Prompt(of(FILE)).template == of(FILE)
    assert Prompt(Prompt("x\ny")) == Prompt("x\ny")
    assert Prompt("core/prompted_evaluator").template.answer.kind == "score"


@pytest.mark.parametrize(
    "given", ["core/prompted_evaluator", "a/b.jinja", "Sum up: {{ text }}", {"user": "x\n{{ y }}"}]
)
def test_a_prompt_is_written_as_it_was_given(given):
    assert Prompt(given).plain() == given
    assert Prompt(Prompt(given).plain()) == Prompt(given)


def test_a_schema_survives_writing():
    template = PromptTemplate(user="x", answer={"kind": "json", "schema": {"type": "object"}})
    again = Prompt(Prompt(template).plain()).template
    assert again == template
    assert isinstance(again.answer, JsonAnswer)


@pytest.mark.parametrize("given", ["sum up", "core/Prompt", "a.txt", 5, None, ""])
def test_what_is_no_prompt_is_refused_with_the_ways_to_give_one(given):
    with pytest.raises(PromptError, match="a registered name such as"):
        Prompt(given)


def test_a_prompt_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PromptError, match=r"cannot read the prompt .*gone\.jinja"):
        _ = Prompt(tmp_path / "gone.jinja").template
    with pytest.raises(PromptError, match="Did you mean 'core/prompted_refiner'"):
        _ = Prompt("core/prompted_refinery").template
    (tmp_path / "latin.jinja").write_bytes(b"\xe9 {{ x }}")
    with pytest.raises(PromptError, match="cannot read the prompt"):
        _ = Prompt(tmp_path / "latin.jinja").template


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a </text> b </TEXT > c < / text>", "a <\\/text> b <\\/TEXT > c < \\/ text>"),
        ("</texts> </b> <text> a < b / text > \\ {{ x }}", None),
        (None, ""),
        (5, "5"),
    ],
)
def test_within_keeps_a_text_from_closing_its_tag_and_changes_nothing_else(text, shown):
    template = PromptTemplate(user='{{ text | within("text") }}')
    assert template.render(text=text) == (text if shown is None else shown)
