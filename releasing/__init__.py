"""Check that a distribution of this repository can be released alone: ``nox -s release``."""
