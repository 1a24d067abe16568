"""Find a template, and write what it says with cookiecutter."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflow_core.errors import ConfigurationError, PluginError
from dataflow_core.plugins.manager import PluginManager

CONTEXT = "cookiecutter.json"
_COPIED = "_copy_without_render"
_COMPILED = "__pycache__"
_EMPTY_ON_PURPOSE = "py.typed"


def own_template(name: str) -> Path:
    """Return the folder of a template of the core's own.

    In a wheel the templates lie in the package; an editable installation finds them in the
    repository.

    Raises:
        PluginError: It is not there.
    """
    import dataflow_core

    package = Path(dataflow_core.__file__).parent
    places = [package / "templates" / name, package.parent / "templates" / name]
    for place in places:
        if (place / CONTEXT).is_file():
            return place
    raise PluginError(
        f"the template {name!r} is missing: it is neither {places[0]} nor {places[1]}. "
        "Install the core again: pip install --force-reinstall dataflow-llm-core"
    )


def find_template(manager: PluginManager, name: str) -> Path:
    """Return the folder of a template that a plugin registered, or that is a folder.

    Args:
        manager: The plugins.
        name: A full name, such as ``"reviews/plugin"``, or a path.

    Raises:
        ConfigurationError: The folder is no template of cookiecutter.
        PluginError: There is neither such a folder nor such a name.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if _is_path(name):
            raise PluginError(f"there is no folder {name}. Check the path.", unknown_name=True)
        folder = manager.load(manager.find("template", name))
    if not (folder / CONTEXT).is_file():
        raise ConfigurationError(
            f"{folder} is no template: it has no {CONTEXT}. Name a folder that cookiecutter takes."
        )
    return folder


def _is_path(name: str) -> bool:
    """Tell whether a name can be a path alone: those that are registered have one slash within."""
    return name[:1] in (".", "~", "/", "") or name.endswith("/") or name.count("/") > 1


def bake(template: Path, answers: Mapping[str, Any], folder: Path) -> Path:
    """Write what a template makes of answers, and return the folder that it made.

    Variables of the template that are not answered keep their defaults. Neither cookiecutter's
    user configuration nor its replays are read or written. Files that come out empty are left out,
    so that a template can make a file depend on an answer; so is what Python compiled in the
    template, as pip does when it installs one.

    Args:
        template: The template's folder.
        answers: The variables.
        folder: Where the new folder goes.

    Raises:
        ConfigurationError: The template is malformed.
    """
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.generate import generate_context, generate_files
    from cookiecutter.prompt import prompt_for_config
    from jinja2 import TemplateError

    try:
        given = {name: _literal(value) for name, value in answers.items()}
        context = generate_context(str(template / CONTEXT), extra_context=given)
        variables = prompt_for_config(context, no_input=True)
        # Compiled files are not to be read as templates; they are copied, and then removed.
        variables[_COPIED] = [*variables.get(_COPIED, ()), f"*{_COMPILED}"]
        context["cookiecutter"] = variables
        made = Path(generate_files(str(template), context, str(folder)))
    except (CookiecutterException, TemplateError, ValueError) as error:
        raise ConfigurationError(f"the template {template} cannot be used: {error}") from error
    _prune(made)
    return made


def _literal(answer: Any) -> Any:
    """Return an answer such that cookiecutter, which renders all texts, makes the same of it."""
    return answer.replace("{", "{{ '{' }}") if isinstance(answer, str) else answer


def _prune(folder: Path) -> None:
    """Remove files and folders that are empty, and what Python compiled."""
    for compiled in list(folder.rglob(_COMPILED)):
        shutil.rmtree(compiled)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.name != _EMPTY_ON_PURPOSE and not path.stat().st_size:
            path.unlink()
