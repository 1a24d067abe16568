"""Pipelines for mathematics, a module each, so that one imports no other's operators."""
