"""A prompt in words, and as the messages that it makes of a row."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dataflow_core.cli.output import value_text
from dataflow_core.errors import ConfigurationError, PromptError, did_you_mean
from dataflow_core.prompts import JsonAnswer, PromptTemplate, TemplateFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from dataflow_core.cli.catalogue.prompt_fields import Asking
    from dataflow_core.plugins import PluginManager
    from dataflow_core.storage.source import Source


def described(about: Mapping[str, Any], template: PromptTemplate) -> dict[str, Any]:
    """Return all about a prompt, as JSON has it.

    Args:
        about: What is known besides its file.
        template: The prompt.
    """
    return {
        **about,
        "description": template.description,
        "source": template.source,
        "variables": {name: template.variables.get(name, "") for name in sorted(template.used)},
        "system": template.system,
        "user": template.user,
        "answer": template.answer.model_dump(mode="json"),
    }


def as_text(about: Mapping[str, Any], template: PromptTemplate) -> str:
    """Return all about a prompt, to read.

    Args:
        about: What is known besides its file.
        template: The prompt.
    """
    variables = _variables(template, about.get("fields", {}))
    parts = ["\n".join(_head(about, template)), "\n".join(["Variables", *variables])]
    if template.system is not None:
        parts.append(f"System message\n{_indented(template.system)}")
    parts.append(f"User's message\n{_indented(template.user)}")
    parts.append("\n".join(["Answer", *_answer(template, about.get("asked_by", ()))]))
    return "\n\n".join(parts)


def value_of(text: str) -> Any:
    """Return the value that a text on a command line stands for.

    Numbers, booleans, null and what stands in double quotes are those of JSON; a list or mapping
    is YAML; all else is the text itself, so that ``007`` and ``yes`` are texts.

    Raises:
        ConfigurationError: It begins like a list or mapping, and is none.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return _list_or_mapping(text)
    try:
        return json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text


def _list_or_mapping(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{text!r} is no list or mapping: {error}") from None


def row_of(manager: PluginManager, source: str, row: int) -> dict[str, Any]:
    """Return the values of a row by column.

    Args:
        manager: The plugins.
        source: The input.
        row: The row's number, from 0.

    Raises:
        ConfigurationError: There is no such row.
        DataflowError: The input cannot be read.
    """
    from dataflow_core.cli.planning import open_storage
    from dataflow_core.engine.sources import source_of
    from dataflow_core.storage.formats import SchemaMisfit

    opened = source_of("source", open_storage(manager, source, "error", {}))
    try:
        return _row_of(opened, opened.schema(), row)
    except SchemaMisfit:
        return _row_of(opened, opened.exact_schema(), row)


def _row_of(source: Source, schema: pa.Schema, row: int) -> dict[str, Any]:
    from dataflow_core.table.types import HIDDEN
    from dataflow_core.table.values import python_values

    count = 0
    for batch in source.batches(schema, limit=row + 1):
        table = batch.table
        if row < count + table.num_rows:
            one = table.slice(row - count, 1)
            names = [name for name in one.column_names if name not in HIDDEN]
            return {name: python_values(one[name])[0] for name in names}
        count += table.num_rows
    raise ConfigurationError(f"--row {row}: {source.describe()} has {count} rows, from 0 on.")


def values_of(
    template: PromptTemplate,
    given: Mapping[str, str],
    columns: Mapping[str, Any],
    asking: Asking | None,
) -> dict[str, Any]:
    """Return the values of a prompt's variables.

    Args:
        template: The prompt.
        given: Values of the command line.
        columns: Those of a row.
        asking: The operator whose fields are variables; None for none.

    Raises:
        PromptError: There are values of no variable, or variables without value.
        ConfigurationError: A value cannot be read, or is none of the operator's field.
    """
    used = sorted(template.used)
    for name in given:
        if name not in used:
            told = f"{template.name} has no variable {name!r}.{did_you_mean(name, used)}"
            raise PromptError(f"{told} It has: {', '.join(used) or 'none'}.")
    fields = template.used & (asking.fields if asking is not None else set())
    own = {name: value_of(text) for name, text in given.items() if name not in fields}
    for name, value in own.items():
        if asking is not None and asking.takes_text(name) and value is not None:
            own[name] = value if isinstance(value, str) else given[name]
    needed = fields & (asking.required if asking is not None else set())
    others = template.used - fields - columns.keys()
    if missing := sorted((needed | others) - given.keys()):
        raise PromptError(_missing(template, missing, columns, asking, needed))
    settings = {}
    if asking is not None and fields:
        settings = asking.settings({name: given[name] for name in given if name in fields})
    return {**columns, **settings, **own}


def _missing(
    template: PromptTemplate,
    missing: Sequence[str],
    columns: Mapping[str, Any],
    asking: Asking | None,
    needed: Collection[str],
) -> str:
    example = " ".join(f"{name}=…" for name in missing)
    from_row = any(name not in needed for name in missing) and not columns
    also = ", or --input SOURCE with such columns" if from_row else ""
    told = f"{template.name} needs a value for {', '.join(missing)}: add {example}{also}."
    if columns:
        told += f" The row has: {', '.join(columns)}."
    if asking is not None and (fields := [name for name in missing if name in needed]):
        are = "is a field" if len(fields) == 1 else "are fields"
        told += f" {', '.join(fields)} {are} of {asking.name}."
    return told


def messages(template: PromptTemplate, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the system message, if there is one, and the user's.

    Raises:
        PromptError: The prompt cannot be rendered with these values.
    """
    try:
        return {"system": template.render_system(**values), "user": template.render(**values)}
    except TemplateFailed as error:
        raise PromptError(str(error)) from error


def _head(about: Mapping[str, Any], template: PromptTemplate) -> Iterator[str]:
    description = template.description or about.get("summary")
    yield f"{about['name']}: {description}" if description else str(about["name"])
    shown = {
        "source": template.source,
        "asked by": ", ".join(about.get("asked_by", ())),
        "aliases": ", ".join(about.get("aliases", ())),
        "file": about["file"],
    }
    if "distribution" in about:
        shown["plugin"] = f"{about['distribution']} {about['version']}"
    if any(shown.values()):
        yield ""
    for name, value in shown.items():
        if value:
            yield f"  {name:<10}{value}"


def _variables(template: PromptTemplate, fields: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(template.used):
        meaning = template.variables.get(name)
        told = f"  {name}: {meaning}" if meaning else f"  {name}"
        yield f"{told} (a field of {fields[name]})" if name in fields else told
    if not template.used:
        yield "  none"


def _answer(template: PromptTemplate, asked_by: Collection[str]) -> Iterator[str]:
    answer = template.answer
    told = (type(answer).__doc__ or "").partition("\n\n")[0]
    yield f"  {answer.kind}: {' '.join(told.split())}"
    for name, value in answer.model_dump(mode="json", exclude={"kind"}).items():
        if isinstance(answer, JsonAnswer) and not value:
            follows = f"follows from the fields of {', '.join(asked_by)}"
            yield f"    {name}: {follows if asked_by else 'any value'}"
        elif isinstance(answer, JsonAnswer):
            yield f"    {name}:"
            yield textwrap.indent(json.dumps(value, indent=2, ensure_ascii=False), " " * 6)
        elif value is not None and value != []:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value_text(value)
            yield f"    {name}: {shown}"


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip("\n"), "  ")
