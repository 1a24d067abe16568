"""``dataflow migrate``: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow_core.cli.main import main

SAFE = """\
from dataflow.operators.general_text import LowercaseRefiner

lower = LowercaseRefiner()
lower.run(storage, input_key="text")
"""
UNSAFE = SAFE + "from dataflow.operators.text_pt import FineWebEduFilter\n\nFineWebEduFilter()\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "script.py") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_it_tells_place_change_and_note_and_writes_nothing(capsys):
    path = written(SAFE)
    assert main(["migrate", "script.py"]) == 0
    out = capsys.readouterr().out
    assert "script.py:3:9: safe: construction LowercaseRefiner -> text/lowercase\n" in out
    assert "script.py:4:1: safe: run LowercaseRefiner.run -> text/lowercase\n" in out
    assert "    input_key -> input_text\n" in out
    assert out.endswith("script.py: 3 places to rewrite\n")
    assert path.read_text() == SAFE
    assert names() == ["script.py"]


def test_what_needs_a_person_is_told_with_the_reason_and_by_the_exit_code(capsys):
    written(UNSAFE)
    assert main(["migrate", "script.py"]) == 2
    out = capsys.readouterr().out
    assert "script.py:7:1: person: construction FineWebEduFilter -> nothing\n" in out
    assert "    you: No quality model is bundled;" in out
    assert out.endswith("script.py: 3 places to rewrite, 2 for a person\n")


def test_write_keeps_the_old_file_and_its_mode_and_a_second_run_finds_nothing(capsys):
    path = written(SAFE)
    path.chmod(0o750)
    written("mine", "script.py.bak")
    assert main(["migrate", "--write", "script.py"]) == 0
    assert "the old text is in script.py.bak1\n" in capsys.readouterr().out
    assert path.read_text() == SAFE.replace(
        "dataflow.operators.general_text", "dataflow_text"
    ).replace("LowercaseRefiner", "Lowercase").replace("input_key", "input_text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert Path("script.py.bak").read_text() == "mine"
    assert Path("script.py.bak1").read_text() == SAFE
    before = names()
    assert main(["migrate", "--write", "script.py"]) == 0
    assert capsys.readouterr().out == "script.py: nothing of the earlier system\n"
    assert names() == before


def test_what_a_link_leads_to_is_rewritten():
    Path("real").mkdir()
    written(SAFE, "real/script.py")
    Path("link.py").symlink_to("real/script.py")
    assert main(["migrate", "--write", "link.py"]) == 0
    assert Path("link.py").is_symlink()
    assert "dataflow_text" in Path("real/script.py").read_text()


def test_diff_shows_what_would_be_written(capsys):
    path = written(SAFE)
    assert main(["migrate", "--diff", "script.py"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("--- script.py\n+++ script.py\n@@")
    assert '-lower.run(storage, input_key="text")\n' in out
    assert path.read_text() == SAFE


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
@pytest.mark.parametrize("text", [SAFE, SAFE.rstrip("\n"), SAFE + 'x = "\x0c"\n'])
def test_a_diff_can_be_applied(text, capsys):
    path = written(text)
    main(["migrate", "--diff", "script.py"])
    subprocess.run(["patch", "-s"], input=capsys.readouterr().out, text=True, check=True)
    patched = path.read_text()
    path.write_text(text)
    main(["migrate", "--write", "script.py"])
    assert path.read_text() == patched != text


def test_json_holds_all_that_is_told(capsys):
    written(SAFE, "a.py")
    written(UNSAFE, "b.py")
    assert main(["migrate", "--json", "--write", "a.py", "b.py"]) == 2
    one, two = json.loads(capsys.readouterr().out)["scripts"]
    assert (one["script"], one["complete"], one["written"]) == ("a.py", True, True)
    assert one["backup"] == "a.py.bak"
    assert one["findings"][1] == {
        "line": 3,
        "column": 9,
        "kind": "construction",
        "former": "LowercaseRefiner",
        "becomes": "text/lowercase",
        "changes": [],
        "reasons": [],
        "notes": [],
        "rewritten": True,
    }
    assert not two["complete"]
    assert [bool(found["reasons"]) for found in two["findings"]] == [False] * 3 + [True] * 2


def test_a_script_that_is_no_python_fails_and_the_others_are_done(capsys):
    broken = written("def broken(:\n", "broken.py")
    written(UNSAFE, "unsafe.py")
    written(SAFE, "safe.py")
    assert main(["migrate", "--write", "broken.py", "unsafe.py", "safe.py"]) == 1
    assert "broken.py:1:12: this is no Python" in capsys.readouterr().err
    assert broken.read_text() == "def broken(:\n"
    assert "dataflow_text" in Path("safe.py").read_text()
    assert main(["migrate", "--json", "broken.py"]) == 1
    assert "no Python" in json.loads(capsys.readouterr().out)["scripts"][0]["error"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_told(capsys):
    Path("closed").mkdir()
    written(SAFE, "closed/script.py")
    Path("closed").chmod(0o500)
    assert main(["migrate", "--write", "closed/script.py"]) == 1
    assert "cannot be written: Permission denied." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["gone.py"], ["--diff", "--write", "script.py"]])
def test_wrong_usage_is_refused(arguments):
    written(SAFE)
    assert main(["migrate", *arguments]) == 2


def test_the_script_is_not_run_and_no_table_is_imported():
    written("open('ran', 'w')\n" + SAFE)
    code = (
        "import sys; from dataflow_core.cli.main import main; "
        "assert main(['migrate', 'script.py']) == 0; "
        "print(sorted({'pandas', 'pyarrow', 'numpy', 'dataflow_text'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.endswith("[]\n")
    assert not Path("ran").exists()


def test_a_notebook_is_refused_and_not_taken_for_a_script_without_former_names(capsys):
    cell = {"cell_type": "code", "outputs": [], "source": SAFE.splitlines(keepends=True)}
    written(json.dumps({"cells": [cell], "nbformat": 4}), "my book.ipynb")
    assert main(["migrate", "my book.ipynb"]) == 1
    captured = capsys.readouterr()
    assert "jupyter nbconvert --to script 'my book.ipynb'" in captured.err
    assert "nothing of the earlier system" not in captured.out


def test_of_a_folder_all_scripts_are_read_and_hidden_ones_are_not(capsys):
    for name in ("in/a.py", "in/deep/b.py", "in/.venv/c.py", "in/d.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        written(SAFE, name)
    assert main(["migrate", "in"]) == 0
    out = capsys.readouterr().out
    assert "in/a.py: 3 places to rewrite\n" in out
    assert "in/deep/b.py: 3 places to rewrite\n" in out
    assert "c.py" not in out
    assert "d.txt" not in out
    Path("empty").mkdir()
    assert main(["migrate", "empty"]) == 0
    assert capsys.readouterr().err == "empty: no script is in it\n"
