"""Import what a specification's target names, or say what is missing and how to get it."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from dataflow_core.errors import PluginError, did_you_mean
from dataflow_core.plugins.catalogue import Registered
from dataflow_core.plugins.places import is_editable, place_of_error, place_of_specification
from dataflow_core.plugins.problems import one_line
from dataflow_core.plugins.specs import PromptSpec, TemplateSpec


def resolve(registered: Registered[Any]) -> Any:
    """Return the object that a specification's target names; for files and folders, the path.

    Raises:
        PluginError: The module or the name in it does not exist, or the module cannot be imported.
    """
    spec = registered.spec
    module_name, _, name = spec.target.partition(":")
    if isinstance(spec, (TemplateSpec, PromptSpec)):
        return _place(registered, module_name, name)
    value = _module(registered, module_name)
    for part in name.split("."):
        if not hasattr(value, part):
            raise PluginError(
                f"{_who(registered)}: its target {spec.target!r} does not exist: {module_name!r} "
                f"defines no {name!r}.{did_you_mean(part, _public(value))} {_blame(registered)}"
            )
        value = getattr(value, part)
    return value


def needing(registered: Registered[Any] | None, missing: str) -> str:
    """Say that a module is needed and not installed, and what to install.

    Args:
        registered: What needs it; None for what no plugin has registered.
        missing: The module's name.
    """
    if registered and registered.spec.extra:
        cure = f"pip install '{registered.distribution}[{registered.spec.extra}]'"
    else:
        cure = f"pip install {missing.partition('.')[0]}"
    return f"needs the module {missing!r}, which is not installed: {cure}"


def _module(registered: Registered[Any], name: str) -> Any:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        raise PluginError(_missing(registered, name, error.name or name)) from error
    except BaseException as error:  # A plugin's module may raise anything, SystemExit included.
        raise PluginError(
            f"{_who(registered)}: its module {name!r} cannot be imported: {one_line(error)}. "
            f"{_blame(registered, error)}"
        ) from error


def _missing(registered: Registered[Any], module: str, missing: str) -> str:
    if f"{module}.".startswith(f"{missing}."):
        return (
            f"{_who(registered)}: its target {registered.spec.target!r} does not exist: there is "
            f"no module {missing!r}. {_blame(registered)}"
        )
    return f"{_who(registered)} {needing(registered, missing)}"


def _place(registered: Registered[Any], package: str, inside: str) -> Path:
    """Return the path of a file or folder in a package, which is not imported for that."""
    is_file = isinstance(registered.spec, PromptSpec)
    try:
        found = importlib.util.find_spec(package)
    except ImportError:
        found = None
    roots = list(found.submodule_search_locations or ()) if found else []
    for root in roots:
        path = Path(root, inside)
        if path.is_file() if is_file else path.is_dir():
            return path
    kind = "file" if is_file else "folder"
    why = f"no {kind} {inside!r} in {roots[0]}" if roots else f"there is no package {package!r}"
    raise PluginError(
        f"{_who(registered)}: its target {registered.spec.target!r} does not exist: {why}. "
        f"{_blame(registered)}"
    )


def _who(registered: Registered[Any]) -> str:
    return f"{registered.full_name} of {registered.distribution} {registered.version}"


def _blame(registered: Registered[Any], error: BaseException | None = None) -> str:
    """Say what to do about a fault of a plugin; its author, where the place to correct is."""
    if is_editable(registered.distribution):
        found = place_of_error(error, registered.distribution) if error else ""
        return f"Correct it: {found or place_of_specification(registered)}."
    return (
        f"This is a fault of the plugin: upgrade it with pip install --upgrade "
        f"{registered.distribution}, or report it; `dataflow plugins doctor "
        f"{registered.namespace}` checks all of it."
    )


def _public(value: Any) -> list[str]:
    return [name for name in dir(value) if not name.startswith("_")]
