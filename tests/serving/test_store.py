"""The request store: what was paid for is found again, whoever wrote it and however it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_core.errors import ConfigurationError, StoreError
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.store import (
    RequestStore,
    Reuse,
    Settings,
    Spent,
    Stored,
    prompt_digest,
)

PLAIN = Settings("https://api.example.org/v1", "small", sampling={"temperature": 0})
FULL = Stored(
    text="Forty-two.",
    reasoning="Six times seven.",
    finish_reason="stop",
    usage=Usage(10, 20, 3, 4),
    latency=1.5,
    attempts=2,
    cost=0.25,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "requests.sqlite"


def ask(prompt, settings=PLAIN, sample=""):
    return settings.question(prompt_digest(prompt), sample)


def fill(path, *prompts, **changes):
    with RequestStore(path) as store:
        for prompt in prompts:
            store.put(ask(prompt), Stored(**{"text": f"to {prompt}", **changes}))


def texts(store, *prompts, reuse=Reuse.ALL):
    """Return the answers to some prompts, None where there is none."""
    questions = [ask(prompt) for prompt in prompts]
    found = store.find(questions, reuse)
    return [found[one.key].text if one.key in found else None for one in questions]


def run(code, *arguments):
    """Start a process that does something with stores."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "answer",
    [
        FULL,
        Stored(""),
        Stored("日本語 العربية हिन्दी 🧮 e\u0301 \x00 \r\n"),
        Stored("é" * 1_000_000, "ы" * 5000),
        Stored("half a character: \ud83d", "\udc00" * 3000),
        Stored(None, finish_reason="tool_calls"),
        Stored(None, vector=b"\x00\x00\x80?" * 1024, cost=None),
        Stored("{", problem="schema_mismatch"),
    ],
)
def test_an_answer_comes_back_as_it_was(path, answer):
    with RequestStore(path) as store:
        store.put(ask("q"), answer)
        assert store.find([ask("q")]) == {ask("q").key: answer}
        store.flush()
        assert store.find([ask("q")]) == {ask("q").key: answer}
    with RequestStore(path) as store:
        assert store.find([ask("q")]) == {ask("q").key: answer}


def test_many_questions_are_looked_up_at_once(path):
    asked = [f"q{number}" for number in range(2600)]
    fill(path, *asked[:2500])
    with RequestStore(path) as store:
        assert texts(store, *asked) == [f"to {one}" for one in asked[:2500]] + [None] * 100
        assert texts(store, *asked[2490:2510]) == [f"to q{n}" for n in range(2490, 2500)] + (
            [None] * 10
        )
        assert store.find([]) == {}


def test_everything_that_determines_an_answer_tells_questions_apart(path):
    same = {"endpoint": "http://a/v1", "model": "m", "sampling": {"seed": 1}, "system": "Be brief."}
    different = [
        {},
        {"endpoint": "http://b/v1"},
        {"model": "n"},
        {"kind": "embed"},
        {"sampling": {"seed": 2}},
        {"sampling": {"seed": 1, "top_p": 0.5}},
        {"sampling": {"seed": "1"}},
        {"system": None},
        {"system": ""},
        {"system": "Be brief. "},
        {"schema": {"type": "object"}},
        {"schema": {"type": "object", "default": None}},
        {"schema": {"properties": {"why": {}, "answer": {}}}},
        {"schema": {"properties": {"answer": {}, "why": {}}}},
    ]
    questions = [ask("q", Settings(**{**same, **change})) for change in different]
    questions += [ask("r", questions[0].settings), ask("q", questions[0].settings, "1")]
    assert len({question.key for question in questions}) == len(questions)
    with RequestStore(path) as store:
        for number, question in enumerate(questions):
            store.put(question, Stored(str(number)))
        found = store.find(questions)
    assert [found[question.key].text for question in questions] == [
        str(number) for number in range(len(questions))
    ]


NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=5)


def written_otherwise(value):
    """Return an equal value: keys in another order, whole numbers as floats, tuples for lists."""
    if isinstance(value, dict):
        return {key: written_otherwise(one) for key, one in reversed(value.items())}
    if isinstance(value, list):
        return tuple(written_otherwise(one) for one in value)
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    return value


