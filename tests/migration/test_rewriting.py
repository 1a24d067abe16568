"""What `examine` makes of a script, piece by piece: only what is safe, and all else untouched."""

import ast
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow_core.errors import DataflowError
from dataflow_core.migration import Script, examine

IMPORT = "from dataflow.operators.core_text import PromptedGenerator\n"
LOWER = "from dataflow.operators.general_text import LowercaseRefiner\n"
RUN = 'lower = LowercaseRefiner()\nlower.run(storage, input_key="a")\n'


def migrated(text: str) -> str:
    return examine(Script(text.encode())).text


def reasons(text: str) -> str:
    return "\n".join(r for one in examine(Script(text.encode())).findings for r in one.reasons)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PromptedGenerator(llm, 'Do.')", "PromptedGenerator(serving=llm, instruction='Do.')"),
        (
            "PromptedGenerator(llm_serving=llm, system_prompt=('a' 'b'), user_prompt='')",
            "PromptedGenerator(serving=llm, instruction=('a' 'b'))",
        ),
        (
            "PromptedGenerator((llm), ('Do.'))",
            "PromptedGenerator(serving=(llm), instruction=('Do.'))",
        ),
        (
            "PromptedGenerator(user_prompt='', llm_serving=llm, system_prompt=f'{x}, y')",
            "PromptedGenerator(serving=llm, instruction=f'{x}, y')",
        ),
        (
            "PromptedGenerator(llm_serving=(lambda a, b: a)(1, 2), system_prompt=d['k, l'],)",
            "PromptedGenerator(serving=(lambda a, b: a)(1, 2), instruction=d['k, l'],)",
        ),
    ],
)
def test_arguments_are_renamed_where_they_stand(before, after):
    assert migrated(f"{IMPORT}g = {before}\n").splitlines()[1] == f"g = {after}"


def test_comments_layout_and_tabs_stay():
    text = (
        LOWER
        + "from dataflow.operators.general_text import WordNumberFilter  # words\n"
        + "if True:\n"
        + "\tlower = LowercaseRefiner()   # small\n"
        + "\twords = WordNumberFilter(\n"
        + "\t\tmin_words = 3 ,  # at least\n"
        + "\t\t# and at most\n"
        + "\t\tmax_words=9\n"
        + "\t)\n"
        + "\twords.run( storage , input_key = 'a' , output_key='n' )\n"
    )
    expected = (
        "from dataflow_text import Lowercase\n"
        "from dataflow_text import WordCountFilter  # words\n"
        "if True:\n"
        "\tlower = Lowercase()   # small\n"
        "\twords = WordCountFilter(\n"
        "\t\tmin_value = 3 ,  # at least\n"
        "\t\t# and at most\n"
        "\t\tmax_value=9\n"
        "\t)\n"
        "\twords.run( storage , input_text = 'a' , output_measure='n' )\n"
    )
    assert migrated(text) == expected


def test_arguments_that_go_take_their_lines_and_leave_comments():
    text = (
        "from dataflow.utils.storage import FileStorage\n"
        "storage = FileStorage(\n"
        "    first_entry_file_name='a.jsonl',\n"
        "    cache_path='b',  # where steps went\n"
        "    file_name_prefix='c',\n"
        "    # of this kind:\n"
        "    cache_type='csv'\n"
        ")\n"
    )
    new = migrated(text)
    assert "# where steps went" in new
    assert "# of this kind:" in new
    assert "file_name_prefix" not in new
    call = ast.parse(new).body[1].value
    assert [one.arg for one in call.keywords] == ["source"]


def test_what_is_added_takes_a_line_where_arguments_have_lines():
    text = (
        IMPORT + "g = PromptedGenerator(\n    llm_serving=llm,\n    system_prompt='Do.',\n)\n"
        "g.run(\n    storage=storage,\n    input_key='a'  # the text\n)\n"
    )
    assert migrated(text).endswith(
        "g.run(\n    storage=storage,\n    input_text='a',  # the text\n"
        '    output_generated="generated_content",\n)\n'
    )


