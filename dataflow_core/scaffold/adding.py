"""Add files and specifications to a plugin, and leave what is there as it is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflow_core.scaffold.baking import bake, own_template
from dataflow_core.scaffold.home import PluginHome
from dataflow_core.scaffold.registration import Registration, is_registered, register
from dataflow_core.scaffold.source import Unplaced
from dataflow_core.storage.formats.atomic import write_bytes, writing


@dataclass
class Added:
    """What was added to a plugin, and what was there.

    Attributes:
        written: The files that were written, relative to the plugin's folder.
        kept: Those that were there, and were left as they are.
        registered: What was registered in the hook module, as ``"operator tone"``.
        unplaced: What could not be registered, with the reason.
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    unplaced: list[tuple[Registration, str]] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether all of it was there already."""
        return not (self.written or self.registered or self.unplaced)


def add(
    home: PluginHome,
    template: str,
    answers: Mapping[str, Any],
    registrations: Sequence[Registration],
) -> Added:
    """Add what a template makes to a plugin.

    A file that is there already stays as it is, and so does a specification of the same name.

    Args:
        home: The plugin.
        template: The template's name.
        answers: Its variables.
        registrations: What to register.
    """
    added = Added()
    with tempfile.TemporaryDirectory(prefix="dataflow-") as made:
        baked = bake(own_template(template), {**_about(home), **answers}, Path(made))
        for source in sorted(path for path in baked.rglob("*") if path.is_file()):
            _copy(source, source.relative_to(baked), home, added)
    for registration in registrations:
        add_registration(home, registration, added)
    return added


def _about(home: PluginHome) -> dict[str, str]:
    return {
        "namespace": home.namespace,
        "package": home.package,
        "package_folder": home.package_folder,
    }


def _copy(source: Path, inside: Path, home: PluginHome, added: Added) -> None:
    target = home.root / inside
    if target.exists():
        # Packages are shared by all that is added, and say nothing of any of it.
        if target.name != "__init__.py":
            added.kept.append(inside.as_posix())
        return
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    added.written.append(inside.as_posix())


def add_registration(
    home: PluginHome, registration: Registration, added: Added | None = None
) -> Added:
    """Register one thing in a plugin's hook module, if it is not there and the place is sure.

    Args:
        home: The plugin.
        registration: What to register.
        added: Where to note it; None for a new note.
    """
    added = Added() if added is None else added
    source = home.hook_text()
    try:
        if is_registered(source, registration):
            return added
        changed = register(source, registration)
    except Unplaced as error:
        added.unplaced.append((registration, str(error)))
        return added
    write_bytes(home.hooks, changed.encode("utf-8"))
    added.registered.append(f"{registration.kind} {registration.name}")
    return added
