"""What the command line costs with 50 plugins of 20 operators each; by `nox -s import_time`.

The plugins are real distributions, with metadata and entry points, in a folder on the path. Beside
them are as many distributions that are no plugins as a full environment has.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from measuring import measure

PLUGINS, OPERATORS, OTHERS = 50, 20, 200
LIMIT = 0.5
"""CPU-seconds that `operators list` may take, as a median."""

_METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n"
_MODULE = '''"""The hooks of a generated plugin."""

from dataflow_core.plugins import OperatorSpec, hookimpl


@hookimpl
def dataflow_register_operators():
    """Return {operators} operators."""
    return [
{specs}
    ]
'''
_SPEC = """        OperatorSpec(
            name="operator_{number}",
            target="{package}.operators:Operator{number}",
            summary="Keep the texts that rule {number} of {package} holds for",
            function="{function}",
            source="A work on rule {number} (Somebody et al. 2024), section 3",
        ),"""
_FUNCTIONS = ("generate", "evaluate", "filter", "refine")


def install(folder: Path) -> None:
    """Write the distributions into a folder, as an installer would."""
    for number in range(PLUGINS):
        package = f"dataflow_bench{number}"
        points = f"[dataflow.plugins]\nbench{number} = {package}._plugin\n"
        _distribution(folder, package, points)
        specs = (
            _SPEC.format(number=one, package=package, function=_FUNCTIONS[one % 4])
            for one in range(OPERATORS)
        )
        module = folder / package / "_plugin.py"
        module.parent.mkdir()
        module.with_name("__init__.py").write_text(f'"""{package}."""\n')
        module.write_text(_MODULE.format(operators=OPERATORS, specs="\n".join(specs)))
    for number in range(OTHERS):
        points = f"[console_scripts]\nother{number} = other_{number}:main\n"
        _distribution(folder, f"other_{number}", points if number % 4 == 0 else None)


def _distribution(folder: Path, package: str, entry_points: str | None) -> None:
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    description = "\n".join(["", *["What it is for, at some length."] * 100, ""])
    (info / "METADATA").write_text(_METADATA.format(name=package) + description)
    if entry_points is not None:
        (info / "entry_points.txt").write_text(entry_points)


def main() -> None:
    """Install, measure and print; fail where listing takes longer than it may."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(folder)
        path = os.pathsep.join([name, os.environ.get("PYTHONPATH", "")])
        python = ["env", f"PYTHONPATH={path}", sys.executable]
        commands = {"python alone": [*python, "-c", "pass"]}
        for arguments in ("operators list", "operators list --json", "--help", "--version"):
            commands[arguments] = [*python, "-m", "dataflow_core", *arguments.split()]
        for words in ("operators show bench4", "run text/", ""):
            completion = ["env", f"PYTHONPATH={path}", "_DATAFLOW_COMPLETE=zsh", *python[2:]]
            commands[f"completing {words!r}"] = [*completion, "-m", "dataflow_core", *words.split()]
        measured = measure(commands, runs=10)
    print(f"{PLUGINS} plugins of {OPERATORS} operators, {OTHERS} other distributions")
    for name, figures in measured.items():
        wanted = f"   (wanted: {LIMIT} CPU-s)" if name == "operators list" else ""
        print(f"{name:30} {figures}{wanted}")
    if measured["operators list"].median > LIMIT:
        raise SystemExit(f"operators list takes longer than {LIMIT} CPU-s")


if __name__ == "__main__":
    main()
