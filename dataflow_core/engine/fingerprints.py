"""Fingerprints: what determines the rows of each table of a plan, as data and as one short hash.

Two tables with equal fingerprints have equal rows, so the one is taken for the other when a run
goes on or another one begins. What does not change a row has no part in them: batch size, workers,
engine, paths of inputs, log level, secrets.
"""

from __future__ import annotations

import functools
import inspect
import types
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash
from pydantic import BaseModel, SecretBytes, SecretStr

from dataflow_core.engine.code import Codes, cell_content
from dataflow_core.engine.sources import needed_columns, source_of
from dataflow_core.engine.stored_runs import ASKED_AGAIN, RETRIED, hash_of
from dataflow_core.operators.base import Operator
from dataflow_core.pipeline.plan import SOURCE, Plan, Step, TableRef
from dataflow_core.secrets import HIDDEN, hidden_apart, is_secret, without_secrets
from dataflow_core.storage.file import ReadersSource
from dataflow_core.storage.repeated import RepeatedSource
from dataflow_core.storage.source import Source

FORMAT = 1
"""Changes when the parts of a fingerprint do."""

_BLOCK = 1 << 22


@dataclass(frozen=True)
class Mark:
    """What tells tables in which something was done again from all others.

    Attributes:
        name: A name that no other table has.
        tables: The tables in which rows failed, or for which models are asked again.
        part: What was done again: failed rows alone, or all that models are asked for.
    """

    name: str
    tables: Collection[str]
    part: str = RETRIED

    def is_on(self, name: str, *, is_kept: bool, is_same: bool) -> bool:
        """Tell whether a table is marked; where failed rows are retried, so are changed ones.

        Args:
            name: The table.
            is_kept: Whether an earlier run has made it.
            is_same: Whether what determines it is as it was then.
        """
        if self.part == ASKED_AGAIN:
            return name in self.tables
        return is_kept and (not is_same or name in self.tables)


@dataclass
class Fingerprints:
    """The fingerprints of a plan's tables.

    Attributes:
        parts: What determines each table, by name; the table that it is made of is in it by hash.
        hashes: The hash of these, and of all that stands before, by name.
        files: The size, times and content hash of each file that was read for it, by path: while
            size and times stay, a file need not be read again.
        codes: Tells the code of operators.
    """

    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Any]] = field(default_factory=dict)
    _before: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    _mark: Mark | None = None
    codes: Codes = field(default_factory=Codes)

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        limit: int | None,
        files: Mapping[str, list[Any]] | None = None,
        before: Mapping[str, dict[str, Any]] | None = None,
        mark: Mark | None = None,
    ) -> Fingerprints:
        """Return the fingerprints of a plan's tables.

        Args:
            plan: The plan.
            limit: The most rows of its main source.
            files: `files` of an earlier run.
            before: `parts` of an earlier run in the same directory: tables that are marked in it
                stay so, as long as nothing else that determines them changes.
            mark: Marks the tables in which failed rows are done again, or in which rows stay that
                another code or configuration has made; or those for which models are asked again.
        """
        made = cls(files=dict(files or {}), _before=before or {}, _mark=mark)
        for name, storage in plan.sources.items():
            made._add(name, made._source(plan, name, source_of(name, storage), limit))
        for step in plan.steps:
            made._add(step.name, made._step(step))
        return made

    def _add(self, name: str, parts: dict[str, Any]) -> None:
        before = self._before.get(name, {})
        unmarked = {n: one for n, one in before.items() if n not in (RETRIED, ASKED_AGAIN)}
        same = parts == unmarked
        mark = self._mark
        if mark is not None and mark.is_on(name, is_kept=bool(before), is_same=same):
            parts = {**parts, mark.part: mark.name}
        elif same:
            parts = before
        self.parts[name] = parts
        self.hashes[name] = hash_of(parts)

    def _source(self, plan: Plan, name: str, source: Source, limit: int | None) -> dict[str, Any]:
        columns = source.schema().names
        return {
            "format": FORMAT,
            "source": name,
            "content": self._content(source),
            "columns": needed_columns(plan, name, columns),
            "limit": limit if name == SOURCE else None,
            "code": self.codes.of_module("dataflow_core"),
        }

    def _content(self, source: Source) -> Any:
        if isinstance(source, RepeatedSource):
            return {"rounds": source.rounds, "of": self._content(source.once)}
        if not isinstance(source, ReadersSource):
            return without_secrets(source.fingerprint())
        hashes = [self.file_hash(reader.path) for reader in source.readers]
        return {"files": hashes, "options": _canonical(vars(source.options), self)}

    def _step(self, step: Step) -> dict[str, Any]:
        cls = type(step.operator)
        bindings = {
            name: {"table": self.hashes[value.name]} if isinstance(value, TableRef) else value
            for name, value in step.bindings.items()
        }
        return {
            "step": step.name,
            "operator": f"{cls.__module__}:{cls.__qualname__}",
            "code": self.codes.of_class(cls),
            "config": self.configuration(step.operator),
            "columns": _canonical(bindings, self),
            "table": self.hashes[step.table],
        }

    def configuration(self, operator: Operator) -> dict[str, Any]:
        """Return an operator's fields as plain data: files by content, functions by code.

        Secrets are hidden, and have no part in it. What within a field is only named like one has.
        """
        fields = type(operator).model_fields
        told = {name: _canonical(getattr(operator, name), self) for name in fields}
        return {
            name: without_secrets(value, name)
            if is_secret(name)
            else without_secrets(value, hide=hidden_apart)
            for name, value in told.items()
        }

    def file_hash(self, path: Path) -> str:
        """Return the hash of a file's content."""
        key = str(path.resolve())
        stat = path.stat()
        now = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        known = self.files.get(key)
        if known is None or known[:-1] != now:
            self.files[key] = known = [*now, _hash_of_file(path)]
        return str(known[-1])


