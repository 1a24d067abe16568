"""{{ cookiecutter.name }}: what it does with texts of all kinds."""

from __future__ import annotations
