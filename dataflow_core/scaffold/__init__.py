"""Scaffolds: plugins, operators and pipelines to start from, made of the folder ``templates``.

`new_plugin` writes a distribution, `new_operator` and `new_pipeline` add to the one in a folder.
Nothing here is imported before one of the three commands is called.
"""