@settings(max_examples=50, deadline=None)
@given(PARAMETERS, st.sets(st.text(min_size=1), max_size=3))
def test_how_parameters_are_written_does_not_count(sampling, left_out):
    nothing = {name: None for name in left_out if name not in sampling}
    other = written_otherwise(sampling) | nothing
    assert Settings("e", "m", sampling=other).digest == Settings("e", "m", sampling=sampling).digest


@settings(max_examples=50, deadline=None)
@given(PARAMETERS, PARAMETERS)
def test_other_parameters_are_other_settings(one, two):
    def plain(value):
        """Tell true from 1, which Python does not."""
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return (isinstance(value, bool), value)

    told = [{k: plain(v) for k, v in each.items() if v is not None} for each in (one, two)]
    digests = [Settings("e", "m", sampling=each).digest for each in (one, two)]
    assert (digests[0] == digests[1]) == (told[0] == told[1])


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), b"bytes"])
def test_settings_that_are_no_json_are_refused(value):
    with pytest.raises(ConfigurationError, match=r"sampling\.x|written as JSON"):
        Settings("e", "m", sampling={"x": value})


def test_a_prompt_is_given_by_its_digest():
    with pytest.raises(ConfigurationError, match="16 bytes, found 5"):
        PLAIN.question(b"short")


def test_secrets_neither_count_nor_are_they_kept(path):
    def with_key(key):
        return Settings(
            f"https://me:{key}@api.example.org/v1/?key={key}&auth={key}&deployment=x",
            "m",
            sampling={"api_key": key, "headers": {"Authorization": f"Bearer {key}"}},
            system="Look at postgres://me:pw-in-a-prompt@db.",
        )

    one, two = with_key("sk-one"), with_key("sk-two")
    assert one.digest == two.digest
    assert "sk-one" not in repr(one) + repr(one.question(bytes(16)))
    other_prompt = Settings("e", "m", system="postgres://me:other@db.").digest
    assert other_prompt != Settings("e", "m", system="postgres://me:pw-in-a-prompt@db.").digest
    with RequestStore(path) as store:
        store.put(ask("q", one), Stored("a"))
        store.put_failure(ask("r", one), "timeout", "no answer of https://me:sk-one@api", 1)
        store.flush()
        kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"deployment=x" in kept
    assert b"sk-one" not in kept
    assert b"pw-in-a-prompt" not in kept


@pytest.mark.parametrize(
    ("reuse", "found"),
    [
        (Reuse.ALL, ["stop", "length", "filter", "tools", "bad"]),
        (Reuse.FINISHED, ["stop", "tools", "bad"]),
        (Reuse.GOOD, ["stop", "tools"]),
        (Reuse.NONE, []),
    ],
)
def test_what_counts_as_an_answer_is_for_the_caller_to_say(path, reuse, found):
    finish = {"stop": "stop", "length": "length", "filter": "content_filter", "tools": "tool_calls"}
    with RequestStore(path) as store:
        for name in ("stop", "length", "filter", "tools", "bad"):
            store.put(ask(name), Stored(name, finish_reason=finish.get(name, "stop")))
        store.judge([ask("bad").key, ask("never asked").key], "schema_mismatch")
        for _ in range(2):
            assert [
                t
                for t in texts(store, "stop", "length", "filter", "tools", "bad", reuse=reuse)
                if t
            ] == found
            store.flush()


def test_a_judgement_is_kept_and_can_be_taken_back(path):
    fill(path, "q", "r")
    with RequestStore(path) as store:
        store.judge([ask("q").key], "unparsable_answer")
    with RequestStore(path) as store:
        assert store.find([ask("q")])[ask("q").key].problem == "unparsable_answer"
        assert texts(store, "q", "r", reuse=Reuse.GOOD) == [None, "to r"]
        store.judge([ask("q").key], None)
    with RequestStore(path) as store:
        assert texts(store, "q", "r", reuse=Reuse.GOOD) == ["to q", "to r"]


