"""Training data in the formats that training libraries read: conversions of rows, and files.

`FORMATS` has the formats, each a pure conversion of the cells of a row; `assign_roles` finds which
columns they are; `export` writes files. ``dataflow export`` and ``core/format_training`` share it.
"""
