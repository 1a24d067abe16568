"""Answers to problems in mathematics: found in solutions, and compared as mathematics."""
