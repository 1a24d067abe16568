"""The text operators, and the plugin, do what the core relies on."""

from dataflow_core.testing import check_plugin, operators, parametrize_with_checks


@parametrize_with_checks(operators("text"))
def test_operator(operator, check):
    check(operator)


def test_plugin():
    check_plugin("text")
