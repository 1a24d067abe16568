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
from dataflow_core.testing.checks.check import Check, ExampleFails

CHECKS: tuple[Check, ...] = (
    Check(construction.check_example),
    Check(construction.check_construction_does_no_io, needs="operator"),
    Check(construction.check_construction_only_stores, needs="operator"),
    Check(recipes.check_configuration_round_trips, needs="operator"),
    Check(recipes.check_pickles, needs="operator"),
    Check(descriptions.check_docstring, needs="class"),
    Check(descriptions.check_specification, applies=descriptions.is_registered, needs="class"),
    Check(imports.check_import_budget, applies=descriptions.is_registered, needs="class"),
    Check(tables.check_input_is_not_mutated),
    Check(tables.check_declared_columns),
    Check(tables.check_other_columns_stay),
    Check(tables.check_row_identity, needs="operator"),
    Check(ledger.check_ledger_sums),
    Check(batches.check_batch_independence, applies=batches.may_be_batched),
    Check(batches.check_deterministic),
    Check(inputs.check_empty_table),
    Check(inputs.check_one_row),
    Check(inputs.check_null_values),
    Check(inputs.check_empty_texts, applies=inputs.reads_texts),
    Check(inputs.check_long_texts, applies=inputs.reads_texts),
    Check(inputs.check_other_scripts, applies=inputs.reads_texts),
    Check(missing_columns.check_missing_column, applies=missing_columns.reads_columns),
    Check(missing_columns.check_reads_what_it_declares),
    Check(servings.check_failure_is_quarantined, applies=servings.asks),
    Check(servings.check_empty_answer_is_quarantined, applies=servings.asks),
)

__all__ = ["CHECKS", "Check", "ExampleFails"]
