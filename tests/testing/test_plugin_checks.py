"""Checks of plugins as a whole, of what specifications say, and `dataflow plugins check`."""

from __future__ import annotations

import json
import textwrap

import pytest

from dataflow_core.errors import ConformanceError
from dataflow_core.testing import Example, check_plugin, operators, parametrize_with_checks
from dataflow_core.testing.conformance import check_all

OPERATOR = '''
    """An operator."""

    from dataflow_core import Refiner, Storage
    from dataflow_core.operators import TextColumn
    {imports}

    class Shout(Refiner):
        """Write a text in upper case."""

        def run(
            self,
            storage: Storage,
            input_text: TextColumn = "text",
            output_text: TextColumn = "text",
        ) -> None:
            table = storage.read([input_text])
            table[output_text] = table[input_text].str.upper()
            storage.write(table)
'''
HOOKS = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="shout", target="{package}.shout:Shout", summary="Shout", {more})]
"""
REQUIRES = ["Requires-Dist: dataflow-llm-core>=0.1"]


def add(site, namespace, more='function="refine"', imports="", metadata=REQUIRES):
    package = f"dataflow_{namespace}"
    site.add(
        package.replace("_", "-"),
        namespace,
        HOOKS.format(package=package, more=more),
        modules={f"{package}/shout.py": OPERATOR.format(imports=imports)},
        metadata=metadata,
    )
    return site.manager()


def failures(manager, namespace, **options):
    results = check_all(operators(namespace, plugins=manager, **options))
    return {one.check: one.message for one in results if one.outcome == "failed"}


def test_a_sound_plugin_passes(site):
    manager = add(site, "sound")
    assert failures(manager, "sound") == {}
    check_plugin("sound", manager)


def test_a_specification_that_says_another_function_is_found(site):
    manager = add(site, "saying", 'function="filter"')
    assert list(failures(manager, "saying")) == ["check_specification"]


def test_a_source_that_the_docstring_does_not_name_is_found(site):
    manager = add(site, "citing", 'function="refine", source="Ada 1843"')
    assert "'Ada 1843'" in failures(manager, "citing")["check_docstring"]


@pytest.mark.parametrize(
    ("namespace", "imports", "told"),
    [
        ("heavy", "import torch", "imports torch"),
        ("crossing", "import dataflow_other", "imports dataflow_other of another plugin"),
        ("slow", "import time\n    while time.process_time() < 5: pass", "s of CPU time"),
    ],
)
def test_an_operator_that_imports_too_much_is_found(site, namespace, imports, told):
    site.write("torch/__init__.py", "")
    site.add("dataflow-other", "other")
    manager = add(site, namespace, imports=imports)
    found = failures(manager, namespace)
    assert list(found) == ["check_import_budget"]
    assert told in found["check_import_budget"]


def test_an_operator_that_takes_the_hash_of_a_text_is_found(site):
    manager = add(site, "salted")
    salted = OPERATOR.format(imports="").replace(".str.upper()", " + str(hash('a'))")
    site.write("dataflow_salted/shout.py", textwrap.dedent(salted))
    found = failures(manager, "salted")
    assert list(found) == ["check_deterministic"]
    assert "in another process it gives another result" in found["check_deterministic"]


def test_a_plugin_says_from_which_core_on_it_works(site):
    manager = add(site, "unbound", metadata=["Requires-Dist: dataflow-llm-core"])
    with pytest.raises(ConformanceError, match="does not say from which version"):
        check_plugin("unbound", manager)


def test_a_target_that_cannot_be_imported_is_found(site):
    manager = add(site, "failing", imports="raise RuntimeError('no')")
    with pytest.raises(ConformanceError, match="RuntimeError: no"):
        check_plugin("failing", manager)


def test_examples_of_a_specification_are_used_and_checked(site):
    more = 'function="refine", example="dataflow_shown.conformance:EXAMPLES"'
    site.write(
        "dataflow_shown/conformance.py",
        "from dataflow_core.testing import Example\n"
        "EXAMPLES = {'shout': Example(rows=[{'text': 'a'}, {'text': 'b'}]), 'shuot': Example()}\n",
    )
    manager = add(site, "shown", more)
    (subject,) = operators("shown", plugins=manager)
    assert subject.table.num_rows == 2
    with pytest.raises(ConformanceError, match="an example of 'shuot', which is not registered"):
        check_plugin("shown", manager)


def test_an_example_that_is_not_there_is_told(site):
    manager = add(site, "lost", 'function="refine", example="dataflow_lost.nowhere:EXAMPLES"')
    with pytest.raises(ConformanceError, match=r"names the example .* cannot be imported"):
        operators("lost", plugins=manager)


def test_zero_operators_are_a_failure(site):
    site.add("dataflow-empty", "empty")
    with pytest.raises(ConformanceError, match="registers no operator"):
        operators("empty", plugins=site.manager())
    with pytest.raises(ConformanceError, match="no operators are given"):
        parametrize_with_checks([])


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ConformanceError, match="Did you mean 'core/classify'"):
        operators("core", examples={"clasify": Example()})
    with pytest.raises(ConformanceError, match="Did you mean 'core/sort'"):
        parametrize_with_checks(operators("core"), expected_failures={"core/sorts": {}})


def test_the_command_tells_what_fails_and_how(site):
    add(site, "telling", 'function="filter", example="dataflow_telling.examples:EXAMPLES"')
    site.write(
        "dataflow_telling/examples.py",
        "from dataflow_core.testing import Example\n"
        "EXAMPLES = {'shout': Example(rows=[{'text': 'a'}, {'text': 'b'}])}\n",
    )
    done = site.run("plugins", "check", "telling")
    assert done.returncode == 2, done.stderr
    assert "telling/shout  " in done.stdout
    assert done.stdout.count("its specification says function='filter'") == 1
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("telling/shout  ")]
    assert row.split()[-1] == "check_specification"
    assert "telling: 1 operator checked; 1 check failed." in done.stdout
    told = json.loads(site.run("plugins", "check", "telling/shout", "--json").stdout)
    assert (told["plugin"], told["passed"], told["findings"]) == ("telling", False, [])
    (shout,) = told["operators"]
    assert list(shout["failed"]) == ["check_specification"]
    assert "check_pickles" in shout["passed"]


def test_a_failing_example_is_told_as_the_reason_of_what_is_skipped(site):
    add(site, "stuck", 'function="refine"')
    shout = (site.folder / "dataflow_stuck/shout.py").read_text(encoding="utf-8")
    write = "storage.write(table{})"
    site.write(
        "dataflow_stuck/shout.py",
        shout.replace(write.format(""), write.format(".reset_index(drop=True)")),
    )
    told = site.run("plugins", "check", "stuck").stdout
    assert "checks skipped: its example fails, as check_row_identity says." in told
    assert "rows were made up" not in told
    site.write("dataflow_stuck/shout.py", shout.replace("table[output_text] = ", "1 / 0; x = "))
    told = site.run("plugins", "check", "stuck").stdout
    assert "checks skipped: its example fails, as check_example says." in told
    assert "ZeroDivisionError" in told
    assert "The rows were made up after the signature of run" in told


def test_another_modality_is_told_with_the_places_to_change_it(site):
    manager = add(site, "seeing", 'function="refine", modality="image"')
    told = failures(manager, "seeing")["check_specification"]
    path = site.folder / "dataflow_seeing/_plugin.py"
    assert f'Write modality="text" in the OperatorSpec ({path}, line 6), or ' in told
    assert told.endswith('set it in the class Shout: modality: ClassVar = "image".')


def test_the_command_checks_what_is_sound_and_refuses_what_is_not_there(site):
    add(site, "fine")
    done = site.run("plugins", "check", "fine")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("fine: 1 operator checked; all is as it should be.\n")
    assert site.run("plugins", "check", "nothing").returncode == 2


TWO = """
    @hookimpl
    def dataflow_register_operators():
        return [
            OperatorSpec(name="bad", target="dataflow_mixed.bad:Bad", summary="Bad",
                         function="refine", {more}),
            OperatorSpec(name="shout", target="dataflow_mixed.shout:Shout", summary="Shout",
                         function="refine"),
        ]
