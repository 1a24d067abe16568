"""Operators for poems."""
