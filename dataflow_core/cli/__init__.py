"""The command line: `dataflow_core.cli.main` is its entry, each command has its own module."""