def test_line_breaks_of_windows_stay():
    text = (LOWER + RUN).replace("\n", "\r\n")
    new = migrated(text)
    assert new.count("\r\n") == new.count("\n") == 3
    assert "Lowercase()" in new


def test_other_characters_do_not_shift_places():
    new = migrated(LOWER + 'note = "übergroß 🍎"; lower = LowercaseRefiner()\n')
    assert new.splitlines()[1] == 'note = "übergroß 🍎"; lower = Lowercase()'
    odd = LOWER + 'x = "a\x0cb\u2028c"\n' + RUN
    assert migrated(odd).splitlines()[-1] == 'lower.run(storage, input_text="a")'


def test_the_encoding_that_a_script_names_is_kept():
    text = "# coding: latin-1\n" + LOWER + "name = 'Ærø'; lower = LowercaseRefiner()\n"
    script = Script(text.encode("latin-1"))
    found = examine(script)
    assert script.encoded(found.text).decode("latin-1") == found.text
    assert "'Ærø'; lower = Lowercase()" in found.text
    marked = Script(b"\xef\xbb\xbf" + (LOWER + RUN).encode())
    assert marked.encoded(examine(marked).text).startswith(b"\xef\xbb\xbffrom dataflow_text")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = '\xe9'\n", "encoding"),
        (b"# coding: gbk\nx = '\xff\xff'\n", "gbk"),
        (b"def f(:\n", ":1:7: this is no Python"),
        (b"x = 1\n  y = 2\n", ":2:"),
        (b"x = '\0'\n", "cannot be parsed|no Python"),
        (b"x = 1\ry = 2\r", "line breaks"),
    ],
)
def test_what_is_no_python_is_refused_with_the_place(content, message):
    with pytest.raises(DataflowError, match=message):
        Script(content, "s.py")


@pytest.mark.parametrize(
    ("imports", "uses", "expected"),
    [
        (
            "from dataflow.operators.core_text import PromptedGenerator as PG",
            "g = PG(llm, 'a')",
            (
                "from dataflow_core.operators.general import PromptedGenerator as PG\n"
                "g = PG(serving=llm, instruction='a')"
            ),
        ),
        (
            "import dataflow.operators.core_text as ct",
            "g = ct.PromptedGenerator(llm, 'a')",
            (
                "import dataflow_core.operators.general as ct\n"
                "g = ct.PromptedGenerator(serving=llm, instruction='a')"
            ),
        ),
        (
            "import dataflow.operators.general_text",
            "g = dataflow.operators.general_text.LowercaseRefiner()",
            "import dataflow_text\ng = dataflow_text.Lowercase()",
        ),
        (
            "from dataflow.operators import general_text",
            "g = general_text.LowercaseRefiner()",
            "import dataflow_text as general_text\ng = general_text.Lowercase()",
        ),
        (
            "from dataflow.operators.general_text.refine.lowercase_refiner import LowercaseRefiner",
            "g = LowercaseRefiner()",
            "from dataflow_text import Lowercase\ng = Lowercase()",
        ),
        (
            (
                "from dataflow.operators.general_text import NgramFilter, SemDeduplicateFilter, "
                "LowercaseRefiner"
            ),
            "g = LowercaseRefiner()\nd = SemDeduplicateFilter()",
            (
                "from dataflow_text import NgramRepetitionFilter, Lowercase\n"
                "from dataflow.operators.general_text import SemDeduplicateFilter\n"
                "g = Lowercase()\nd = SemDeduplicateFilter()"
            ),
        ),
        (
            (
                "from dataflow.operators.general_text import (\n    LowercaseRefiner,  # small\n"
                "    VendiDatasetEvaluator,\n)"
            ),
            "g = LowercaseRefiner()",
            "from dataflow_text import (\n    Lowercase,  # small\n)\ng = Lowercase()",
        ),
    ],
)
def test_every_way_to_import_is_rewritten(imports, uses, expected):
    assert migrated(f"{imports}\n{uses}\n") == f"{expected}\n"


def test_an_import_that_is_alone_in_its_block_leaves_a_pass():
    text = "try:\n    from dataflow import get_logger\nexcept ImportError:\n    raise\n"
    assert migrated(text) == "try:\n    pass\nexcept ImportError:\n    raise\n"
    one_line = "if x: from dataflow import get_logger\n"
    assert migrated(one_line) == "if x: pass\n"


