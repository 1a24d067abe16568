"""Deduplication: operators that keep the first of texts that are equal or nearly so."""
