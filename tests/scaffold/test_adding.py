"""``dataflow new-operator`` and ``new-pipeline`` add, and never change what an author wrote."""

from __future__ import annotations

import ast
import difflib
import re
import textwrap

import pytest

from dataflow_core.cli.main import main
from dataflow_core.scaffold.plugin import new_plugin
from dataflow_core.scaffold.registration import Registration, is_registered, register
from dataflow_core.scaffold.source import Unplaced

from .plugins import answers, install, run

SPEC = Registration(
    "operator", "OperatorSpec", (("name", '"tone"'), ("summary", '"Say it"')), "Return them."
)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    root = new_plugin(answers("letters"), tmp_path)
    monkeypatch.chdir(root)
    return root


def state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_operator_comes_with_module_test_prompt_and_specifications(plugin, capsys):
    assert main(["new-operator", "tone", "--llm", "--description", "Rate the tone."]) == 0
    told = capsys.readouterr().out
    assert "wrote       dataflow_letters/prompts/tone.jinja" in told
    assert "registered  operator tone in dataflow_letters/_plugin.py" in told
    hooks = (plugin / "dataflow_letters" / "_plugin.py").read_text(encoding="utf-8")
    assert 'summary="Rate the tone",' in hooks
    assert (
        "from dataflow_core.plugins import OperatorSpec, PipelineSpec, PromptSpec, hookimpl"
        in hooks
    )
    module = (plugin / "dataflow_letters" / "operators" / "tone.py").read_text(encoding="utf-8")
    assert "As generated, it does this: have a model rate how clear each text is." in module
    assert (plugin / "tests" / "operators" / "test_tone.py").is_file()


@pytest.mark.parametrize("command", ["new-operator", "new-pipeline"])
def test_a_second_time_changes_nothing_and_says_so(command, plugin, capsys):
    assert main([command, "tone"]) == 0
    before = state(plugin)
    capsys.readouterr()
    assert main([command, "tone"]) == 0
    assert capsys.readouterr().out.startswith("There is nothing to do: letters has the ")
    assert state(plugin) == before


def test_what_an_author_wrote_stays_and_what_is_missing_comes_back(plugin, capsys):
    main(["new-operator", "tone"])
    module = plugin / "dataflow_letters" / "operators" / "tone.py"
    module.write_text("# mine\n")
    (plugin / "tests" / "operators" / "test_tone.py").unlink()
    capsys.readouterr()
    assert main(["new-operator", "tone"]) == 0
    told = capsys.readouterr().out
    assert "kept        dataflow_letters/operators/tone.py, which was there" in told
    assert "wrote       tests/operators/test_tone.py" in told
    assert module.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--function", "filter"], "with the function 'evaluate', and 'filter' is asked for"),
        (["--scope", "row"], "with the scope 'dataset', and 'row' is asked for"),
    ],
)
def test_another_kind_of_an_operator_that_is_there_is_refused(asked, why, plugin, capsys):
    assert main(["new-operator", "tone", "--scope", "dataset"]) == 0
    before = state(plugin)
    assert main(["new-operator", "tone", *asked]) == 2
    assert why in capsys.readouterr().err
    assert main(["new-operator", "tone", "--function", "evaluate", "--scope", "dataset"]) == 0
    assert state(plugin) == before


def test_an_operator_that_asks_no_model_is_not_half_made_into_one_that_does(plugin, capsys):
    assert main(["new-operator", "tone"]) == 0
    before = state(plugin)
    assert main(["new-operator", "tone", "--llm"]) == 2
    assert "registers the operator 'tone' and no prompt of that name" in capsys.readouterr().err
    assert state(plugin) == before


def test_the_prompt_of_an_operator_that_asks_comes_back(plugin):
    main(["new-operator", "tone", "--llm"])
    before = state(plugin)
    (plugin / "dataflow_letters" / "prompts" / "tone.jinja").unlink()
    assert main(["new-operator", "tone"]) == 0
    assert state(plugin) == before


@pytest.mark.parametrize("command", ["new-operator", "new-pipeline"])
def test_a_class_that_another_has_is_refused(command, plugin, capsys):
    main(["new-operator", "tone_1"])
    before = state(plugin)
    assert main([command, "tone1"]) == 2
    assert "class Tone1, which the operator 'tone_1' has" in capsys.readouterr().err
    assert main(["new-operator", "letters_pipeline"]) == 2
    assert "which the pipeline 'letters_pipeline' has" in capsys.readouterr().err
    assert state(plugin) == before


