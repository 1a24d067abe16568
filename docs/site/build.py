"""Build the documentation site: ``python docs/site/build.py OUTPUT``.

Hand-written pages are the Markdown files of ``docs/``, the plugins' READMEs and the changelogs; the
catalogue, the command line's reference and the files for language models are made of what is
installed. Everything is written to ``OUTPUT/source``, of which Sphinx makes ``OUTPUT/html``;
``--no-html`` leaves that out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import catalogue
import command_line
import interface
import language_models

from dataflow_core.plugins import PluginManager

SITE = Path(__file__).parent
REPOSITORY = SITE.parents[1]

CHAPTERS: Mapping[str, Sequence[str]] = {
    "Start": ("tutorial", "user-guide", "servings", "prompts", "export", "shell"),
    "Extend": ("plugin-authors", "conformance", "compatibility"),
    "Look up": ("catalogue/index", "reference/command-line", "reference/python/index"),
    "Understand": ("identity", "fingerprints", "two-phase-operators"),
}
"""The pages by chapter, in the order in which one reads them."""

_INDEXES = (PurePosixPath("catalogue/index.md"), PurePosixPath("reference/python/index.md"))
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)(#[^)\s]*)?(?=\))")


def main() -> int:
    """Build the site as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--no-html", action="store_true")
    arguments = parser.parse_args()
    source = arguments.output / "source"
    shutil.rmtree(source, ignore_errors=True)
    write_source(source)
    if arguments.no_html:
        return 0
    html = arguments.output / "html"
    shutil.rmtree(html, ignore_errors=True)
    extra = f"html_extra_path={source.resolve() / 'extra'}"
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(SITE), "-D", extra]
    sphinx = [sys.executable, "-m", "sphinx", *options, str(source), str(html)]
    return subprocess.run(sphinx, check=False).returncode  # noqa: S603


def write_source(source: Path) -> None:
    """Write all pages as Markdown, and the files for language models."""
    manager = PluginManager(strict=True)
    pages: dict[PurePosixPath, str] = {}
    pages.update(written_by_hand())
    pages.update(catalogue.pages(manager))
    pages[PurePosixPath("reference/command-line.md")] = command_line.page()
    pages.update(interface.pages())
    chapters = {heading: _present(names, pages) for heading, names in CHAPTERS.items()}
    chapters["Plugins and changes"] = _others(pages, chapters)
    texts = [pages[place] for listed in chapters.values() for place, _ in listed]
    details = [pages[place] for place in sorted(pages) if _is_detail(place)]
    index = PurePosixPath("index.md")
    pages[index] = "\n\n".join([pages[index], *_contents(chapters)])
    for index_of_details in _INDEXES:
        pages[index_of_details] += "\n\n" + _hidden_contents(index_of_details.parent, pages)
    for place, text in pages.items():
        path = source / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    extra = source / "extra"
    extra.mkdir()
    for name, text in (
        ("llms.txt", language_models.index(chapters, manager)),
        ("llms-full.txt", language_models.whole([*texts, *details])),
    ):
        (extra / name).write_text(text, encoding="utf-8")


def written_by_hand() -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the pages that are files in the repository, with links as they are on the site."""
    found = {path: PurePosixPath(path.name) for path in sorted((REPOSITORY / "docs").glob("*.md"))}
    for package in ("", *sorted(p.name for p in (REPOSITORY / "plugins").iterdir())):
        folder = REPOSITORY / "plugins" / package if package else REPOSITORY
        for name in ("README.md", "CHANGELOG.md"):
            if (package or name != "README.md") and (folder / name).is_file():
                place = f"plugins/{package or 'dataflow-llm-core'}/{name.lower()}"
                found[folder / name] = PurePosixPath(place)
    places = {**found, REPOSITORY / "README.md": PurePosixPath("index.md")}
    for path, place in found.items():
        yield place, _relinked(path, place, places)


def _relinked(path: Path, place: PurePosixPath, found: Mapping[Path, PurePosixPath]) -> str:
    """Return a file's text with links to other pages as they lie on the site."""
    up = "../" * (len(place.parts) - 1)

    def target(match: re.Match[str]) -> str:
        to = (path.parent / match[1]).resolve()
        if to not in found:
            raise SystemExit(f"{path}: the link to {match[1]} leads to no page of the site")
        return f"{up}{found[to]}{match[2] or ''}"

    return _LINK.sub(target, path.read_text(encoding="utf-8"))


def _present(
    names: Sequence[str], pages: Mapping[PurePosixPath, str]
) -> list[tuple[PurePosixPath, str]]:
    places = [PurePosixPath(f"{name}.md") for name in names]
    return [(place, _title(pages[place])) for place in places]


def _others(
    pages: Mapping[PurePosixPath, str], chapters: Mapping[str, list[tuple[PurePosixPath, str]]]
) -> list[tuple[PurePosixPath, str]]:
    """Return the pages that stand in no chapter: plugins' own, and changelogs."""
    listed = {place for pages_of in chapters.values() for place, _ in pages_of}
    rest = [p for p in pages if p not in listed and not _is_detail(p) and p.name != "index.md"]
    return [(place, _title(pages[place])) for place in rest]


def _is_detail(place: PurePosixPath) -> bool:
    """Tell whether a page is found through another one, which lists its kind."""
    return place not in _INDEXES and any(one.parent in place.parents for one in _INDEXES)


def _title(text: str) -> str:
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"a page without a title: {text[:80]!r}")
    return found[1]


def _contents(chapters: Mapping[str, list[tuple[PurePosixPath, str]]]) -> Iterator[str]:
    for heading, listed in chapters.items():
        yield _toctree([place for place, _ in listed], f":caption: {heading}")


def _hidden_contents(folder: PurePosixPath, pages: Mapping[PurePosixPath, str]) -> str:
    details = [place for place in sorted(pages) if _is_detail(place) and folder in place.parents]
    return _toctree([place.relative_to(folder) for place in details])


def _toctree(places: Sequence[PurePosixPath], *options: str) -> str:
    names = [str(place.with_suffix("")) for place in places]
    return "\n".join(["```{toctree}", ":hidden:", *options, "", *names, "```"])


if __name__ == "__main__":
    sys.exit(main())
