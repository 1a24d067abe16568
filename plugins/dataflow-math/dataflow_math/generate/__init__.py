"""Operators that make columns."""
