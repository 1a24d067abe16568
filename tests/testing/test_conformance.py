"""The general operators, and the core as a plugin, do what engines and users rely on."""

from dataflow_core.testing import check_plugin, operators, parametrize_with_checks


@parametrize_with_checks(operators("core"))
def test_operator(operator, check):
    check(operator)


def test_plugin():
    check_plugin("core")
