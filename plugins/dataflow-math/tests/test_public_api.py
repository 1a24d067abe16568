"""What the plugin's users build on: names, fields, columns and parameters, as written down."""

from pathlib import Path

from dataflow_core.testing import check_surface


def test_the_public_api_is_as_written_down():
    check_surface("math", Path(__file__).parent / "public_api.txt")