def test_the_last_answer_to_a_question_stands_and_all_are_paid_for(path):
    with RequestStore(path) as store:
        store.put(ask("q"), Stored("half an ans", finish_reason="length", cost=1.0))
        store.judge([ask("q").key], "truncated")
        store.put(ask("q"), Stored("a whole answer", cost=2.0))
        assert texts(store, "q", reuse=Reuse.GOOD) == ["a whole answer"]
        assert store.spent().cost == 3.0
    with RequestStore(path) as store:
        assert texts(store, "q", reuse=Reuse.GOOD) == ["a whole answer"]


def test_the_last_answer_counts_before_it_is_written_too(path):
    fill(path, "q", text="whole")
    with RequestStore(path) as store, contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that nothing is written meanwhile
        store.put(ask("q"), Stored("half", finish_reason="length"))
        unwritten = texts(store, "q", reuse=Reuse.FINISHED)
        other.rollback()
        store.flush()
        assert unwritten == texts(store, "q", reuse=Reuse.FINISHED) == [None]


def test_what_was_spent_is_summed_over_sessions(path):
    with RequestStore(path) as store:
        assert store.spent() == Spent()
        store.put(ask("q"), FULL)
        store.put(ask("r"), Stored("free?", usage=Usage(1, 1)))
        store.put_failure(ask("s"), "rate_limited", "asked too often", 3)
    with RequestStore(path) as store:
        store.put(ask("t"), FULL)
        assert store.spent() == Spent(3, 8, Usage(21, 41, 6, 8), 0.5, 1)


def test_what_was_spent_in_vain_is_spent_by_the_run_that_did(path):
    with RequestStore(path, run="one") as store:
        store.put(ask("q"), Stored("a", usage=Usage(1, 1), cost=1.0))
        store.add_waste(Usage(10, 20, 3, 4), 0.5, requests=0)
        store.add_waste(Usage(10, 20), None)
    with RequestStore(path, run="two") as store:
        store.add_waste(Usage(5, 5), 0.25, requests=2)
        assert store.spent("one") == Spent(1, 2, Usage(21, 41, 3, 4), 1.5, 0, 60, 0.5)
        assert store.spent("two") == Spent(0, 2, Usage(5, 5), 0.25, 0, 10, 0.25)
        assert store.spent() == store.spent("one") + store.spent("two")


def test_a_failure_is_never_an_answer(path):
    with RequestStore(path) as store:
        store.put_failure(ask("q"), "timeout", "no answer within 60 s", 3)
        store.flush()
        assert store.find([ask("q")]) == {}


def test_answers_of_other_stores_are_copied_but_not_paid_for(path, tmp_path):
    fill(tmp_path / "a.sqlite", "q", "r", cost=1.0)
    fill(tmp_path / "b.sqlite", "r", "s", text="of b", cost=1.0)
    fill(path, "t")
    others = [tmp_path / "a.sqlite", tmp_path / "b.sqlite", path]
    before = [other.read_bytes() for other in others[:2]]
    with RequestStore(path, also=others) as store:
        assert texts(store, "q", "r", "s", "t", "u") == ["to q", "to r", "of b", "to t", None]
        assert store.spent().answers == 1
        assert store.spent().cost == 0.0
    assert [other.read_bytes() for other in others[:2]] == before
    for other in others[:2]:
        other.unlink()
    with RequestStore(path) as store:
        assert texts(store, "q", "r", "s", "t") == ["to q", "to r", "of b", "to t"]


def test_another_store_may_have_what_this_one_has_only_in_part(path, tmp_path):
    fill(path, "q", text="half", finish_reason="length")
    fill(tmp_path / "other.sqlite", "q", text="whole")
    with RequestStore(path, also=[tmp_path / "other.sqlite"]) as store:
        assert texts(store, "q") == ["half"]
        assert texts(store, "q", reuse=Reuse.FINISHED) == ["whole"]


