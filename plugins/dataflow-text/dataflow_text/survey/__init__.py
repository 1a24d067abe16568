"""Evaluators of a data set as a whole: its vocabulary, its lengths, its duplicates."""
