"""A change of one's own code is noticed, wherever it stands; nothing else is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

OPERATOR = """
from dataflow_core import Refiner
{imports}

class Up(Refiner):
    def run(self, storage, input_text: str = "text"):
        table = storage.read([input_text])
        table[input_text] = [{expression} for text in table[input_text]]
        storage.write(table)
"""

RUN = """
import json
from dataflow_core import FileStorage, Pipeline
from dataflow_core.operators.general import Apply
{code}

class Run(Pipeline):
    def __init__(self, storage):
        super().__init__(storage)
        self.step = {step}

    def forward(self):
        self.step.run(self.storage)

report = Run(FileStorage("in.jsonl")).run("out.jsonl", run_dir="run")
text = json.loads(open("out.jsonl").readline())["text"]
print(text, "reused" if report.reused else "done")
"""


def operator(expression, imports=""):
    return OPERATOR.format(expression=expression, imports=imports)


def python(folder, program, *, as_file=None):
    """Run a program, from a file or from standard input, as in a notebook."""
    (folder / "in.jsonl").write_text('{"text": "a"}\n')
    command = [sys.executable, "-"]
    if as_file is not None:
        (folder / as_file).write_text(program)
        command = [sys.executable, as_file]
    done = subprocess.run(
        command, input=program if as_file is None else None, cwd=folder, text=True,
        capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


IMPORTING = RUN.format(code="from {module} import Up", step="Up()")


@pytest.mark.parametrize(
    ("module", "files", "changed"),
    [
        ("mine", {"mine.py": operator("text + '1'")}, ("mine.py", operator("text + '2'"))),
        ("ops.mine", {"ops/mine.py": operator("text + '1'")},
         ("ops/mine.py", operator("text + '2'"))),
        ("pack.mine", {"pack/__init__.py": "", "pack/mine.py": operator("text + '1'")},
         ("pack/mine.py", operator("text + '2'"))),
        ("mine", {"mine.py": operator("text + END", "from helper import END"),
                  "helper.py": "from deep import END", "deep.py": "END = '1'"},
         ("deep.py", "END = '2'")),
        ("mine", {"mine.py": operator("text + deep.END", "import os, deep as deep"),
                  "deep.py": "END = '1'"}, ("deep.py", "END = '2'")),
        ("mine", {"mine.py": "from base import Up as Base\n\nclass Up(Base): pass",
                  "base.py": operator("text + '1'")}, ("base.py", operator("text + '2'"))),
    ],
)  # fmt: skip
def test_a_change_in_a_module_of_ones_own_is_noticed(module, files, changed, tmp_path):
    for name, text in files.items():
        write(tmp_path, name, text)
    program = IMPORTING.replace("{module}", module)
    write(tmp_path, "unrelated.py", "x = 1")
    assert python(tmp_path, program) == "a1 done"
    write(tmp_path, "unrelated.py", "x = 2")
    assert python(tmp_path, program) == "a1 reused"
    write(tmp_path, *changed)
    assert python(tmp_path, program) == "a2 done"


@pytest.mark.parametrize("as_file", [None, "script.py"])
def test_a_change_of_a_notebook_or_script_is_noticed(as_file, tmp_path):
    def program(end, name="unused"):
        helpers = f"def end(text):\n    return text + {end}\n\ndef {name}():\n    return 0\n"
        return RUN.format(code=helpers + operator("end(text)"), step="Up()")

    first = program("'1' if text in {'a', 'b', 'c', 'd'} else ''")
    assert python(tmp_path, first, as_file=as_file) == "a1 done"
    assert python(tmp_path, first, as_file=as_file) == "a1 reused"
    assert python(tmp_path, program("'2'"), as_file=as_file) == "a2 done"


def test_a_change_of_what_a_function_refers_to_is_noticed(tmp_path):
    def program(end):
        code = f"""
        END = {end!r}

        def add(text):
            return text + END

        def work(table):
            table["text"] = [add(text) for text in table["text"]]
            return table
        """
        return RUN.format(code=textwrap.dedent(code), step="Apply(func=work)")

    assert python(tmp_path, program("1")) == "a1 done"
    assert python(tmp_path, program("1")) == "a1 reused"
    assert python(tmp_path, program("2")) == "a2 done"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def end(*, text='1'):\n    return text\n", "def end(*, text='2'):\n    return text\n"),
        ("ENDS = {'a': '1'}\n\ndef end():\n    return ENDS['a']\n",
         "ENDS = {'a': '2'}\n\ndef end():\n    return ENDS['a']\n"),
        ("class Ends:\n    kept = {'1'}\n\ndef end():\n    return min(Ends.kept)\n",
         "class Ends:\n    kept = {'2'}\n\ndef end():\n    return min(Ends.kept)\n"),
    ],
)  # fmt: skip
def test_a_change_of_values_that_code_refers_to_is_noticed(first, second, tmp_path):
    def program(code):
        return RUN.format(code=code + operator("text + end()"), step="Up()")

    assert python(tmp_path, program(first)) == "a1 done"
    assert python(tmp_path, program(first)) == "a1 reused"
    assert python(tmp_path, program(second)) == "a2 done"


def test_an_object_that_tells_nothing_of_itself_equals_nothing(tmp_path):
    code = "thing = object()\n\ndef work(table):\n    thing\n    return table\n"
    program = RUN.format(code=code, step="Apply(func=work)")
    assert python(tmp_path, program) == "a done"
    assert python(tmp_path, program) == "a done"


@pytest.mark.parametrize(
    "held",
    [
        "{'kinds': {'a', 'b', 'c', 'd'}}",
        "[{'a', 'b', 'c', 'd'}, ({1: frozenset('abcdef')},)]",
        "{frozenset('abcd'), frozenset('efgh'), frozenset('ijkl')}",
    ],
)
def test_sets_within_values_are_the_same_in_every_process(held, tmp_path, monkeypatch):
    code = f"""
KINDS = {held}
KEPT = []
KEPT.append(KEPT)

def up(table):
    return table.assign(text=table["text"] + str(len(KINDS))[:0] + str(len(KEPT)))
"""
    program = RUN.format(code=code, step="Apply(func=up)")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    assert python(tmp_path, program) == "a1 done"
    for seed in ("2", "3"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        assert python(tmp_path, program) == "a1 reused"
    assert python(tmp_path, program.replace("'a'", "'z'").replace("'abcd", "'zbcd")) == "a1 done"