def test_annotations_and_bases_get_the_new_names():
    text = (
        "from dataflow.core import LLMServingABC\n"
        "from dataflow.pipeline import PipelineABC\n"
        "class P(PipelineABC):\n"
        "    def __init__(self, llm: LLMServingABC | None = None) -> None: ...\n"
    )
    new = migrated(text)
    assert "class P(Pipeline):" in new
    assert "llm: Serving | None" in new


def test_a_name_in_quotes_keeps_its_old_name():
    text = (
        "from dataflow.core import LLMServingABC\n"
        "def f(llm: 'LLMServingABC') -> None: ...\n"
        "__all__ = ['LLMServingABC']\n"
    )
    new = migrated(text)
    assert new.startswith("from dataflow_core.serving import Serving as LLMServingABC\n")
    assert new.splitlines()[1:] == text.splitlines()[1:]


def test_a_new_name_that_is_taken_is_not_taken_twice():
    text = LOWER + "class Lowercase: ...\n" + RUN
    assert migrated(text).startswith("from dataflow_text import Lowercase as LowercaseRefiner\n")
    assert "lower = LowercaseRefiner()" in migrated(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (IMPORT + "g = PromptedGenerator(llm, 'a', **more)", r"\*\*, whose names"),
        (IMPORT + "g = PromptedGenerator(*all)", r"\*, whose values"),
        (IMPORT + "g = PromptedGenerator(llm)", "system_prompt -> instruction is not given"),
        (IMPORT + "g = PromptedGenerator(llm, 'a', user_prompt='b')", "user_prompt: Put it into"),
        (IMPORT + "g = PromptedGenerator(llm, 'a', sytem_promt='b')", "Did you mean"),
        (IMPORT + "g = PromptedGenerator(llm, 'a', '', None, 5)", "argument 5"),
        (IMPORT + "gs = [PromptedGenerator, 1]", "passed on as a value"),
        (IMPORT + "class G(PromptedGenerator): ...", "derived from it"),
        (IMPORT + "def f(PromptedGenerator): return PromptedGenerator(llm, 'a')", "something else"),
        (LOWER + "from other import LowercaseRefiner\n" + RUN, "since line 2"),
        (LOWER + "lower = LowercaseRefiner()\nkeys = lower.run(s, 'a')", "run returns nothing"),
        (LOWER + "lower = LowercaseRefiner()\nlower.run(s, **keys)", r"\*\*, whose names"),
        (
            LOWER + "for one in [LowercaseRefiner()]:\n    one.run(s.step(), input_key='a')",
            "may be its",
        ),
        (
            LOWER
            + "lower = LowercaseRefiner()\nlower = other()\nlower.run(s.step(), input_key='a')",
            "which one is not to be seen",
        ),
        (LOWER + "print(f'{1}', f'{LowercaseRefiner()} {x}')", "in an f-string"),
        (
            LOWER + "op = LowercaseRefiner()\nx = f'{op.run(s.step(), input_key=1)}'",
            "in an f-string",
        ),
        (LOWER + "print(f'{LowercaseRefiner}')", "passed on as a value"),
        ("from dataflow.operators.general_text import *\n" + RUN, "LowercaseRefiner"),
        ("from dataflow.agent import Thing\nThing()", "dataflow.agent.Thing is not known"),
        ("from dataflow.operators.code import CodeLengthSampleFilter as C\nC()", "dataflow-code"),
        (
            (
                "import dataflow.operators.reasoning as r\nr.ReasoningAnswerGroundTruthFilter()\n"
                "r.ReasoningAnswerModelJudgeFilter(llm_serving=llm)"
            ),
            "import them by name",
        ),
        (
            (
                "from dataflow.utils.storage import FileStorage\ns = FileStorage('a.csv')\n"
                "s.read('dataframe')"
            ),
            "not the kind of output",
        ),
        (
            (
                "from dataflow.serving import APILLMServing_request\n"
                "s = APILLMServing_request(api_url=URL)"
            ),
            "give it without /chat/completions",
        ),
    ],
)
def test_what_is_not_safe_is_left_alone_and_told(text, reason):
    assert re.search(reason, reasons(text)), reasons(text)
    first = text.splitlines()[0]
    assert migrated(text).splitlines()[0] == first


