"""{{ cookiecutter.summary | sentence }}"""

from __future__ import annotations
