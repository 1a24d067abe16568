"""Commands for poems."""

import click


@click.group()
def poems() -> None:
    """Look at poems in files."""


@poems.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
def count(path: str) -> None:
    """Count the poems of a file."""
    from dataflow_poems.storage import PoemStorage

    click.echo(f"{len(PoemStorage(f'poem:{path}').read())} poems")
