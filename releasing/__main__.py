"""``python -m releasing NAME``: check that a distribution can be released, and say how to.

It neither tags nor uploads. Exit codes: 0 ready (with ``--dry-run`` also where only the changelog,
the tag or the tree are not yet as at a release), 1 something is wrong, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from releasing.building import Built, build, differences, digest, lacking, run
from releasing.distribution import CORE, Distribution, ReleaseError, unready, wrong_bounds
from releasing.trying import TESTING, Environment, released_core, test_from_sdist

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "dist"


def main(arguments: list[str] | None = None) -> int:
    """Check a release; return the exit code."""
    options = _options().parse_args(arguments)
    try:
        distribution = Distribution.named(ROOT, options.name)
    except ReleaseError as error:
        _say(f"Error: {error}")
        return 2
    _say(f"{distribution.name} {distribution.version}")
    open_points = list(unready(distribution))
    _tell("changelog, tag and tree", open_points)
    try:
        with tempfile.TemporaryDirectory(prefix="release-") as folder:
            files, wrong = _checked(distribution, Path(folder), options.core)
    except ReleaseError as error:
        files, wrong = [], [str(error)]
        _say(f"FAILED  {error}")
    if wrong or (open_points and not options.dry_run):
        _say(f"{distribution.name} {distribution.version} is not ready.")
        return 1
    _say_next(distribution, files, dry=bool(open_points))
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nox -s release --", description=__doc__)
    parser.add_argument("name", help="core, dataflow-math, dataflow-text")
    parser.add_argument(
        "--dry-run", action="store_true", help="go on, and end well, if only the day is not there"
    )
    parser.add_argument(
        "--core", choices=("auto", "index", "workspace"), default="auto",
        help="the core that a plugin is tried with (auto: the last tag, else the workspace)",
    )  # fmt: skip
    return parser


def _checked(
    distribution: Distribution, folder: Path, core: str
) -> tuple[Sequence[Path], list[str]]:
    """Build, look into the archives, install and test; return the files, and what is wrong."""
    first = build(distribution, "HEAD", folder / "first")
    second = build(distribution, "HEAD", folder / "second")
    wrong = _tell("two builds are equal", differences(first, second))
    wrong += _tell("licence, py.typed, README, tests, metadata", lacking(distribution, first))
    run([sys.executable, "-m", "twine", "check", "--strict", *map(str, first.files())], folder)
    _tell("twine check: the README renders", ())
    wrong += _tried(distribution, first, folder, core)
    if wrong:
        return [], wrong
    OUTPUT.mkdir(exist_ok=True)
    files = [Path(shutil.copy(path, OUTPUT)) for path in first.files()]
    for path in files:
        _say(f"        {digest(path)}  {path}")
    return files, []


def _tried(distribution: Distribution, built: Built, folder: Path, core: str) -> list[str]:
    """Install the wheel in an environment of its own, against the released core, and test it."""
    environment = Environment(folder / "environment", ROOT / "constraints.txt")
    wrong: list[str] = []
    if distribution.is_core:
        environment.install(str(built.wheel), *TESTING)
        _tell("installed in a clean environment", ())
    else:
        released = released_core(distribution, folder / "core", core)
        environment.install(released.requirement, *TESTING)
        version = environment.version_of(CORE)
        environment.install(str(built.wheel))
        _tell(f"installed with the core {version} of {released.origin}", ())
        wrong = _tell("bounds on the core", wrong_bounds(distribution.core_bounds, version))
        environment.run("dataflow", "plugins", "doctor", distribution.namespace, cwd=folder)
        _tell("plugins doctor", ())
        environment.run("dataflow", "plugins", "check", distribution.namespace, cwd=folder)
        _tell("conformance", ())
    _tell(f"{test_from_sdist(distribution, built, environment)} files of tests", ())
    return wrong


def _tell(what: str, problems: Iterable[str]) -> list[str]:
    found = list(problems)
    _say(f"{'open' if found else 'ok':6}  {what}")
    for problem in found:
        _say(f"        {problem}")
    return found


def _say_next(distribution: Distribution, files: Sequence[Path], *, dry: bool) -> None:
    if dry:
        _say("A dry run: all works but the open points above. At the release, run:")
    else:
        _say("Ready. Run:")
    _say(f"  git tag -a {distribution.tag} -m '{distribution.name} {distribution.version}'")
    _say(f"  git push origin {distribution.tag}")
    _say(f"  python -m twine upload {' '.join(map(str, files))}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
