"""Every example in the documents is run, in order, as a reader would; every link leads somewhere.

The blocks of one document share a folder and a namespace. What is run:

- ``python``: executed; with ``>>>``, what is printed is compared.
- ``console``: the lines that begin with ``$``, as real commands, in processes of their own. Where
  output is shown it is compared, and a command that fails must be followed by ``$ echo $?``.
  ``cd`` changes the folder for all that follows, ``pip install -e .`` installs the project in it,
  and ``pip uninstall`` removes those named, which are called as their folders are.
- any block whose first line is ``# file: NAME``, or the second below ``---``, as in the header of a
  prompt: written to that file.

In shown output, ``...`` stands for anything, and white space counts as one space.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/*.md", "plugins/*/README.md")
    for path in REPOSITORY.glob(pattern)
)
PLUGINS = sorted(path.parent for path in REPOSITORY.glob("plugins/*/pyproject.toml"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_FILE = re.compile(r"(?:---\n)?# file: (\S+)\n")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str
    where: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the block is."""
        match = _FILE.match(self.text)
        return match[1] if match else None


@dataclass(frozen=True)
class Command:
    """A line of a console block, and the output shown below it."""

    words: list[str]
    shown: str
    where: str


class Reader:
    """Follows a document from top to bottom, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installed: list[Path] = []
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.last_code = 0

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "python" and block.text.startswith(">>>"):
            self._compare(block)
        elif block.language == "python":
            code = "\n" * block.line + block.text
            exec(compile(code, block.where, "exec"), self.names)  # noqa: S102  the documents are ours
        elif block.language == "console":
            for command in commands(block):
                self._run(command)
        else:
            assert not block.language.startswith(("python", "console")), (
                f"{block.where}: a block marked {block.language!r} would not be run"
            )

    def _compare(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, block.where, block.where, block.line
        )
        report: list[str] = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
        runner.run(test, out=report.append, clear_globs=False)
        self.names.update(test.globs)
        assert not report, "".join(report)

    def _run(self, command: Command) -> None:
        if command.words == ["echo", "$?"]:
            assert command.shown.strip() == str(self.last_code), command.where
            self.last_code = 0
            return
        assert self.last_code == 0, f"before {command.where}: a command failed: {self.last_code}"
        if command.words[0] == "cd":
            self.folder = (self.folder / command.words[1]).resolve()
            return
        if command.words[:2] == ["pip", "uninstall"]:
            kept = [one for one in self.installed if one.name not in command.words]
            assert len(kept) < len(self.installed), f"{command.where}: it is not installed"
            self.installed = kept
            return
        if command.words[0] == "pip":
            install(self.folder)
            self.installed.append(self.folder)
            return
        printed = self._output(command)
        if command.shown.strip():
            same = doctest.OutputChecker().check_output(command.shown, printed, OPTIONS)
            assert same, f"{command.where}: shown\n{command.shown}\nprinted\n{printed}"
        elif self.last_code:
            pytest.fail(f"{command.where}: {printed}")

    def _output(self, command: Command) -> str:
        program = {"dataflow": [sys.executable, "-m", "dataflow_core"], "python": [sys.executable]}
        assignments, words = assigned(command.words)
        done = subprocess.run(
            [*program[words[0]], *words[1:]],
            cwd=self.folder,
            env=environment(self.folder, *self.installed) | assignments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        self.last_code = done.returncode
        return done.stdout


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(match[1].strip(), match[2], f"{path.relative_to(REPOSITORY)}:{line}", line)


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        # A line that ends in a backslash goes on, as in a shell.
        line, _, shown = part.replace("\\\n", " ").partition("\n")
        yield Command(shlex.split(line), shown, f"{block.where}: {line}")


def assigned(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split ``NAME=VALUE`` before a command from the command."""
    count = next(number for number, word in enumerate(words) if "=" not in word)
    return dict(word.split("=", 1) for word in words[:count]), words[count:]


def environment(*folders: Path) -> dict[str, str]:
    """Return the environment of a command: this repository, as if installed, and some folders."""
    kept = {name: value for name, value in os.environ.items() if "DATAFLOW" not in name}
    path = os.pathsep.join(map(str, [*folders, REPOSITORY, *PLUGINS]))
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}


def install(folder: Path) -> None:
    """Do what installing the folder's project would do, without a network: write its metadata."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in project["dependencies"]]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    groups = [
        f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in found.items())
        for group, found in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups) + "\n", encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader in an empty folder, from which Python imports too."""
    for name in ("DATAFLOW_DISABLE_PLUGINS", "DATAFLOW_STRICT_PLUGINS", "DATAFLOW_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Reader(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_examples_of_a_document_do_what_it_says(document: Path, reader: Reader):
    for block in blocks(document):
        reader.follow(block)
    assert reader.last_code == 0, "the last command failed"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_links_of_a_document_lead_somewhere(document: Path):
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), f"{document.name} links to {link}, which does not exist"
        if anchor:
            assert anchor in anchors(target), f"{document.name}: {link} has no such heading"


def test_a_wrong_example_fails(reader: Reader):
    wrong = [
        Block("python", ">>> 1 + 1\n3\n", "a", 1),
        Block("python", "assert False\n", "b", 1),
        Block("console", "$ dataflow --version\ndataflow 99\n", "c", 1),
        Block("console", "$ dataflow no-such-command\n", "d", 1),
        Block("python no-run", "1\n", "e", 1),
    ]
    for block in wrong:
        reader.last_code = 0
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            reader.follow(block)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as forges make them."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}
