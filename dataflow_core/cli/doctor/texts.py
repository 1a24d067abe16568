"""What the doctor's examination looks like on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from dataflow_core.plugins.discovery import CORE_DISTRIBUTION
from dataflow_core.wording import counted


def installation_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that say what an installation is like."""
    yield from _section("Versions", _versions(told))
    yield from _section("Extras", map(_extra, told["extras"]))
    at = {one["name"]: f", {one['path']}" if one["path"] else "" for one in told["models"]}
    models = ((one["name"], f"{one['status']}{at[one['name']]}") for one in told["models"])
    yield from _section("Models", models)
    yield from _section("Keys of servings", map(_keys, told["keys"].items()))
    yield from _section("Machine", _machine(told))


def _versions(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    program = told["program"]
    yield "Python", f"{program['python']}, {program['executable']}"
    yield "system", program["platform"]
    yield CORE_DISTRIBUTION, f"{program[CORE_DISTRIBUTION]}, {program['folder']}"
    for one in told["plugins"]:
        if one["namespace"] != "core":
            state = "" if one["state"] == "loaded" else f", {one['state']}"
            yield one["distribution"], f"{one['version']} ({one['namespace']}){state}"
    wanted, met = told["requirements"], [one for one in told["requirements"] if one["met"]]
    of_them = "all" if len(met) == len(wanted) else len(met)
    yield "required libraries", f"{of_them} of {len(wanted)} as required"


def _extra(one: dict[str, Any]) -> tuple[str, str]:
    lacks = f"lacks {', '.join(one['missing'])}: {one['install']}"
    return f"{one['distribution']}[{one['extra']}]", "installed" if one["installed"] else lacks


def _keys(told: tuple[str, dict[str, bool]]) -> tuple[str, str]:
    serving, variables = told
    states = (f"{name}: {'yes' if there else 'no'}" for name, there in variables.items())
    return serving, ", ".join(states)


def _machine(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    machine = told["machine"]
    yield "cores", str(machine["cores"])
    if machine["memory"] is not None:
        left = machine["memory_available"]
        free = "" if left is None else f", {left / 1e9:.1f} GB of it available"
        yield "memory", f"{machine['memory'] / 1e9:.1f} GB{free}"
    for one in told["folders"]:
        state = f"{one['free'] / 1e9:.1f} GB free" if one["writable"] else "cannot be written to"
        yield one["purpose"], f"{one['path']}, {state}"


def offline_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that say what may be downloaded."""
    downloads = told["downloads"]
    missing = sum(one["present"] is False for one in downloads)
    count = counted(len(downloads), "download")
    yield f"{count} may be needed by what is installed; {missing or 'none'} missing."
    for one in downloads:
        size = "" if one["size"] is None else f" ({one['size'] / 1e6:.0f} MB)"
        yield from ("", f"{_state(one['present'])}  {one['name']}{size}")
        when = f", where {one['when']}" if one["when"] else ""
        yield _under(f"needed by {', '.join(one['needed_by'])}{when}")
        yield _under(f"{'found' if one['present'] else 'looked for'}: {one['path']}")
        if not one["present"]:
            by_itself = ", or by itself when it is used" if one["automatic"] else ""
            yield _under(f"fetched by: {one['fetch']}{by_itself}")
    yield ""


def _state(present: bool | None) -> str:
    if present is None:
        return click.style("depends", fg="yellow")
    return click.style("here   ", fg="green") if present else click.style("missing", fg="red")


def _section(title: str, found: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = list(found)
    width = max((len(name) for name, _ in rows), default=0)
    yield click.style(title, bold=True)
    yield from (f"  {name:<{width}}  {text}" for name, text in rows)
    yield ""


def _under(text: str) -> str:
    return f"         {text}"
