"""Rows that became something else in another run of the same source: two ledgers, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow_core.table.identity import RowIds, format_id

EXAMPLES = 3

Fate = tuple[str, str, str]
"""Fate, step and reason, as the ledger has them; empty where it has none."""

Codes = npt.NDArray[np.int64]

_CUT = "\x1f"


@dataclass
class FateChange:
    """Rows that went the same other way.

    Attributes:
        before: What became of them in the first run; nothing where it has no such rows.
        after: What became of them in the second.
        rows: How many.
        examples: The ids of some.
    """

    before: tuple[Fate, ...]
    after: tuple[Fate, ...]
    rows: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[str]:
        """The steps that had a part in it, those of the second run first."""
        named = [step for _, step, _ in (*self.after, *self.before) if step]
        return list(dict.fromkeys(named))


def fate_changes(before: Path, after: Path) -> list[FateChange]:
    """Compare two ledgers, in about 50 bytes a row.

    Args:
        before: The ledger of one run.
        after: That of the other.

    Returns:
        What changed, the most frequent first.
    """
    fates: dict[str, int] = {}
    one, other = _Ledger.read(before, fates), _Ledger.read(after, fates)
    left, right = one.without(other), other.without(one)
    changed = np.union1d(left.ids, right.ids)
    names = [_fate(text) for text in fates]
    found: dict[tuple[Any, Any], FateChange] = {}
    for row, old, new in zip(changed.tolist(), left.of(changed), right.of(changed), strict=True):
        change = found.get((old, new))
        if change is None:
            ways = [tuple(names[code] for code in codes) for codes in (old, new)]
            change = found[old, new] = FateChange(ways[0], ways[1])
        change.rows += 1
        if len(change.examples) < EXAMPLES:
            change.examples.append(format_id(row))
    return sorted(found.values(), key=lambda change: -change.rows)


@dataclass(frozen=True)
class _Ledger:
    """Lines of a ledger, ordered by row, none twice; ``codes`` number fate, step and reason."""

    ids: RowIds
    codes: Codes

    @classmethod
    def read(cls, path: Path, fates: dict[str, int]) -> _Ledger:
        parts = list(_lines(path, fates))
        ids = np.concatenate([np.empty(0, np.uint64), *(part for part, _ in parts)])
        codes = np.concatenate([np.empty(0, np.int64), *(part for _, part in parts)])
        order = np.lexsort((codes, ids))
        ids, codes = ids[order], codes[order]
        fresh = np.ones(len(ids), dtype=bool)
        fresh[1:] = (np.diff(ids) != 0) | (np.diff(codes) != 0)
        return cls(ids[fresh], codes[fresh])

    def without(self, other: _Ledger) -> _Ledger:
        """Return the lines of rows of which the other ledger tells something else."""
        places = np.searchsorted(other.ids, self.ids)
        same = np.zeros(len(self.ids), dtype=bool)
        # Most rows have one line, and the few others have few.
        for step in range(_most_lines(other.ids)):
            at = np.minimum(places + step, max(len(other.ids) - 1, 0))
            if len(other.ids):
                same |= (other.ids[at] == self.ids) & (other.codes[at] == self.codes)
        return _Ledger(self.ids[~same], self.codes[~same])

    def of(self, rows: RowIds) -> Iterator[tuple[int, ...]]:
        """Yield the codes of each row."""
        starts = np.searchsorted(self.ids, rows).tolist()
        stops = np.searchsorted(self.ids, rows, side="right").tolist()
        codes = self.codes.tolist()
        return (tuple(codes[a:b]) for a, b in zip(starts, stops, strict=True))


def _most_lines(ids: RowIds) -> int:
    if not len(ids):
        return 1
    starts = np.flatnonzero(np.r_[True, np.diff(ids) != 0])
    return int(np.diff(np.r_[starts, len(ids)]).max())


def _lines(path: Path, fates: dict[str, int]) -> Iterator[tuple[RowIds, Codes]]:
    """Yield ids and codes, batch by batch; ``fates`` gets new ones."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["row_id", "fate", "step", "reason"]):
            told = [pc.fill_null(batch[name], "") for name in ("fate", "step", "reason")]
            texts = pc.binary_join_element_wise(*told, _CUT).dictionary_encode()
            known = [fates.setdefault(text, len(fates)) for text in texts.dictionary.to_pylist()]
            codes = np.array(known, np.int64)[texts.indices.to_numpy()]
            yield _numbers(batch["row_id"]), codes


def _numbers(ids: pa.Array) -> RowIds:
    """Return ids as numbers, of their 16 hexadecimal digits."""
    digits = bytes.fromhex("".join(ids.to_pylist()))
    return np.frombuffer(digits, dtype=">u8").astype(np.uint64)


def _fate(text: str) -> Fate:
    fate, step, reason = text.split(_CUT)
    return fate, step, reason
