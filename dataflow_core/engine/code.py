"""What tells the code of operators and functions: when it changes, so may what they make of a row.

Code of an installed distribution has its version. Code of one's own changes from run to run: it is
told by a hash of the files of its module and of all modules of one's own that these import; that of
a notebook, which has no file, by a hash of what was compiled, and of what that refers to.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
import sysconfig
import types
import uuid
from pathlib import Path
from typing import Any

import xxhash

_NOT_OWN = {"builtins", "dataflow_core", "pydantic", *sys.stdlib_module_names} - {"__main__"}
"""Bases of classes from there tell nothing: the core's version is in each source's fingerprint."""

State = tuple[Path, int, int]
"""A file, the time of its last change, and its size: while they stay, so does its content."""

_IMPORT = re.compile(r"^\s*(?:from\s+(\w[\w.]*)\s+import\b|import\s+(\w[\w., ]*))", re.MULTILINE)

_CODE = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)
_PLAIN = (str, bytes, int, float, tuple, list, dict, set, frozenset)

_PYTHON = f"python {sys.version_info.major}.{sys.version_info.minor}"


class Codes:
    """What tells the code of classes and functions, each module looked at once."""

    def __init__(self) -> None:
        self._modules: dict[str, str] = {}

    def of_class(self, cls: type) -> str:
        """Return what tells the code of a class, that of its bases included."""
        own = [base for base in cls.__mro__[1:] if _top(base.__module__) not in _NOT_OWN]
        return ", ".join(dict.fromkeys(self.of_module(one.__module__, one) for one in (cls, *own)))

    def of_function(self, function: types.FunctionType) -> str:
        """Return what tells the code of a function, that of what it refers to included."""
        compiled = xxhash.xxh3_128_hexdigest(repr(_compiled(function.__code__)).encode())
        return f"{self.of_module(function.__module__, function)} {compiled}"

    def of_module(self, name: str, used: Any = None) -> str:
        """Return what tells the code of a module: its distribution's version, or a hash.

        Args:
            name: The module's full name.
            used: The class or function of it that counts, where the module has no file.
        """
        if name not in self._modules:
            told = _code_of_file(name)
            if told is None:  # each of its classes by itself
                return f"{name} {_Referred(name, self).hash_of(used)}"
            self._modules[name] = told
        return self._modules[name]


def _code_of_file(name: str) -> str | None:
    """Return what tells the code of a module that has a file, None for others."""
    top, file = _top(name), _file_of(name)
    if top in sys.builtin_module_names or (top in _NOT_OWN and top in sys.stdlib_module_names):
        return _PYTHON
    if file is None:
        return None
    if is_installed(file):
        return _distribution_of(top)
    return f"{top} {_hash_of_states(tuple(map(_state, _own_files(top))))}"


def _top(name: str) -> str:
    return name.partition(".")[0]


def _file_of(name: str) -> Path | None:
    """Return the source of an imported module; None where it has none, as in a notebook."""
    told = getattr(sys.modules.get(name), "__file__", None)
    return Path(told) if told and Path(told).is_file() else None


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = ("purelib", "platlib", "stdlib", "platstdlib")
    return tuple({sysconfig.get_path(path) for path in paths})


def is_installed(file: Path | str) -> bool:
    """Tell whether a file is one of Python's or of an installed distribution."""
    return any(Path(file).is_relative_to(folder) for folder in _installed())


@functools.cache
def _distribution_of(top: str) -> str:
    from importlib.metadata import packages_distributions, version

    names = sorted(set(packages_distributions().get(top, [])))
    return ", ".join(f"{name} {version(name)}" for name in names) or top


def _own_files(top: str) -> list[Path]:
    """Return the sources of a package or module of one's own, and of those that it imports."""
    found: dict[Path, None] = {}
    waiting, seen = [top], {top, *_NOT_OWN}
    while waiting:
        files = _files_of(waiting.pop())
        found |= dict.fromkeys(files)
        new = {name for file in files for name in _imported(_state(file))} - seen
        seen |= new
        waiting += sorted(new)
    return list(found)


def _files_of(top: str) -> list[Path]:
    """Return the sources of a package or module, none where it is not one's own."""
    file, folders = _found(top)
    if file is None:  # folders without a file that makes them a package
        return [one for folder in folders for one in sorted(Path(folder).rglob("*.py"))]
    if is_installed(file):
        return []
    return sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def _found(top: str) -> tuple[Path | None, list[str]]:
    """Return where a package or module is that may not be imported yet: its file, or folders."""
    if (file := _file_of(top)) is not None:
        return file, []
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None, []
    if spec is None:
        return None, []
    if spec.origin and spec.has_location:
        return Path(spec.origin), []
    folders = spec.submodule_search_locations or []
    return None, [folder for folder in folders if not is_installed(Path(folder))]


