"""The checks of operators, in the order in which they are made.

Each is a function that is called with a `Subject` and raises where it finds a breach.
"""

from __future__ import annotations

from dataflow_core.testing.checks import (
    batches,
    construction,
    descriptions,
    imports,
    inputs,
    ledger,
    missing_columns,
    recipes,
    servings,
    tables,
)
from dataflow_core.testing.checks.check import Check, always

CHECKS: tuple[Check, ...] = (
    Check(construction.check_example, runs=True),
    Check(construction.check_construction_does_no_io),
    Check(construction.check_construction_only_stores),
    Check(recipes.check_configuration_round_trips),
    Check(recipes.check_pickles),
    Check(descriptions.check_docstring),
    Check(descriptions.check_specification, applies=descriptions.is_registered),
    Check(imports.check_import_budget, applies=descriptions.is_registered),
    Check(tables.check_input_is_not_mutated, runs=True),
    Check(tables.check_declared_columns, runs=True),
    Check(tables.check_other_columns_stay, runs=True),
    Check(tables.check_row_identity, runs=True),
    Check(ledger.check_ledger_sums, runs=True),
    Check(batches.check_batch_independence, applies=batches.may_be_batched, runs=True),
    Check(batches.check_deterministic, runs=True),
    Check(inputs.check_empty_table, runs=True),
    Check(inputs.check_one_row, runs=True),
    Check(inputs.check_null_values, runs=True),
    Check(inputs.check_empty_texts, applies=inputs.reads_texts, runs=True),
    Check(inputs.check_long_texts, applies=inputs.reads_texts, runs=True),
    Check(inputs.check_other_scripts, applies=inputs.reads_texts, runs=True),
    Check(missing_columns.check_missing_column, applies=missing_columns.reads_columns, runs=True),
    Check(missing_columns.check_reads_what_it_declares, runs=True),
    Check(servings.check_failure_is_quarantined, applies=servings.asks, runs=True),
    Check(servings.check_empty_answer_is_quarantined, applies=servings.asks, runs=True),
)

__all__ = ["CHECKS", "Check", "always"]
