"""The plugin in a folder: where its package, its hook module and its tests are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.discovery import GROUP

PROJECT = "pyproject.toml"


@dataclass(frozen=True)
class PluginHome:
    """A plugin's own folder.

    Attributes:
        root: The folder with ``pyproject.toml``.
        namespace: The plugin's namespace.
        package: Its package, such as ``"dataflow_reviews"``.
        hooks: The file of its hook module.
        package_folder: The folder of the package, relative to the root.
    """

    root: Path
    namespace: str
    package: str
    hooks: Path
    package_folder: str

    def hook_text(self) -> str:
        """Return the text of the hook module, with the line ends that its author's editor wrote.

        Raises:
            ConfigurationError: It is in another encoding than UTF-8, or cannot be read.
        """
        try:
            return self.hooks.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self.hooks} cannot be read as UTF-8: {error}. Save it in UTF-8."
            ) from error

    def file_of(self, module: str) -> Path:
        """Return the file of a module of the package."""
        base = (self.root / self.package_folder).parent.joinpath(*module.split("."))
        return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def find_home(folder: Path) -> PluginHome:
    """Return the plugin that a folder is in: the nearest with an entry point, upwards.

    Raises:
        ConfigurationError: It is in none, or the plugin's files are not where they should be.
    """
    folder = folder.resolve()
    for root in (folder, *folder.parents):
        claims = _claims(root)
        if len(claims) > 1:
            raise ConfigurationError(
                f"{root / PROJECT} has {len(claims)} plugins ({', '.join(sorted(claims))}); "
                "files can be added to a distribution with one only. Write them by hand."
            )
        for namespace, target in claims.items():
            return _home(root, namespace, target)
    raise ConfigurationError(
        f"{folder} is in no plugin: neither it nor a folder above has a {PROJECT} with an entry "
        f'point in [project.entry-points."{GROUP}"]. Go to the folder of your plugin (cd '
        "dataflow-NAME), or make one: dataflow new-plugin NAME"
    )


def _claims(root: Path) -> dict[str, str]:
    path = root / PROJECT
    if not path.is_file():
        return {}
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    claims = project.get("entry-points", {}).get(GROUP, {})
    return {str(name): str(target) for name, target in claims.items()}


def _home(root: Path, namespace: str, target: str) -> PluginHome:
    module = target.partition(":")[0]
    package, dot, _ = module.rpartition(".")
    if not dot:
        raise ConfigurationError(
            f"{root / PROJECT}: the hook module {module!r} is in no package; 'PACKAGE._plugin' is "
            "wanted, so that there is a place for operators."
        )
    for base in ("", "src/"):
        hooks = root / f"{base}{module.replace('.', '/')}.py"
        if hooks.is_file():
            return PluginHome(root, namespace, package, hooks, base + package.replace(".", "/"))
    raise ConfigurationError(
        f"{root / PROJECT} names the hook module {module!r}, and there is no "
        f"{module.replace('.', '/')}.py in {root} or its folder src. Correct the entry point, or "
        "write the module."
    )
