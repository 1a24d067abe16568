"""The pipelines, a module each."""
