"""Evaluators of texts beyond the quality rules, and the filters on them."""