def test_methods_of_pipelines_that_are_gone_are_told():
    text = (
        "from dataflow.pipeline import PipelineABC\nclass P(PipelineABC): ...\nP().draw_graph()\n"
    )
    assert "--format html' draws the graph" in reasons(text)


def test_a_class_is_rewritten_everywhere_or_nowhere():
    text = IMPORT + "a = PromptedGenerator(llm, 'a')\nb = PromptedGenerator(llm, **more)\n"
    assert migrated(text) == text
    assert "it waits for what line 3 needs" in reasons(text)


def test_another_package_of_like_name_is_not_meant():
    text = "from dataflows import FileStorage\nfrom .dataflow.core import X\nFileStorage('a')\n"
    found = examine(Script(text.encode()))
    assert found.text == text
    assert found.findings == []


def test_objects_of_the_same_name_are_told_apart_by_scope():
    text = (
        LOWER
        + "def f(s):\n    op = LowercaseRefiner()\n    op.run(s, input_key='a')\n"
        + "def g(op, s):\n    op.run(s, text='a')\n"
    )
    new = migrated(text)
    assert "op.run(s, input_text='a')" in new
    assert "op.run(s, text='a')" in new


def test_an_object_that_is_made_in_several_places_or_where_it_is_run_is_followed():
    text = (
        LOWER
        + "if x:\n    op = LowercaseRefiner()\nelse:\n    op = LowercaseRefiner()\n"
        + "op.run(s, input_key='a')\n"
        + "(LowercaseRefiner()).run(s, 'a')\n"
        + "a = b = LowercaseRefiner()\nb.run(s, input_key='c')\n"
    )
    new = migrated(text)
    assert "LowercaseRefiner" not in new
    assert new.count("input_text=") == 3
    assert migrated(text + "f(LowercaseRefiner())\nz.run(s.step(), input_key='a')\n") == (
        text + "f(LowercaseRefiner())\nz.run(s.step(), input_key='a')\n"
    )


def test_a_class_that_is_imported_twice_is_rewritten_in_both_places_or_in_none():
    text = (
        "def f(s):\n    from dataflow.operators.general_text import LowercaseRefiner\n"
        "    LowercaseRefiner().run(s, 'a')\n"
        "def g(s):\n    from dataflow.operators.general_text import LowercaseRefiner\n"
        "    LowercaseRefiner().run(s, 'a')\n"
    )
    assert migrated(text).count("    from dataflow_text import Lowercase\n") == 2
    assert migrated(text + "    h(LowercaseRefiner)\n") == text + "    h(LowercaseRefiner)\n"
    other = text.replace("Refiner().run", "s().run", 1) + "from x import LowercaseRefiner\n"
    assert migrated(other) == other


def test_a_statement_after_a_condition_stays_one_line():
    text = (
        "if x: from dataflow.operators.general_text import LowercaseRefiner, SemDeduplicateFilter\n"
        "SemDeduplicateFilter()\n"
    )
    assert migrated(text).startswith(
        "if x: from dataflow_text import Lowercase; "
        "from dataflow.operators.general_text import SemDeduplicateFilter\n"
    )


def test_places_are_those_of_the_script():
    found = examine(Script((LOWER + "é = 1; lower = LowercaseRefiner()\n").encode()))
    assert [(one.line, one.column, one.kind) for one in found.findings] == [
        (1, 45, "import"),
        (2, 16, "construction"),
    ]


def test_the_result_is_written_where_the_last_step_wrote_it():
    text = (
        LOWER
        + "from dataflow.utils.storage import FileStorage\n"
        + "s = FileStorage('a.jsonl', cache_path='out', file_name_prefix='x')\n"
        + "op = LowercaseRefiner()\n"
        + "op.run(s.step(), 'a')\n"
        + "op.run(s.step(), 'b')  # twice\n"
        + "print('done')\n"
    )
    lines = migrated(text).splitlines()
    assert lines[-2:] == ['s.save("out/x_step2.jsonl")', "print('done')"]
    looped = text.replace("op.run(s.step(), 'a')", "for k in 'ab':\n    op.run(s.step(), k)")
    assert "save(PATH)" in reasons(looped)
    assert "save(" not in migrated(looped)


