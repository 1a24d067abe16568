"""The documentation site: its generated pages, and the catalogue's search in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from dataflow_core.plugins import PluginManager

SITE = Path(__file__).parents[2] / "docs" / "site"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

_FENCE = re.compile(r"^(`{3,})(.*)\n((?:.*\n)*?)\1$", re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)")
_HREF = re.compile(r'href="(?![a-z]+:)([^"#]+)')


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, SITE / "build.py", folder, "--no-html"], check=True)
    return folder / "source"


def test_every_operator_pipeline_and_prompt_has_its_page(source):
    manager = PluginManager()
    for kind, folder in (("operator", "."), ("pipeline", "pipelines"), ("prompt", "prompts")):
        for one in manager.all_of(kind):
            page = source / "catalogue" / folder / f"{one.full_name}.md"
            assert page.read_text(encoding="utf-8").startswith(f"# {one.full_name}\n")


def test_an_operators_page_says_what_show_says(source):
    page = (source / "catalogue/math/answer_verifier.md").read_text(encoding="utf-8")
    assert "| domain | `math` |" in page
    assert "| class | `from dataflow_math import AnswerVerifier` |" in page
    assert re.search(r"\| `tolerance` \| `float, >= 0, < 1` \| `1e-06` \| How much", page)
    assert re.search(
        r'\| `input_answer` \| `text or number column` \| `"answer"` \| The column', page
    )
    assert "```pycon\n>>> from dataflow_core import MemoryStorage\n" in page
    assert "Attributes:" not in page


def test_a_source_that_a_docstring_cites_is_one_to_search_by(source):
    manager = PluginManager()
    cited = [one for one in manager.operators() if "Source:" in (manager.load(one).__doc__ or "")]
    assert [one.full_name for one in cited if not one.spec.source] == []
    index = (source / "catalogue/index.md").read_text(encoding="utf-8")
    assert "<option>Gopher (Rae et al. 2021)</option>" in index
    assert 'data-source="Gopher (Rae et al. 2021)"' in index
    assert "[core/summarize](prompts/core/summarize.md)" in index


def test_no_page_shows_an_object_by_its_address(source):
    for path in source.rglob("*.md"):
        assert " at 0x" not in path.read_text(encoding="utf-8"), path.relative_to(source)


def test_links_between_pages_lead_somewhere(source):
    for path in source.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        prose = _CODE.sub("", _FENCE.sub("", text))
        links = [
            *_LINK.findall(prose),
            *(re.sub(r"\.html$", ".md", a) for a in _HREF.findall(prose)),
        ]
        for link in links:
            assert (path.parent / link).is_file(), f"{path.relative_to(source)} links to {link}"


def test_every_page_stands_in_a_table_of_contents(source):
    listed = set()
    for path in source.rglob("*.md"):
        for _, language, text in _FENCE.findall(path.read_text(encoding="utf-8")):
            if language == "{toctree}":
                names = [line for line in text.splitlines() if line and not line.startswith(":")]
                listed |= {(path.parent / f"{name}.md").resolve() for name in names}
    pages = {path.resolve() for path in source.rglob("*.md")} - {(source / "index.md").resolve()}
    assert listed == pages


def test_what_a_module_below_names_too_is_described_on_its_page_alone(source):
    folder = source / "reference/python"
    above = (folder / "dataflow_core.prompts.md").read_text(encoding="utf-8")
    left_out = re.search(r":exclude-members: (.+)", above)[1].split(", ")
    assert "AnswerForm" in left_out
    assert "Prompt" not in left_out
    below = (folder / "dataflow_core.prompts.answers.md").read_text(encoding="utf-8")
    assert "exclude" not in below


def test_the_command_lines_reference_has_every_command_and_option(source):
    page = (source / "reference/command-line.md").read_text(encoding="utf-8")
    for heading in ("## dataflow run", "### dataflow runs why", "### dataflow plugins doctor"):
        assert f"\n{heading}\n" in page
    assert "| `--max-failures N\\|P%` |" in page


def test_language_models_get_an_index_and_one_file_with_everything(source):
    index = (source / "extra/llms.txt").read_text(encoding="utf-8")
    whole = (source / "extra/llms-full.txt").read_text(encoding="utf-8")
    assert index.startswith("# DataFlow\n\n> ")
    for link in re.findall(r"\]\(_sources/(.+)\.txt\)", index):
        assert (source / link).is_file()
    for one in PluginManager().operators():
        assert f"- {one.full_name} (" in index
        assert f"# {one.full_name}\n" in whole


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("domain=math&function=filter", {"math/answer_filter", "math/question_filter"}),
        ("words=SemDeDup", {"core/semantic_deduplicate"}),
        ("modality=text&source=SemDeDup+(Abbas+et+al.+2023)", set()),
        ("source=SemDeDup+(Abbas+et+al.+2023)", {"core/semantic_deduplicate"}),
        ("words=nothing+has+this", set()),
    ],
)
def test_the_catalogue_is_narrowed_in_a_browser(source, tmp_path, query, wanted):
    index = (source / "catalogue/index.md").read_text(encoding="utf-8")
    table = index[index.index("<div") : index.index("## Pipelines")]
    script = (SITE / "static/catalogue.js").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8>{table}<script>{script}</script>", encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
    done = subprocess.run(
        [BROWSER, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"{page.as_uri()}?{query}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = re.findall(r'<tr ([^>]*)><td><a href="[^"]*">([^<]+)</a>', done.stdout)
    shown = [name for attributes, name in rows if "hidden" not in attributes]
    assert set(map(unescape, shown)) == wanted
    assert f"<output>{len(wanted)} of " in done.stdout
