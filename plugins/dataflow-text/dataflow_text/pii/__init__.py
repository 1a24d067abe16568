"""Personal data in texts: where it is, by its form, and by a model of language."""
