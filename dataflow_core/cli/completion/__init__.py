"""Completion of command lines in bash, zsh and fish: the scripts, and what they ask for."""

VARIABLE = "_DATAFLOW_COMPLETE"
"""What a script sets to the name of its shell, to ask for words instead of running a command."""