def _state(path: Path) -> State:
    stat = path.stat()
    return path, stat.st_mtime_ns, stat.st_size


@functools.lru_cache(256)
def _hash_of_states(files: tuple[State, ...]) -> str:
    digest = xxhash.xxh3_128()
    for path, _, _ in files:
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\0".encode() + data)
    return digest.hexdigest()


@functools.lru_cache(4096)
def _imported(state: State) -> frozenset[str]:
    """Return the first names of all modules that a source imports."""
    found = _IMPORT.finditer(state[0].read_text("utf-8", "replace"))
    named = (one for match in found for one in (match[1] or match[2]).split(","))
    return frozenset(_top(name.split()[0]) for name in named if name.strip())


class _Referred:
    """Code without a file, and the globals of its module to which it refers, down to the last."""

    def __init__(self, module: str, codes: Codes) -> None:
        self._module = module
        self._codes = codes
        self._globals = vars(sys.modules[module]) if module in sys.modules else {}
        self._seen: dict[int, int] = {}

    def hash_of(self, value: Any) -> str:
        """Return the hash of a class or function and of all that it refers to."""
        return xxhash.xxh3_128_hexdigest(repr(self._told(value)).encode())

    def _told(self, value: Any) -> Any:
        if id(value) in self._seen:  # it refers to itself, or two refer to it
            return ("seen", self._seen[id(value)])
        if isinstance(value, (staticmethod, classmethod)):
            return self._told(value.__func__)
        if isinstance(value, functools.cached_property):
            return self._told(value.func)
        if isinstance(value, property):
            return [self._told(one) for one in (value.fget, value.fset) if one is not None]
        if isinstance(value, type) and value.__module__ == self._module:
            self._seen[id(value)] = len(self._seen)
            return self._of_class(value)
        if isinstance(value, types.FunctionType):
            if value.__module__ != self._module:
                return self._codes.of_function(value)
            self._seen[id(value)] = len(self._seen)
            return self._of_function(value)
        if isinstance(value, (type, types.BuiltinFunctionType)):
            return f"{value.__module__}.{value.__qualname__}"
        if isinstance(value, types.ModuleType):
            return self._codes.of_module(value.__name__)
        return _plain(value)

    def _of_class(self, cls: type) -> Any:
        bases = [self._told(base) for base in cls.__bases__]
        parts = {
            name: self._told(value)
            for name, value in vars(cls).items()
            if isinstance(value, _CODE) or (isinstance(value, _PLAIN) and name[:2] != "__")
        }
        return cls.__qualname__, bases, sorted(parts.items())  # fields count with their values

    def _of_function(self, function: types.FunctionType) -> Any:
        names = sorted(_names(function.__code__) & set(self._globals))
        cells = [cell_content(cell) for cell in function.__closure__ or ()]
        named = sorted((function.__kwdefaults__ or {}).items())
        return (
            _compiled(function.__code__),
            [self._told(one) for one in function.__defaults__ or ()],
            [(name, self._told(one)) for name, one in named],
            [self._told(one) for one in cells],
            [(name, self._told(self._globals[name])) for name in names],
        )


def _plain(value: Any, within: frozenset[int] = frozenset()) -> Any:
    """Return what stands for a value in every process; sets have another order in each.

    Args:
        value: The value.
        within: The containers around it, by their ids: it may be one of them.
    """
    if id(value) in within:
        return "one of those around it"
    inner = within | {id(value)}
    if isinstance(value, (set, frozenset)):
        return "set", sorted(repr(_plain(one, inner)) for one in value)
    if type(value) in (list, tuple):
        return type(value).__name__, [_plain(one, inner) for one in value]
    if type(value) is dict:
        return "dict", [(_plain(name, inner), _plain(one, inner)) for name, one in value.items()]
    shown = repr(value)
    # An object that only tells its address might be anything: it equals nothing.
    return shown if f"{id(value):x}" not in shown.lower() else uuid.uuid4().hex


def cell_content(cell: types.CellType) -> Any:
    """Return what a function's closure holds in a cell."""
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _names(code: types.CodeType) -> set[str]:
    """Return the names that code refers to, that of functions within it included."""
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*(_names(one) for one in inner))


def _compiled(code: types.CodeType) -> Any:
    constants = [_constant(one) for one in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars


def _constant(value: Any) -> Any:
    return _compiled(value) if isinstance(value, types.CodeType) else _plain(value)
