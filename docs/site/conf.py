"""How Sphinx makes the site of the pages that `build` writes."""

from __future__ import annotations

import itertools
from typing import Any

import dataflow_core

project = "DataFlow"
author = "The DataFlow authors"
copyright = author  # noqa: A001  Sphinx's name
version = release = dataflow_core.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
myst_heading_anchors = 4
exclude_patterns = ["extra"]
smartquotes = False  # two dashes are an option, not a dash
suppress_warnings = ["misc.highlighting_failure"]  # outputs of commands with "..." in JSON

default_role = "code"
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Class attributes", "params_style")]

html_theme = "furo"
html_title = f"DataFlow {release}"
html_static_path = ["static"]
html_css_files = ["catalogue.css"]
html_js_files = ["catalogue.js"]
html_show_copyright = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

_DRAWN = ("|", "├", "│", "└")


def keep_drawings(
    _app: object, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Show the tables and trees in a docstring as they are drawn there."""
    kept: list[str] = []
    for drawn, group in itertools.groupby(lines, lambda line: line.strip().startswith(_DRAWN)):
        block = list(group)
        if drawn:
            above = [f"    {kept.pop().strip()}"] if kept and kept[-1].startswith(" ") else []
            block = ["", "::", "", *above, *(f"    {line}" for line in block), ""]
        kept += block
    lines[:] = kept


def setup(app: Any) -> None:
    """Tell Sphinx of it, before the docstrings are read as Google writes them."""
    app.connect("autodoc-process-docstring", keep_drawings, priority=100)
