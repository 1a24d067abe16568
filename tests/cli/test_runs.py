"""`runs list`, `show`, `why`, `retry` and `diff`, as a user calls them."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import pytest

from dataflow_core import FileStorage, Pipeline
from dataflow_core.cli.main import main
from dataflow_core.cli.preview import where_they_part
from dataflow_core.operators.general import DeduplicateExact, DeriveColumn, Explode, FilterRows
from dataflow_text import WordCountFilter

ROWS = [
    {"id": "a", "text": "One two three.", "stars": 5, "tags": ["x", "y"]},
    {"id": "b", "text": "One two three.", "stars": 4, "tags": []},
    {"id": "c", "text": "Short.", "stars": 3, "tags": ["x"]},
    {"id": "d", "text": "Four words are here.", "stars": 1, "tags": ["z"]},
]


class Clean(Pipeline):
    """Long texts with some stars, each once, with a label."""

    def __init__(self, storage, least=2, label="'good'"):
        super().__init__(storage)
        self.stars = FilterRows(where=f"stars >= {least}")
        self.long = WordCountFilter(min_value=2)
        self.label = DeriveColumn(expression=label)
        self.unique = DeduplicateExact()

    def forward(self):
        self.stars.run(self.storage)
        self.long.run(self.storage, input_text="text")
        self.label.run(self.storage, output_column="label")
        self.unique.run(self.storage, input_columns=["text"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def clean(name="one", **parameters):
    run_dir = f"dataflow-runs/{name}"
    return Clean(FileStorage("in.jsonl"), **parameters).run(f"{name}.jsonl", run_dir=run_dir)


def told(capsys, *arguments, code=0):
    assert main(["runs", *arguments]) == code
    out, err = capsys.readouterr()
    return out if not code else err


def as_json(capsys, *arguments):
    return json.loads(told(capsys, *arguments, "--json"))


def test_runs_are_listed_newest_first(folder, capsys):
    clean("one")
    clean("two", least=1)
    lines = told(capsys, "list").splitlines()
    assert lines[0].split() == ["NAME", "PIPELINE", "STATE", "IN", "OUT", "CHANGED", "WHERE"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["two", "clean", "done", "4", "2"],
        ["one", "clean", "done", "4", "1"],
    ]
    assert [run["name"] for run in as_json(capsys, "list")] == ["two", "one"]
    assert as_json(capsys, "list", "nowhere") == []
    assert main(["runs", "list", "nowhere"]) == 0
    assert capsys.readouterr() == ("", "No runs found in nowhere.\n")


def test_a_damaged_run_does_not_hide_the_others(folder, capsys):
    clean("one")
    (folder / "dataflow-runs" / "bad").mkdir()
    file = folder / "dataflow-runs" / "bad" / "run.json"
    good = json.loads((folder / "dataflow-runs" / "one" / "run.json").read_text())
    for content, said in [
        ("{", "damaged"),
        ("\udcff", "damaged"),
        ("[]", "names and values wanted, found list"),
        ("{}", "format is missing"),
        ('{"format": 2}', "state is missing"),
        (json.dumps(good | {"plan": []}), "plan: dict wanted, found list"),
        (
            json.dumps(good | {"plan": {"name": "x", "steps": [1]}}),
            "plan.steps[0]: names and values wanted, found int",
        ),
        (
            json.dumps(good | {"fingerprints": {"source": None}}),
            "fingerprints.source: names and values wanted, found NoneType",
        ),
    ]:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert main(["runs", "list"]) == 0
        out, err = capsys.readouterr()
        assert "one" in out
        assert "bad/run.json is damaged" in err
        assert said in err
        assert err.count("\n") == 1
        assert said in told(capsys, "show", "bad", code=1)
        assert said in told(capsys, "why", "bad", "0", code=1)


def test_a_damaged_report_or_journal_does_not_hide_other_runs(folder, capsys):
    for name in ("one", "report", "journal"):
        clean(name)
    runs = folder / "dataflow-runs"
    (runs / "report" / "report.json").write_text("{}")
    (runs / "journal" / "run.json").write_text(
        (runs / "journal" / "run.json").read_text().replace('"state": "done"', '"state": "failed"')
    )
    next((runs / "journal" / "journals").iterdir()).write_text("[]\n")
    assert main(["runs", "list"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["one"]
    assert "report.json is damaged" in err
    assert ".jsonl is damaged" in err


def test_a_run_is_shown_with_its_report(folder, capsys):
    report = clean("one")
    shown = told(capsys, "show", "last")
    assert str(report) in shown
    assert "measure" in str(report)
    assert "source   in.jsonl\n" in shown
    assert "state    done (" in shown
    assert "long: below_minimum (1)  'Short.'" in shown
    content = as_json(capsys, "show", "one")
    assert content["asked"]["plan"]["name"] == content["pipeline"] == "clean"
    assert content["report"]["rows_out"] == 1
    assert [stage["table"] for stage in content["stages"]] == ["label", "unique"]


def test_an_unfinished_run_is_shown_with_how_far_it_is(folder, capsys):
    clean("one")
    path = folder / "dataflow-runs" / "one"
    (path / "journals" / "unique.jsonl").unlink()
    asked = json.loads((path / "run.json").read_text()) | {"state": "failed", "error": "no disk"}
    (path / "run.json").write_text(json.dumps(asked))
    shown = told(capsys, "show", "one")
    assert "error    no disk" in shown
    assert "stars > long > label: 4 rows in, 2 out, finished\nnot begun: unique\n" in shown
    assert "goes on with --run-dir dataflow-runs/one." in shown
    assert as_json(capsys, "show", "one")["report"] is None
    assert as_json(capsys, "list")[0]["rows_in"] == 4


def test_report_prints_where_the_page_is_and_what_a_run_without_one_is(folder, capsys):
    clean("one")
    assert told(capsys, "report", "last") == "dataflow-runs/one/report.html\n"
    assert as_json(capsys, "report", "one")["pipeline"] == "clean"
    (folder / "dataflow-runs" / "one" / "report.html").unlink()
    assert "one has no report" in told(capsys, "report", "one", code=1)
    assert "no run 'tow'" in told(capsys, "report", "tow", code=2)


def test_why_tells_the_fate_of_a_row(folder, capsys):
    clean("one")
    out = told(capsys, "why", "last", "1")
    first, second = (as_json(capsys, "why", "last", n)["row"] for n in ("0", "1"))
    assert out.splitlines()[:3] == [
        f"row {second}, number 1 of source",
        "dropped by unique as a duplicate",
        f"  it repeats {first}, number 0 of source (output)",
    ]
    assert '  label       "good"\n' in out
    assert "when it left, at unique: as before\n" in out
    assert out.endswith("add --replay.\n")
    kept = told(capsys, "why", "last", first[:12])
    repeated = f"repeated by {second}, number 1 of source (dropped by unique as a duplicate)"
    assert f"output\n{repeated}\n" in kept
    dropped = told(capsys, "why", "last", "--position", "2")
    assert "dropped by long (below_minimum)\n  value: 1\n" in dropped


def test_why_finds_rows_by_value(folder, capsys):
    clean("one")
    assert "dropped by stars (condition_is_false)" in told(capsys, "why", "one", "--where", "id=d")
    several = told(capsys, "why", "one", "--where", "text=One two three.")
    assert several.startswith("2 rows; name one of them by its id:\n")
    found = as_json(capsys, "why", "one", "--where", "text=One two three.")
    assert [row["fates"] for row in found["matches"]] == [
        ["dropped by unique as a duplicate"],
        ["output"],
    ]
    assert not found["more"]


def test_why_shows_each_step_again(folder, capsys):
    clean("one")
    out = told(capsys, "why", "one", "1", "--replay")
    assert "in the source\n" in out
    assert "label: 1 row in, 1 out\n  + label: 'good'\nunique: 1 row in, 0 out\n" in out
    (folder / "in.jsonl").rename(folder / "moved.jsonl")
    assert "in.jsonl does not exist" in told(capsys, "why", "one", "1", "--replay", code=2)
    moved = as_json(capsys, "why", "one", "1", "--replay", "--input", "moved.jsonl")["replay"]
    assert [step["step"] for step in moved["steps"]] == ["stars", "long", "label", "unique"]
    assert moved["notes"] == []


def test_why_follows_rows_made_of_others(folder, capsys):
    class Each(Pipeline):
        def forward(self):
            Explode().run(self.storage, input_list="tags")

    Each(FileStorage("in.jsonl")).run("o.jsonl", run_dir="each")
    children = [child["row"] for child in as_json(capsys, "why", "each", "0")["children"]]
    out = told(capsys, "why", "each", "0")
    assert "expanded by explode\n" in out
    assert f"became, by explode, {children[0]} (output)\n" in out
    child = told(capsys, "why", "each", children[1])
    assert child.startswith(f"row {children[1]}, made by a step\noutput\nmade by explode of ")
    assert '  tags   "y"' in child


def test_why_compares_rows_with_those_of_which_they_were_made(folder, capsys):
    class Each(Pipeline):
        def forward(self):
            Explode().run(self.storage, input_list="tags")

    Each(FileStorage("in.jsonl")).run("o.jsonl", run_dir="each")
    story = as_json(capsys, "why", "each", "0")
    row, first, second = story["row"], *(child["row"] for child in story["children"])
    out = told(capsys, "why", "each", "0", "--replay")
    assert out.endswith(
        "explode: 1 row in, 2 out\n"
        f"  * 2 rows made of {row}: {first}, {second}\n"
        "  ~ tags: 2 changed\n"
        f'      {first}  ["x", "y"]\n'
        f"      {'':16}→ 'x'\n"
        f'      {second}  ["x", "y"]\n'
        f"      {'':16}→ 'y'\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, "None", ("null", "'None'")),
        (1, 1.0, ("1", "1.0")),
        ("1", 1, ("'1'", "1")),
        (True, [None, "é"], ("true", '[null, "é"]')),
        ({"a": False}, dt.date(2024, 2, 3), ('{"a": false}', "2024-02-03")),
        ("a" * 90 + "b", "a" * 90 + "c", ("…'" + "a" * 23 + "b'", "…'" + "a" * 23 + "c'")),
        ([1] * 90, [1] * 89, ("… " + "1, " * 7 + "1, 1]", "… " + "1, " * 7 + "1]")),
    ],
)
def test_values_are_shown_as_what_they_are(before, after, shown):
    assert where_they_part(before, after) == shown


def test_a_null_that_became_a_text_is_shown_as_null(folder, capsys):
    clean("one", label="CAST(NULL AS STRING)")
    clean("two", label="'None'")
    assert "→ 'None'\n" in (out := told(capsys, "diff", "one", "two"))
    assert "  null\n" in out
    assert "+ label: null\n" in told(capsys, "why", "one", "0", "--replay")


OWN = """
from dataflow_core import Pipeline, Refiner

