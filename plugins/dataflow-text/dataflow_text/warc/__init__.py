"""Crawls in WARC files: from packed records to pages as text."""
