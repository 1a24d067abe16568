"""The commands that list and show what plugins register: operators, pipelines, prompts, …."""
