"""Plugins that the scaffolds make, put where Python and the command line find them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from dataflow_core.scaffold.answers import FUNCTIONS, LICENSES, PluginAnswers
from dataflow_core.scaffold.forms import form_of

REPOSITORY = Path(__file__).parents[2]
CHOICES = {
    "function": FUNCTIONS,
    "llm": (False, True),
    "license": LICENSES,
    "pipeline": (True, False),
    "serving": (False, True),
    "storage": (False, True),
    "ci": (True, False),
}
EMAILS = ("ada@example.org", "")


def answers(namespace: str = "letters", **changes) -> PluginAnswers:
    """Return answers for a plugin."""
    usual = {name: choices[0] for name, choices in CHOICES.items()}
    told = {"description": "Operators for tests", "author": "Ada Løve", "email": EMAILS[0]}
    given = {**usual, **told, **changes}
    given.setdefault("operator", form_of(given["function"], "row", llm=given["llm"]).operator)
    return PluginAnswers(namespace=namespace, **given)


def pairs_of(choices: dict[str, object]) -> set[tuple[tuple[str, object], ...]]:
    """Return all pairs of answers in one combination."""
    return set(itertools.combinations(sorted(choices.items()), 2))


def combinations() -> list[dict[str, object]]:
    """Return few combinations of answers, in which every pair of answers occurs."""
    every = [
        dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())
    ]
    missing = set().union(*map(pairs_of, every))
    chosen = []
    while missing:
        best = max(every, key=lambda one: len(pairs_of(one) & missing))
        missing -= pairs_of(best)
        chosen.append(best)
    return chosen


def install(roots: Sequence[Path], site: Path) -> dict[str, str]:
    """Do what installing the plugins would do, without a network; return the environment for it."""
    for root in roots:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        needs = [f"Requires-Dist: {need}" for need in project["dependencies"]]
        head = ["Metadata-Version: 2.4", f"Name: {project['name']}", "Version: 0.1.0", *needs]
        (info / "METADATA").write_text("\n".join(head) + "\n\n", encoding="utf-8")
        groups = [
            f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in found.items())
            for group, found in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(groups) + "\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if "DATAFLOW" not in name}
    path = os.pathsep.join(map(str, [site, *roots, REPOSITORY]))
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def run(folder: Path, *arguments: object, env: dict[str, str] | None = None, code: int = 0) -> str:
    """Run a module of Python in a folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}"
    return done.stdout