class Stars(Refiner):
    words: dict[str, int] = {"five": 5}

    def run(self, storage, input_stars: str = "stars"):
        table = storage.read([input_stars])
        table[input_stars] = [self.words[word] for word in table[input_stars]]
        storage.write(table)

class Own(Pipeline):
    def __init__(self, storage=None):
        super().__init__(storage)
        self.stars = Stars()

    def forward(self):
        self.stars.run(self.storage)
"""


def test_failed_rows_are_retried_after_a_fix_of_code_or_of_a_parameter(dataflow, folder):
    words = ["five", "four", "five", "three"]
    lines = (json.dumps({"n": n, "stars": word}) + "\n" for n, word in enumerate(words))
    (folder / "in.jsonl").write_text("".join(lines))
    (folder / "own.py").write_text(OWN)
    asked = ("run", "own:Own", "-i", "in.jsonl", "-o", "out.jsonl", "--max-failures", "3")
    dataflow(folder, *asked, "--run-dir", "own-run")
    assert "stars: KeyError ('four')  'four'" in dataflow(folder, "runs", "show", "own-run").stdout
    (folder / "own.py").write_text(OWN.replace("5}", '5, "four": 4'))
    broken = dataflow(folder, "runs", "retry", "own-run", code=2).stderr
    assert "cannot import 'own:Stars': SyntaxError: " in broken
    (folder / "own.py").write_text(OWN.replace("5}", '5, "four": 4}'))
    shown = dataflow(folder, "runs", "retry", "own-run").stdout
    assert "failed rows done again: stars 2" in shown
    assert "changed since then: stars: code" in shown
    stars = [json.loads(line)["stars"] for line in (folder / "out.jsonl").read_text().splitlines()]
    assert stars == [5, 4, 5]
    fix = "stars.words={three: 3}"
    assert dataflow(folder, "runs", "retry", "own-run", "--param", fix, "-q").stdout == ""
    stars = [json.loads(line)["stars"] for line in (folder / "out.jsonl").read_text().splitlines()]
    assert stars == [5, 4, 5, 3]
    found = dataflow(folder, "runs", "retry", "own-run")
    assert found.stdout == "No row of own-run failed in a step. There is nothing to do again.\n"
    # As nothing failed, nothing is asked of it.
    dataflow(folder, "runs", "retry", "own-run", "--param", "star.words={}")


def test_retry_says_what_it_lacks(folder, capsys):
    clean(label="stars * 2")
    (folder / "in.jsonl").unlink()
    assert "No row of dataflow-runs/one failed" in told(capsys, "retry", "one")
    assert "no run 'two'" in told(capsys, "retry", "two", code=2)


def test_diff_names_what_changed_and_why(folder, capsys):
    clean("one")
    clean("two", least=1, label="'fine'")
    out = told(capsys, "diff", "one", "two")
    assert "changed: stars: where 'stars >= 2' -> 'stars >= 1'\n" in out
    assert "1 row became something else\n" in out
    assert "  1: dropped by stars (condition_is_false) -> output\n" in out
    assert "    cause: stars: where 'stars >= 2' -> 'stars >= 1'\n" in out
    assert "  label: 1 row\n" in out
    assert "    cause: label: expression \"'good'\" -> \"'fine'\"\n" in out
    content = as_json(capsys, "diff", "one", "two")
    assert content["fates"][0]["cause"]["table"] == "stars"
    assert content["columns"][0]["examples"][0]["after"] == "fine"
    assert "nothing that determines the rows differs" in told(capsys, "diff", "one", "one")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "tow"], 2, "no run 'tow'. Did you mean 'two'?"),
        (["why", "two", "ffffffffffffffff"], 2, "no row 'ffffffffffffffff'"),
        (["why", "two", "9"], 2, "its source has 4 rows"),
        (["why", "two"], 2, "name one row"),
        (["why", "two", "1", "--position", "2"], 2, "name one row"),
        (["why", "two", "--where", "id"], 2, "--where takes COLUMN=VALUE"),
        (["why", "two", "--where", "idd=a"], 2, "Did you mean 'id'?"),
        (["diff", "two", "three"], 2, "no run 'three'"),
    ],
)
def test_wrong_names_get_one_clear_message(arguments, code, message, folder, capsys):
    clean("two")
    assert message in told(capsys, *arguments, code=code)


def test_asking_why_imports_no_pandas(folder):
    clean("one")
    program = (
        "import sys\n"
        "from dataflow_core.cli.main import main\n"
        "main(['runs', 'why', 'one', '1'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(done.stderr.split())
    assert "dropped by unique" in done.stdout
    assert "pyarrow" in imported
    assert not {"pandas", "pydantic", "pyarrow.compute", "importlib.metadata"} & imported
