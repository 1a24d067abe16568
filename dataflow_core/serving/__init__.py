"""Servings: language models that answer prompts, behind one interface."""