def test_threads_share_a_store(path):
    safe = []

    def work(store, name):
        for number in range(200):
            prompt = f"{name} {number}"
            store.put(ask(prompt), Stored(prompt), committed=lambda p=prompt: safe.append(p))
            assert texts(store, prompt) == [prompt]

    with RequestStore(path) as store:
        threads = [threading.Thread(target=work, args=(store, name)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
        expected = [f"{name} {number}" for name in range(8) for number in range(200)]
        assert sorted(safe) == sorted(expected)
    with RequestStore(path) as store:
        assert texts(store, *expected) == expected


def test_closing_loses_nothing_that_was_taken(path):
    """Whoever puts while another closes either is told so, or finds the answer again."""
    taken, began = [], threading.Event()
    store = RequestStore(path)

    def work(name):
        with contextlib.suppress(StoreError):
            for number in range(100_000):
                store.put(ask(f"{name} {number}"), Stored("x"))
                taken.append(f"{name} {number}")
                if number == 50:
                    began.set()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    began.wait()
    store.close()
    for thread in threads:
        thread.join()
    with RequestStore(path) as again:
        assert texts(again, *taken) == ["x"] * len(taken)
        assert len(taken) > 50


WRITE = """
    import sys
    from dataflow_core.serving.store import RequestStore, Settings, Stored, prompt_digest

    path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    settings = Settings("https://api.example.org/v1", "small", sampling={"temperature": 0})
    with RequestStore(path) as store:
        for number in range(count):
            prompt = f"{name} {number}"
            store.put(settings.question(prompt_digest(prompt)), Stored(f"to {prompt}"))
            store.flush()
"""


def test_processes_share_a_store(path):
    workers = [run(WRITE, path, name, 100) for name in "abc"]
    for worker in workers:
        assert worker.communicate(timeout=30)[1] == ""
    asked = [f"{name} {number}" for name in "abc" for number in range(100)]
    with RequestStore(path) as store:
        assert texts(store, *asked) == [f"to {one}" for one in asked]
        assert store.spent().answers == 300
    assert [file.name for file in path.parent.iterdir()] == ["requests.sqlite"]


TELL = """
    import sys
    from dataflow_core.serving.store import RequestStore, Settings, Stored, prompt_digest

    settings = Settings("https://api.example.org/v1", "small", sampling={"temperature": 0})
    store = RequestStore(sys.argv[1])
    for number in range(1_000_000):
        tell = lambda n=number: print(n, flush=True)
        store.put(settings.question(prompt_digest(f"q{number}")), Stored("a" * 300), committed=tell)
        store.find([])
"""


def test_what_was_told_safe_survives_a_killed_process(path):
    process = run(TELL, path)
    safe = [int(process.stdout.readline()) for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    safe += [int(line) for line in process.stdout.read().splitlines(keepends=True) if "\n" in line]
    process.communicate()
    with RequestStore(path) as store:
        assert texts(store, *(f"q{number}" for number in safe)) == ["a" * 300] * len(safe)
        assert store.spent().answers >= len(safe)


def test_a_store_is_closed_when_the_program_ends(path):
    code = WRITE.replace(
        "with RequestStore(path) as store:", "store = RequestStore(path)\n    if 1:"
    )
    process = run(code.replace("store.flush()", "pass"), path, "a", 2000)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
    with RequestStore(path) as store:
        assert texts(store, "a 0", "a 1999") == ["to a 0", "to a 1999"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_text("[section]\nname = value\n" * 100), "is something else"),
        (lambda file: file.mkdir(), "unable to open database file"),
        (lambda file: make(file, "CREATE TABLE songs (name)"), "database of another kind"),
        (lambda file: make(file, "PRAGMA user_version = 9", fill), "format 9, which a newer"),
        (lambda file: make(file, "DROP TABLE answers", fill), "no such table: answers"),
    ],
    ids=["text", "folder", "foreign", "newer", "incomplete"],
)
def test_what_is_no_store_is_left_alone(path, damage, said):
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=said) as caught:
        RequestStore(path)
    assert str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before
    with pytest.raises(StoreError):
        RequestStore(path.with_name("own.sqlite"), also=[path])