def test_what_is_missing_comes_back_as_it_is_registered(plugin):
    main(["new-operator", "tone", "--function", "filter", "--scope", "dataset"])
    before = state(plugin)
    (plugin / "dataflow_letters" / "operators" / "tone.py").unlink()
    assert main(["new-operator", "tone"]) == 0
    assert state(plugin) == before


def test_the_author_is_told_that_the_test_is_of_the_placeholder(plugin, capsys):
    assert main(["new-operator", "tone"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == (
        "tests/operators/test_tone.py tests the placeholder: rewrite it with the logic."
    )
    assert main(["new-operator", "tone"]) == 0
    assert "placeholder" not in capsys.readouterr().out


def test_a_pipeline_applies_the_operator_that_is_named(plugin, capsys):
    main(["new-operator", "tone", "--llm", "--function", "filter"])
    assert main(["new-pipeline", "toned", "--operator", "letters/tone"]) == 0
    module = (plugin / "dataflow_letters" / "pipelines" / "toned.py").read_text(encoding="utf-8")
    assert "self.tone = Tone(serving=serving)" in module
    assert main(["new-pipeline", "other", "--operator", "tune"]) == 2
    assert "no operator 'tune'. Did you mean 'tone'?" in capsys.readouterr().err


def written(plugin, name):
    """Return the module of a pipeline, whose test passes as it is."""
    site = plugin.parent / f"site-{name}"
    test = plugin / "tests" / "pipelines" / f"test_{name}.py"
    run(plugin, "pytest", "-q", "-p", "no:cacheprovider", test, env=install([plugin], site))
    return (plugin / "dataflow_letters" / "pipelines" / f"{name}.py").read_text(encoding="utf-8")


def test_a_pipeline_applies_several_operators_in_order(plugin, capsys):
    main(["new-operator", "tone", "--llm"])
    main(["new-operator", "spaces", "--function", "refine"])
    arguments = ["--operator", "tone", "--operator", "spaces", "--operator", "letters/first_line"]
    assert main(["new-pipeline", "all_three", *arguments]) == 0
    module = written(plugin, "all_three")
    assert re.findall(r"self\.(\w+)\.run", module) == ["unique", "tone", "spaces", "first_line"]
    assert "self.tone = Tone(serving=serving)\n        self.spaces = Spaces()" in module
    # What refines texts writes to the column that the next step reads.
    assert "input_text=self.text_column, output_text=self.text_column)" in module
    assert '"""Drop repeated texts, and apply tone, spaces and first_line.\n' in module
    assert main(["new-pipeline", "twice", "--operator", "tone", "--operator", "tone"]) == 2
    assert "both of a class Tone" in capsys.readouterr().err


OWN_COLUMNS = """
from dataflow_core import Evaluator, Storage
from dataflow_core.operators import AnyColumn, IntegerColumn, NumberColumn, TextColumn


class Spending(Evaluator):
    def run(
        self,
        storage: Storage,
        input_customer: AnyColumn = "customer",
        input_share: NumberColumn = "letter_share",
        *,
        input_year: IntegerColumn{year},
        output_spending: TextColumn = "spending",
    ) -> None:
        table = storage.read([input_customer, input_share, input_year])
        storage.write(table.assign(**{{output_spending: table[input_customer]}}))
"""


def test_a_pipeline_gives_its_texts_only_to_columns_of_texts(plugin, capsys):
    main(["new-operator", "letter_share"])
    main(["new-operator", "spending"])
    operator = plugin / "dataflow_letters" / "operators" / "spending.py"
    operator.write_text(OWN_COLUMNS.format(year=' = "year"'), encoding="utf-8")
    steps = ["--operator", "letter_share", "--operator", "spending"]
    assert main(["new-pipeline", "spent", *steps]) == 0
    module = written(plugin, "spent")
    assert "self.letter_share.run(self.storage, input_text=self.text_column)" in module
    assert "self.spending.run(self.storage)\n" in module
    operator.write_text(OWN_COLUMNS.format(year=""), encoding="utf-8")
    capsys.readouterr()
    assert main(["new-pipeline", "other", "--operator", "spending"]) == 2
    assert "input_year is no column of texts and has no default" in capsys.readouterr().err


def test_commands_work_from_a_folder_within_the_plugin(plugin, monkeypatch):
    monkeypatch.chdir(plugin / "tests" / "operators")
    assert main(["new-operator", "tone"]) == 0
    assert (plugin / "dataflow_letters" / "operators" / "tone.py").is_file()


@pytest.mark.parametrize("command", ["new-operator", "new-pipeline"])
def test_outside_of_a_plugin_they_say_what_to_do(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    monkeypatch.chdir(tmp_path)
    assert main([command, "tone"]) == 2
    told = capsys.readouterr().err
    assert "is in no plugin" in told
    assert "dataflow new-plugin NAME" in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Tone"], "Did you mean 'tone'"),
        (["evaluator"], "imports from elsewhere"),
        (["reply", "--llm", "--function", "generate"], "class Reply, which the generated"),
        (["test"], "class Test, and pytest takes classes that begin with Test for tests"),
        (["testimony_share"], "class TestimonyShare, and pytest takes"),
        (["tone", "--llm", "--scope", "dataset"], "do not go together"),
        (["tone", "--description", "two\nlines"], "one line"),
        (["tone", "--scope", "batch"], "is not one of"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(arguments, why, plugin, capsys):
    before = state(plugin)
    assert main(["new-operator", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert state(plugin) == before


def test_a_package_below_src_is_found(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[project.entry-points."dataflow.plugins"]\n'
        'fruit = "pears._plugin"\n'
    )
    package = tmp_path / "src" / "pears"
    package.mkdir(parents=True)
    (package / "_plugin.py").write_text("from dataflow_core.plugins import hookimpl\n")
    monkeypatch.chdir(tmp_path)
    assert main(["new-operator", "peel"]) == 0
    assert main(["new-pipeline", "peeled"]) == 0
    assert "pears.operators.peel:Peel" in (package / "_plugin.py").read_text()
    assert "import Peel\n" in (package / "pipelines" / "peeled.py").read_text()


HEAD = "from dataflow_core.plugins import OperatorSpec, hookimpl\n"
HOOK = "\n\n@hookimpl\ndef dataflow_register_operators():\n"
ONE = 'OperatorSpec(name="one", summary="One")'


@pytest.mark.parametrize(
    "source",
    [
        HEAD,
        HEAD + HOOK + "    return []\n",
        HEAD + HOOK + f"    return [{ONE}]\n",
        HEAD + HOOK + f"    return [{ONE}]  # mine\n",
        HEAD + HOOK + f"    return [\n        {ONE}\n    ]\n",
        HEAD + HOOK + f"    return [\n        {ONE},  # [really]\n        # later: more\n    ]\n",
        HEAD + HOOK + f"    return list(OPERATORS)\n\n\nOPERATORS = (\n    {ONE},\n)\n",
        HEAD + f"OPERATORS: list[OperatorSpec] = [{ONE}]\n" + HOOK + "    return OPERATORS\n",
        HEAD + HOOK + f"    return [\n        *made('é'),\n        {ONE},\n    ]\n",
        "from dataflow_core.plugins import (\n    CommandSpec,  # for later\n    hookimpl,\n)\n",
        "from dataflow_core.plugins import hookimpl  # noqa: F401\n\nTEXT = '''\n  odd   \n'''\n",
        "from dataflow_core.plugins import *\n",
        "from dataflow_core.plugins import \\\n    hookimpl\n",
        HEAD.replace("OperatorSpec", "OperatorSpec as Op")
        + HOOK + "    return [Op(name='one')]\n",
        HEAD + "mine = [1]\n" + HOOK + f"    mine = [{ONE}]\n    return mine\n",
        (HEAD + HOOK + f"    return [\n        {ONE},\n    ]\n").replace("\n", "\r\n"),
    ],
)  # fmt: skip
def test_a_specification_is_placed_and_no_other_line_changes(source):
    changed = register(source, SPEC)
    assert is_registered(changed, SPEC)
    ast.parse(changed)
    assert changed.count("\r\n") == (changed.count("\n") if "\r\n" in source else 0)
    lost = [
        line for line in difflib.ndiff(source.splitlines(), changed.splitlines()) if line[:1] == "-"
    ]
    # Only an import, a list in one line, or a missing comma may be written anew.
    assert len(lost) <= 2
    rewritten = ("import", ONE, "[]", "hookimpl", "[Op(")
    assert all(any(part in line for part in rewritten) for line in lost)
    for comment in ("# mine", "# later: more", "# for later", "# noqa: F401", "[really]"):
        assert (comment in source) == (comment in changed)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (HEAD + HOOK + "    return sorted(found())\n", "something else than a list"),
        (HEAD + HOOK + f"    yield {ONE}\n", "one return statement"),
        (HEAD + HOOK + "    if x:\n        return []\n    return [1]\n", "one return statement"),
        (
            HEAD + HOOK + "    return OPERATORS\n\nOPERATORS = []\nOPERATORS = [1]\n",
            "something else",
        ),
        (HEAD + HOOK + f"    return [({ONE})]\n", "behind the last item"),
        (HEAD + HOOK + f"    return {ONE},\n", "no parentheses"),
        (
            HEAD + HOOK + "    return [made(name) for name in ('tone',)]\n",
            "may register it already",
        ),
        (HEAD + HOOK + "    return [made('tone')]\n", "line 6 has 'tone' otherwise"),
        (HEAD + "from p.hooks import dataflow_register_operators\n", "line 2 has dataflow_reg"),
        (HEAD + "dataflow_register_operators = hookimpl(mine)\n", "line 2 has dataflow_reg"),
        (HEAD + "if x:\n" + textwrap.indent(HOOK + f"    return [{ONE}]\n", "  "), "otherwise"),
        (
            HEAD
            + HOOK.replace("l\ndef ", 'l(specname="dataflow_register_operators")\ndef my_')
            + "    return []\n",
            "otherwise than as a function",
        ),
        ((HEAD + HOOK + "    return []\n").replace("\n", "\r"), "carriage return alone"),
        ("import dataflow_core.plugins as p\n", "has no line 'from dataflow_core.plugins import"),
        ("def broken(:\n", "line 1 is no Python"),
    ],
)
def test_where_no_place_is_sure_nothing_is_changed(source, why):
    with pytest.raises(Unplaced, match=why):
        register(source, SPEC)


@pytest.mark.parametrize(
    "source",
    [
        HEAD.replace("OperatorSpec", "OperatorSpec as Op")
        + HOOK
        + "    return [Op(name='tone')]\n",
        "import dataflow_core.plugins as p\nX = p.OperatorSpec(name='tone')\n",
        HEAD + "TONE = 'tone'\n" + HOOK + "    return [OperatorSpec(name=TONE)]\n",
        "\ufeff" + HEAD + HOOK + "    return [OperatorSpec(name='tone')]\n",
    ],
)
def test_what_is_registered_in_another_form_is_not_registered_twice(source):
    assert is_registered(source, SPEC)


def test_a_mark_of_windows_stays_where_it_is():
    changed = register("\ufeff" + HEAD + HOOK + f"    return [{ONE}]\n", SPEC)
    assert changed.startswith("\ufeff" + HEAD)
    assert is_registered(changed, SPEC)


def test_a_hook_module_in_another_encoding_is_refused_before_anything_is_written(plugin, capsys):
    hooks = plugin / "dataflow_letters" / "_plugin.py"
    hooks.write_bytes(b"# coding: latin-1\n# caf\xe9\n" + hooks.read_bytes())
    before = state(plugin)
    assert main(["new-operator", "tone"]) == 2
    assert main(["new-pipeline", "toned"]) == 2
    assert capsys.readouterr().err.count("cannot be read as UTF-8") == 2
    assert state(plugin) == before


def test_an_author_is_told_what_to_paste(plugin, capsys):
    hooks = plugin / "dataflow_letters" / "_plugin.py"
    source = hooks.read_text(encoding="utf-8").replace("return [", "return sorted_by_name(*[", 1)
    hooks.write_text(source.replace("    ]\n", "    ])\n", 1), encoding="utf-8")
    before = hooks.read_bytes()
    assert main(["new-operator", "tone", "--function", "refine"]) == 1
    told = capsys.readouterr()
    assert "wrote       dataflow_letters/operators/tone.py" in told.out
    pasted = textwrap.dedent(told.err.partition("returns:\n\n")[2]).strip().removesuffix(",")
    assert ast.unparse(ast.parse(pasted)) == (
        "OperatorSpec(name='tone', target='dataflow_letters.operators.tone:Tone', "
        "summary='Write one space where several stand', function='refine')"
    )
    assert hooks.read_bytes() == before
