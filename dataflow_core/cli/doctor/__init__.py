"""``dataflow doctor``: what this installation is like, what is wrong with it, and what mends it."""
