"""How much an installation of the core alone holds; `nox -s wheels` runs it there."""

from __future__ import annotations

import importlib.metadata
import pathlib
import sysconfig

NOT_OURS = {"pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack"}


def main() -> None:
    """Print the number of distributions and the size of the environment's packages."""
    names = {d.metadata["Name"] for d in importlib.metadata.distributions()} - NOT_OURS
    packages = pathlib.Path(sysconfig.get_paths()["purelib"])
    ours = (f for f in packages.iterdir() if f.name.split("-")[0] not in NOT_OURS)
    files = (file for folder in ours for file in (folder, *folder.rglob("*")))
    size = sum(f.stat().st_size for f in files if f.is_file() and not f.is_symlink())
    print(f"{len(names)} distributions, {size / 1e6:.0f} MB (the limits: 40, 400 MB)")
    print(", ".join(sorted(names, key=str.lower)))
    if len(names) > 40 or size > 400e6:
        raise SystemExit("the core alone is larger than its limits")


if __name__ == "__main__":
    main()
