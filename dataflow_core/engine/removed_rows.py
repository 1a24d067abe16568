"""Rows that left a table, as run directories keep them: what became of them, and their columns.

A column of the rows may be named like one of the account of them. It has another name in the file
then, and its own is told with the batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from dataflow_core.engine.stored_rows import ACCOUNT, NAMES
from dataflow_core.storage.outcome import Removed, free_names
from dataflow_core.table.types import ABSENT, HIDDEN

_ASIDE = {name: f"__dataflow_account_{name}__" for name in ACCOUNT}

APART_ID = _ASIDE["row_id"]
"""The column of ids in tables that `set_apart` makes."""


def removed_rows(
    step: str, removed: Removed, account: Sequence[str] = ACCOUNT
) -> tuple[pa.Table, dict[str, str]]:
    """Return rows that a step removed, as they are kept, and what is to be told with them.

    Args:
        step: The step's name.
        removed: The rows.
        account: The columns of the account of them, `ACCOUNT` or `TRACED`.
    """
    rows, table = removed.frame(), removed.table(step, traced=len(account) > len(ACCOUNT))
    if ABSENT in rows.columns:
        table = table.append_column(ABSENT, rows.columns[ABSENT].arrow())
    return table, _told(table, rows.names, account)


def own_columns(
    table: pa.Table, told: Mapping[str, str], account: Sequence[str] = ACCOUNT
) -> pa.Table:
    """Return removed rows without the account of them, their columns named as they were.

    Args:
        table: The rows as they are kept.
        told: What is told with them.
        account: The columns of the account.
    """
    rows = table.drop_columns(list(account))
    if NAMES not in told:
        return rows
    hidden = [name for name in rows.column_names if name in HIDDEN]
    return rows.rename_columns([*json.loads(told[NAMES]), *hidden])


def set_apart(table: pa.Table, told: Mapping[str, str]) -> pa.Table:
    """Return removed rows as a table that can be joined with others of the step.

    Args:
        table: The rows as they are kept.
        told: What is told with them.
    """
    own = own_columns(table, told)
    columns: dict[str, Any] = {_ASIDE[name]: table[name] for name in ACCOUNT}
    return pa.table(columns | dict(zip(own.column_names, own.columns, strict=True)))


def put_together(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Return rows that `set_apart` made as they are kept, and what is to be told with them."""
    accounts = set(_ASIDE.values())
    hidden = [name for name in table.column_names if name in HIDDEN]
    own = [name for name in table.column_names if name not in accounts and name not in hidden]
    ordered = table.select([*_ASIDE.values(), *own, *hidden])
    kept = ordered.rename_columns([*ACCOUNT, *free_names(own, ACCOUNT), *hidden])
    return kept, _told(kept, own, ACCOUNT)


def _told(table: pa.Table, own: list[str], account: Sequence[str]) -> dict[str, str]:
    names = [name for name in table.column_names[len(account) :] if name not in HIDDEN]
    return {} if names == own else {NAMES: json.dumps(own)}
