"""The fixtures that pytest finds by itself, and that they cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from dataflow_core.operators.general import DeriveColumn, FilterRows, PromptedGenerator
from dataflow_core.serving.backend import ReplyError


def test_a_run_tells_what_became_of_all_rows(dataflow_run):
    rows = [{"n": at} for at in range(5)]
    twice = (DeriveColumn(expression="n * 2"), {"output_column": "twice"})
    done = dataflow_run(rows, FilterRows(where="n > 1"), twice, batch_size=2)
    assert done.rows == [{"n": at, "twice": at * 2} for at in (2, 3, 4)]
    assert [(row["step"], row["n"]) for row in done.dropped] == [
        ("filter_rows", 0),
        ("filter_rows", 1),
    ]
    assert done.quarantined == []
    assert done.report.rows_out == 3


def test_a_scripted_serving_answers_in_a_run(dataflow_run, dataflow_scripted_serving):
    serving = dataflow_scripted_serving(
        lambda text: ReplyError("request", "no") if "bad" in text else "Good."
    )
    operator = PromptedGenerator(serving=serving, instruction="Judge.")
    done = dataflow_run([{"text": "good"}, {"text": "bad"}], operator)
    assert done.rows == [{"text": "good", "generated": "Good."}]
    assert [row["reason"] for row in done.quarantined] == ["invalid_request"]


def test_tables_are_made_of_rows(dataflow_memory_storage):
    table = dataflow_memory_storage({"text": "one"}, {"text": None})
    assert table.rows() == [{"text": "one"}, {"text": None}]


def test_the_plugin_manager_has_the_core_alone(dataflow_plugin_manager, site):
    site.add("dataflow-other", "other")
    assert [one.claim.namespace for one in dataflow_plugin_manager.plugins()] == ["core"]


def test_pytest_of_others_pays_nothing_for_it(tmp_path):
    heavy = ("pandas", "pyarrow", "pydantic", "pluggy.x", "dataflow_core.operators")
    (tmp_path / "test_other.py").write_text(
        textwrap.dedent(
            f"""
            import sys

            def test_nothing_heavy_is_imported():
                assert "dataflow_core.testing.pytest_plugin" in sys.modules
                assert not [one for one in {heavy!r} if one in sys.modules]

            def test_fixtures_are_there(dataflow_memory_storage):
                assert len(dataflow_memory_storage({{"n": 1}})) == 1
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_kit_needs_no_pytest():
    code = (
        "import sys; sys.modules['pytest'] = None; "
        "from dataflow_core.testing import check_operator; "
        "check_operator('core/explode'); print('passed')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "passed\n", done.stderr
