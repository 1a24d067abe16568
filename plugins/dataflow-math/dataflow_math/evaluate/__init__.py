"""Operators that judge rows, and the filters on what they say."""