def make(path, statement, first=None):
    if first is not None:
        first(path, "q")
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_damage_found_later_is_told_with_a_cure(path):
    fill(path, *(f"q{number}" for number in range(500)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))
    with RequestStore(path) as store, pytest.raises(StoreError, match=r"damaged.*move it away"):
        texts(store, *(f"q{number}" for number in range(500)))
    assert path.stat().st_size == size


def test_an_empty_file_becomes_a_store(path):
    path.touch()
    fill(path, "q")
    with RequestStore(path) as store:
        assert texts(store, "q") == ["to q"]


def test_another_store_that_is_missing_is_told_of(path, tmp_path):
    with pytest.raises(StoreError, match=r"there is no request store .*none\.sqlite"):
        RequestStore(path, also=[tmp_path / "none.sqlite"])


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the folder"):
        RequestStore(tmp_path / "file" / "requests.sqlite")


def test_a_file_system_that_cannot_share_is_told_of(path, monkeypatch):
    connect = sqlite3.connect

    def without_sharing(place, **options):
        return connect(f"{place}&vfs=unix-dotfile", **options)

    monkeypatch.setattr(sqlite3, "connect", without_sharing)
    with pytest.raises(StoreError, match=r"journal can only be 'delete'.*Put it on a local disk"):
        RequestStore(path)


def test_what_cannot_be_written_is_told_to_those_who_wait(path):
    store = RequestStore(path)
    store.put(ask("before"), Stored("kept"))
    store.flush()
    make(
        path,
        "CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(FAIL, 'no room'); END",
    )
    told, safe = [], []
    store.put(ask("q"), FULL, committed=lambda: safe.append("q"), failed=told.append)
    with pytest.raises(StoreError, match="no room"):
        store.flush()
    assert (safe, len(told)) == ([], 1)
    assert str(path) in str(told[0])
    with pytest.raises(StoreError, match="no room"):
        store.put(ask("r"), FULL)
    with pytest.raises(StoreError, match="no room"):
        store.close()
    with RequestStore(path) as again:
        assert texts(again, "before", "q") == ["kept", None]


def test_a_call_that_fails_after_a_commit_stops_no_other(path, caplog):
    def fail():
        raise ValueError("the loop is closed")

    safe = threading.Event()
    with RequestStore(path) as store:
        store.put(ask("q"), FULL, committed=fail)
        store.put(ask("r"), FULL, committed=safe.set)
        store.flush()
    assert safe.is_set()
    assert "the loop is closed" in caplog.text


def test_a_closed_store_says_so(path):
    store = RequestStore(path)
    store.close()
    store.close()
    for use in (lambda: store.put(ask("q"), FULL), lambda: store.find([ask("q")]), store.flush):
        with pytest.raises(StoreError, match="is closed"):
            use()


def test_a_forked_process_is_told_to_open_its_own(path):
    code = """
        import os, sys
        from dataflow_core.errors import StoreError
        from dataflow_core.serving.store import RequestStore

        store = RequestStore(sys.argv[1])
        if os.fork() == 0:
            try:
                store.flush()
            except StoreError as error:
                print(error, flush=True)
            store.close()
            os._exit(0)
        os.wait()
    """
    out, err = run(code, path).communicate(timeout=20)
    assert "Open it anew in every process" in out
    assert err == ""


@pytest.fixture
def nobody():
    """The rights of a user who is not root, who may write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def public():
    """A folder that everybody can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def locked(public):
    """A store in a folder that is not to be written to."""
    folder = public / "locked"
    fill(folder / "requests.sqlite", "q")
    folder.chmod(0o555)
    (public / "own").mkdir()
    (public / "own").chmod(0o777)
    yield folder / "requests.sqlite"
    folder.chmod(0o755)


def test_a_store_that_is_not_to_be_written_to_is_read(public, locked, nobody):
    with RequestStore(public / "own" / "requests.sqlite", also=[locked]) as store:
        assert texts(store, "q") == ["to q"]
    with pytest.raises(StoreError, match="Look at the rights"):
        RequestStore(locked)
    assert [file.name for file in locked.parent.iterdir()] == ["requests.sqlite"]
