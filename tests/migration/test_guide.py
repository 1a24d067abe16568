"""The migration guide's tables are those that the data make."""

import importlib.util
from pathlib import Path

from dataflow_core.migration import former_names

SITE = Path(__file__).parents[2] / "docs" / "site"


def generator():
    spec = importlib.util.spec_from_file_location("docs_site_migration", SITE / "migration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_not_stale():
    made = generator()
    page = made.PAGE.read_text(encoding="utf-8")
    assert made.renewed(page) == page, "run: nox -s migration_tables"


def test_every_name_and_parameter_is_in_the_guide():
    page = generator().PAGE.read_text(encoding="utf-8")
    for name, former in former_names().by_name.items():
        assert f"`{name}`" in page, name
        rows = [line for line in page.splitlines() if f"`{name}`" in line and "|" in line]
        for parameter in {*former.new, *former.run} if former.use else ():
            assert any(f"`{parameter}`" in row for row in rows), (name, parameter)