def _hash_of_file(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _canonical(value: Any, made: Fingerprints) -> Any:
    """Return a value of a configuration as plain data that is equal for equal ones."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _canonical(one, made) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_canonical(one, made) for one in value), key=str)
    if isinstance(value, (list, tuple)):
        return [_canonical(one, made) for one in value]
    if isinstance(value, Path):
        return {"path": _content_of(value, made)}
    return _of_object(value, made)


def _of_object(value: Any, made: Fingerprints) -> Any:
    if isinstance(value, (SecretStr, SecretBytes)):
        return HIDDEN
    if isinstance(value, bytes):
        return {"bytes": xxhash.xxh3_128_hexdigest(value)}
    told = getattr(value, "fingerprint", None)
    if isinstance(value, BaseModel) and callable(told):
        return _canonical(told(), made)  # a serving's fields say more than what its answers are of
    if isinstance(value, BaseModel):
        name = f"{type(value).__module__}:{type(value).__qualname__}"
        fields = {n: _canonical(getattr(value, n), made) for n in type(value).model_fields}
        return {"class": name, "code": made.codes.of_class(type(value)), **fields}
    if callable(value):
        return _function(value, made)
    if callable(told):
        return {"class": type(value).__qualname__, "fingerprint": told()}
    shown = repr(value)
    # An object that only tells its address might be anything: it equals nothing.
    return {"object": shown if f"{id(value):x}" not in shown.lower() else uuid.uuid4().hex}


def _content_of(path: Path, made: Fingerprints) -> Any:
    if path.is_file():
        return made.file_hash(path)
    if path.is_dir():
        inside = sorted(one for one in path.rglob("*") if one.is_file())
        return [[str(one.relative_to(path)), made.file_hash(one)] for one in inside]
    return {"missing": str(path)}


def _function(value: Any, made: Fingerprints) -> Any:
    if isinstance(value, functools.partial):
        kept = {"args": value.args, "keywords": value.keywords}
        return {"partial": _function(value.func, made), **_canonical(kept, made)}
    if inspect.isclass(value) or not isinstance(value, types.FunctionType):
        module = getattr(value, "__module__", None) or type(value).__module__
        name = getattr(value, "__qualname__", None)
        if name is None:
            return {"object": uuid.uuid4().hex}
        return {"function": f"{module}:{name}", "code": made.codes.of_module(module, value)}
    cells = [_canonical(cell_content(cell), made) for cell in value.__closure__ or ()]
    return {
        "function": f"{value.__module__}:{value.__qualname__}",
        "code": made.codes.of_function(value),
        "defaults": _canonical([value.__defaults__, value.__kwdefaults__], made),
        "closure": cells,
    }
