"""Extraction: text out of documents of other kinds."""