SNIPPETS = (
    IMPORT, LOWER, RUN, "import os\n", "g = PromptedGenerator(llm, 'a')\n",
    "g = PromptedGenerator(\n    llm,\n    user_prompt='',  # c\n    system_prompt='a')\n",
    "from dataflow.utils.storage import FileStorage\n",
    "storage = FileStorage('a.jsonl', './c', cache_type='jsonl')\n",
    "g.run(storage=storage.step(), output_key='b', input_key='a',)\n",
    "g.run(\n    storage.step()\n)\n", "def f():\n    lower.run(storage.step(), 'a')\n",
    "from dataflow.operators.text_pt import MetaSampleEvaluator\n",
    "m = MetaSampleEvaluator(llm_serving=llm)\n", "# note\n",
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(SNIPPETS), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_a_second_migration_changes_nothing_and_the_text_stays_python(pieces, newline):
    text = "".join(pieces).replace("\n", newline)
    once = migrated(text)
    ast.parse(once)
    assert migrated(once) == once
    assert re.findall("# .*", text) == re.findall("# .*", once)


PIPELINE = (
    "from dataflow.pipeline import PipelineABC\n"
    "from dataflow.serving import APILLMServing_request\n"
    "from dataflow.utils.storage import FileStorage\n"
    "class P(PipelineABC):\n"
    "    def __init__(self):\n"
    "        self.storage = FileStorage('in.jsonl')\n"
    "        self.llm = APILLMServing_request(api_url='http://a/v1', model_name='m')\n"
    "    def forward(self):\n"
    "        pass\n"
    "p = P()\n"
)


@pytest.mark.parametrize(
    ("line", "class_name", "told"),
    [
        ("p.forward(resume_step=2)", "PipelineABC", "takes no arguments"),
        ("p.forward(1)", "PipelineABC", "takes no arguments"),
        ("p.storage.read('dataframe')", "FileStorage", "takes the columns"),
        ("p.storage.step().read()", "FileStorage", "takes the columns"),
        ("s = p.storage.step()", "FileStorage", "leave it out"),
        ("p.llm.generate_from_input(['a'])[0]", "APILLMServing_request", "a Completion for each"),
        ("p.llm.cleanup()", "APILLMServing_request", "close()"),
    ],
)
def test_a_method_that_is_done_otherwise_keeps_its_class_also_through_a_pipeline(
    line, class_name, told
):
    assert told not in reasons(f"{PIPELINE}p.forward()\n")
    once = migrated(f"{PIPELINE}{line}\n")
    assert f"import {class_name}\n" in once
    assert f"{line}\n" in once
    assert told in reasons(once)  # and it is told again, not only the first time


@pytest.mark.parametrize("module", ["dataflow.operators.core_text", "dataflow.pipeline.Pipeline"])
def test_a_module_that_is_named_in_a_text_is_told(module):
    text = f"import importlib\nm = importlib.import_module({module!r})\n"
    assert "a text names it" in reasons(text)
    assert migrated(text) == text


@pytest.mark.parametrize("text", ["x = 'dataflow'\n", "x = 'dataflow.log'\n", "'dataflow.core'\n"])
def test_other_texts_are_no_modules(text):
    assert reasons(text) == ""


def test_names_of_several_star_imports_are_told_each_at_its_own():
    text = (
        "from dataflow.operators.core_text import *\n"
        "from dataflow.utils.storage import *\n"
        "from dataflow.operators.reasoning import *\n"
        "FileStorage('a.jsonl')\nPromptedGenerator()\n"
    )
    found = [r for r in reasons(text).splitlines() if "*" in r and "by name" not in r]
    assert [one.rpartition(": ")[2] for one in found] == ["PromptedGenerator", "FileStorage"]
    assert "no name that is known is used of it" in reasons(text)
