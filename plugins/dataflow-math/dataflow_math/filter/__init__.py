"""Operators that drop rows for what a model says of them."""
