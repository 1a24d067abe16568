"""The report's page in a real browser: in both schemes, and at the width of a phone."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from html import unescape
from pathlib import Path

import pytest

from dataflow_core import MemoryStorage

from .test_findings import ROWS, Kinds, SquareFilter
from .test_page import hostile_run
from .test_runs import run

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip

MEASURE = """<script>
for (const one of document.querySelectorAll("details")) one.open = true;
const right = (one) => one.getBoundingClientRect().right;
const inside = ".scroll, .flow, svg, .text, .unseen, .name, .label";
const wide = [...document.querySelectorAll("body *")].filter(
  (one) => !one.parentElement.closest(inside) && right(one) > innerWidth + 0.5);
const bars = [...document.querySelectorAll(".bar i")].filter((one) => one.offsetWidth > 0);
parent.document.documentElement.dataset.found = JSON.stringify({
  width: innerWidth, scroll: document.documentElement.scrollWidth, bars: bars.length,
  wide: wide.map((one) => one.outerHTML.slice(0, 99)), scripts: document.scripts.length});
</script>"""

# A window has a least width, a frame has none.
FRAME = "<!doctype html><iframe src='copy.html' width='{}' height='900' style='border:0'></iframe>"

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser: none of {', '.join(BROWSERS)} is on the path"
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two pages: one of hostile texts and branches, one with measures and findings."""
    plain = tmp_path_factory.mktemp("plain")
    measured = run(plain, MemoryStorage(ROWS), (SquareFilter(), {}), (Kinds(), {}))
    return {
        "hostile": hostile_run(tmp_path_factory.mktemp("hostile")).page,
        "measured": measured.page,
    }


def browse(page: Path, folder: Path, *flags: str) -> str:
    """Open a page and return what the browser prints."""
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def screenshot(page: Path, folder: Path, *, dark: bool) -> list[bytes]:
    """Return the lines of a picture of the page, packed as PNG has them."""
    picture = folder / "page.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(page, folder, scheme, f"--screenshot={picture}", "--window-size=800,900")
    data, place, packed = picture.read_bytes(), 8, b""
    width, depth, kind = 0, 0, 0
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        if name == b"IHDR":
            width, _, depth, kind = struct.unpack(">IIBB", body[:10])
        packed += body if name == b"IDAT" else b""
        place += size + 12
    assert (width, depth) == (800, 8)
    pixels = zlib.decompress(packed)
    line = 1 + width * {2: 3, 6: 4}[kind]
    return [pixels[start : start + line] for start in range(0, len(pixels), line)]


def test_something_is_seen_on_light_and_on_dark_paper(reports, tmp_path):
    papers = {}
    for dark in (False, True):
        lines = screenshot(reports["measured"], tmp_path, dark=dark)
        assert len(set(lines)) > 200, "the page is blank"
        # Whatever the line's filter, nothing is subtracted from the first pixel of a picture.
        papers[dark] = tuple(lines[0][1:4])
    assert min(papers[False]) > 230
    assert max(papers[True]) < 40


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["hostile", "measured"])
def test_the_page_is_no_wider_than_the_window(reports, tmp_path, name, width):
    html = reports[name].read_text("utf-8")
    copy = tmp_path / "copy.html"
    strict = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    copy.write_text(strict.sub("", html).replace("</body>", MEASURE + "</body>"), "utf-8")

    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width), "utf-8")
    dom = browse(frame, tmp_path, "--dump-dom", "--allow-file-access-from-files")
    found = json.loads(unescape(re.search(r'data-found="([^"]*)"', dom)[1]))
    assert found["width"] == width
    assert found["scroll"] <= width
    assert found["wide"] == []
    assert found["scripts"] == 1  # that of this test
    assert found["bars"] > 3


def test_a_script_that_got_in_would_not_run(reports, tmp_path):
    copy = tmp_path / "copy.html"
    html = reports["measured"].read_text("utf-8")
    copy.write_text(html.replace("</body>", MEASURE + "</body>"), "utf-8")
    assert "data-found" not in browse(copy, tmp_path, "--dump-dom").split("<body>")[0]
