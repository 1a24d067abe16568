"""The backends that come with the core, each in a module of its own, imported when it is used."""
