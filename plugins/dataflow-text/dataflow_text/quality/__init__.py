"""Quality rules on texts, and the rule sets of the literature."""
