"""The command ``python -m dataflow_core.testing.server``: options are those of `Faults`."""

from __future__ import annotations

import asyncio
import signal
import typing
from collections.abc import Iterator
from typing import Any

import click

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.loops import new_loop
from dataflow_core.testing.server.fault_server import HOST, close, listen, port_of
from dataflow_core.testing.server.faults import Faults
from dataflow_core.testing.server.service import Service


def _options() -> Iterator[click.Option]:
    for name, known in Faults.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if known.annotation is bool:
            flag += f"/--no-{name.replace('_', '-')}"
        yield click.Option(
            [flag],
            type=_type(known.annotation),
            default=known.default or (0 if known.default == 0 else None),
            show_default=known.default not in (None, ()),
            help=known.description,
        )


def _type(annotation: Any) -> Any:
    """Return what an option takes: a number, one of some words, or any text."""
    if annotation in (bool, int, float):
        return annotation
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return click.Choice(parts)
    found = [_type(part) for part in parts]
    return next((one for one in found if one is not str), str)


async def _serve(faults: Faults, port: int) -> None:
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave.set)
    service = Service(faults, keep=0)
    server = await listen(service, port)
    click.echo(f"listening on http://{HOST}:{port_of(server)}/v1")
    await leave.wait()
    await close(server, service)


@click.command("dataflow_core.testing.server", help=__doc__)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
def command(port: int, **given: Any) -> None:
    """Serve until the process is told to end."""
    try:
        faults = Faults(**{name: value for name, value in given.items() if value is not None})
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_serve(faults, port))
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None


command.params += _options()
