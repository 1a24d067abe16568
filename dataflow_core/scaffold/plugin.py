"""Write a plugin to start from, whole or not at all."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packaging.version import Version

from dataflow_core import __version__
from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.manager import PluginManager
from dataflow_core.scaffold.adding import add_registration
from dataflow_core.scaffold.answers import PluginAnswers
from dataflow_core.scaffold.baking import bake, own_template
from dataflow_core.scaffold.home import PluginHome, find_home
from dataflow_core.scaffold.names import class_name, distribution_name
from dataflow_core.scaffold.operator import new_operator
from dataflow_core.scaffold.pipeline import new_pipeline
from dataflow_core.scaffold.registration import Registration
from dataflow_core.storage.formats.atomic import writing


def new_plugin(answers: PluginAnswers, parent: Path, template: Path | None = None) -> Path:
    """Write a plugin, and return its folder, ``dataflow-NAMESPACE`` in another.

    Args:
        answers: What it is to be.
        parent: Where its folder goes; made if it is not there.
        template: Another template, which gets the answers as its variables and writes all of the
            plugin; None for the core's own.

    Raises:
        ConfigurationError: The folder exists, or the template cannot be used.
        StorageError: It cannot be written there.
    """
    target = check_folder(answers.namespace, parent)
    with writing(target):
        parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that the whole folder appears there at once.
        with tempfile.TemporaryDirectory(prefix=".dataflow-new-", dir=parent) as folder:
            made = bake(template or own_template("plugin"), _variables(answers), Path(folder))
            if template is None:
                _fill(find_home(made), answers)
            made.rename(target)
    return target


def check_folder(namespace: str, parent: Path) -> Path:
    """Return where a plugin goes, if nothing is there.

    Raises:
        ConfigurationError: Something is, or the parent is no folder.
    """
    target = parent / distribution_name(namespace)
    if target.exists() or target.is_symlink():
        raise ConfigurationError(
            f"{target} exists already. Choose another namespace, or another folder with "
            "--output-dir."
        )
    if parent.exists() and not parent.is_dir():
        raise ConfigurationError(f"{parent} is no folder. Choose another with --output-dir.")
    return target


def check_prefixes(manager: PluginManager, answers: PluginAnswers) -> None:
    """Check that no plugin has the prefix or scheme that the answers want.

    Raises:
        ConfigurationError: One has.
    """
    prefix = answers.namespace.replace("_", "-")
    taken = {
        "serving": {one for item in manager.servings() for one in item.spec.prefixes},
        "storage": {one for item in manager.storages() for one in item.spec.schemes},
    }
    for kind, known in taken.items():
        if getattr(answers, kind) and prefix in known:
            raise ConfigurationError(
                f"a {kind} that is asked for as {prefix}: is installed already. Choose another "
                f"namespace, or --no-{kind}."
            )


def pipeline_name(answers: PluginAnswers) -> str:
    """Return the name of the first pipeline; empty for none."""
    return f"{answers.namespace}_pipeline" if answers.pipeline else ""


def core_bounds(version: str = __version__) -> str:
    """Return the versions of the core that a plugin made with one works with.

    Example:
        >>> core_bounds("0.1.4"), core_bounds("2.3.0"), core_bounds("0.2.0.dev1")
        ('>=0.1.4,<0.2', '>=2.3.0,<3', '>=0.2.0.dev1,<0.3')
    """
    told = Version(version)
    above = f"0.{told.minor + 1}" if told.major == 0 else str(told.major + 1)
    return f">={told.public},<{above}"


def _variables(answers: PluginAnswers) -> dict[str, Any]:
    return {
        **asdict(answers),
        "pipeline_name": pipeline_name(answers),
        "year": str(dt.datetime.now(tz=dt.UTC).year),
        "core_bounds": core_bounds(),
    }


def _fill(home: PluginHome, answers: PluginAnswers) -> None:
    """Add the operator, and what else is registered."""
    new_operator(home, answers.operator, answers.function, "row", llm=answers.llm)
    if answers.pipeline:
        new_pipeline(home, pipeline_name(answers), operators=[answers.operator])
    for registration in _others(answers):
        add_registration(home, registration)


def _others(answers: PluginAnswers) -> Sequence[Registration]:
    package, cls = f"dataflow_{answers.namespace}", class_name(answers.namespace)
    prefix = answers.namespace.replace("_", "-")
    found = []
    if answers.storage:
        fields = (
            ("name", '"lines"'),
            ("target", f'"{package}.storage:{cls}LineStorage"'),
            ("summary", '"The lines of a text file as rows"'),
            ("schemes", f'("{prefix}",)'),
        )
        found.append(Registration("storage", "StorageSpec", fields, "Return the storages."))
    if answers.serving:
        fields = (
            ("name", '"server"'),
            ("target", f'"{package}.serving:{cls}Serving"'),
            ("summary", '"Models behind a server of one\'s own"'),
            ("prefixes", f'("{prefix}",)'),
        )
        found.append(Registration("serving", "ServingSpec", fields, "Return the servings."))
    return found