"""
BAD = OPERATOR.format(imports="").replace("Shout", "Bad")
MISNAMED = """
    from dataflow_core import Refiner

    class Bad(Refiner):
        '''Bad.'''

        def run(self, storage, column="text"):
            storage.write(storage.read())
"""


@pytest.mark.parametrize(
    ("source", "more", "told"),
    [
        ("raise RuntimeError('mouldy')\n", "", "RuntimeError: mouldy"),
        ("class Bad(:\n", "", "SyntaxError: "),
        ("Bad = 3\n", "", "which is no Operator"),
        (MISNAMED, "", "'column'"),
        (BAD, 'example="dataflow_mixed.nowhere:EXAMPLES"', "'dataflow_mixed.nowhere'"),
    ],
    ids=["raises", "syntax", "no-operator", "signature", "example"],
)
def test_an_operator_that_cannot_be_had_fails_and_the_others_are_checked(site, source, more, told):
    shout = OPERATOR.format(imports="")
    site.add(
        "dataflow-mixed",
        "mixed",
        TWO.format(more=more),
        modules={"dataflow_mixed/shout.py": shout, "dataflow_mixed/bad.py": source},
        metadata=REQUIRES,
    )
    done = site.run("plugins", "check", "mixed", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    bad, good = json.loads(done.stdout)["operators"]
    assert told in bad["failed"]["check_example"]
    assert good["failed"] == good["skipped"] == {}
    assert len(good["passed"]) > 15


def test_the_command_names_a_broken_plugin(site):
    site.add("dataflow-broken", "broken", "raise SystemExit(3)")
    done = site.run("plugins", "check", "broken")
    assert done.returncode == 2
    assert "SystemExit: 3" in done.stdout
