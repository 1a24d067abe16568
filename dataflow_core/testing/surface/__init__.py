"""A distribution's public surface as text, to be kept under tests and compared.

``python -m dataflow_core.testing.surface math`` prints that of a plugin: the public names of its
package, and all that it registers, with operators' fields and columns. A test compares it with the
file that is kept::

    def test_the_public_api_is_as_written_down():
        check_surface("math", Path(__file__).parent / "public_api.txt")
"""

from dataflow_core.testing.surface.comparing import check_surface, surface_of

__all__ = ["check_surface", "surface_of"]
