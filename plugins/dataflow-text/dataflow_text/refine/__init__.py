"""Refiners: operators that make one text of another."""
