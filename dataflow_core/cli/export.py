"""``dataflow export``: the result of a run, or any table, as training data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from dataflow_core.cli.completion import words
from dataflow_core.cli.output import write_json
from dataflow_core.cli.parameters import pairs
from dataflow_core.engine.run_paths import RUNS
from dataflow_core.errors import ColumnError, ConfigurationError, SourceError
from dataflow_core.export.names import TABLE_FORMATS, LayoutName, TrainingFormatName
from dataflow_core.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataflow_core.export.row_source import RowSource
    from dataflow_core.export.writing import ExportSummary
    from dataflow_core.plugins import PluginManager

_FORMATS = [*TABLE_FORMATS, *get_args(TrainingFormatName)]


@click.command("export")
@click.argument("source", metavar="RUN_OR_FILE", shell_complete=words.exported)
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(_FORMATS),
    required=True,
    metavar="FORMAT",
    help="The format; see below.",
)
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="PATH",
    shell_complete=words.files,
    help="A file, such as train.jsonl or train.parquet, or a folder, such as data/.",
)
@click.option(
    "--layout",
    type=click.Choice(get_args(LayoutName)),
    help="How the files of a folder lie; default: what reads the format.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=COLUMN",
    help="Which column is what, such as instruction=question. Repeatable. Default: found by name.",
)
@click.option(
    "--constant",
    "constants",
    multiple=True,
    metavar="ROLE=TEXT",
    help="What is the same in all rows, such as data_source=gsm8k. Repeatable.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A further column that goes along as it is. Repeatable.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="The share of rows, such as 0.1, that go into a test split; by row id, always the same.",
)
@click.option("--seed", type=int, default=0, help="Choose other rows for the test split.")
@click.option("--name", help="What LLaMA-Factory calls the data set; default: the folder's name.")
@click.option(
    "--ignore-key",
    "ignore_keys",
    multiple=True,
    metavar="KEY",
    help="A key that messages may have, which is left out. Repeatable.",
)
@click.option(
    "--tool-calls",
    is_flag=True,
    help="Give messages in Parquet the columns that calls of tools need.",
)
@click.option(
    "--on-bad-row",
    type=click.Choice(["error", "quarantine"]),
    default="error",
    show_default=True,
    help="What to do with rows that do not fit or cannot be read: stop at the first, or write them "
    "to PATH.rejects.jsonl with the reason.",
)
@click.option(
    "--column-type",
    "types",
    multiple=True,
    metavar="COLUMN=TYPE",
    help="For CSV and TSV: string, int64, float64 or bool. Repeatable.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Write what was done as JSON.")
@click.pass_obj
def command(
    manager: PluginManager, /, source: str, *, types: tuple[str, ...], as_json: bool, **asked: Any
) -> None:
    """Write RUN_OR_FILE as training data.

    RUN_OR_FILE is the directory of a finished run, its name in dataflow-runs/, 'last' for the
    newest one there, or a file, pattern, folder or URL as for `dataflow run --input`.

    \b
    FORMAT is one of
      jsonl parquet csv       the table as it is
      alpaca                  instruction, input, output (LLaMA-Factory)
      sharegpt                conversations of from and value (LLaMA-Factory)
      messages                messages of role and content (OpenAI, TRL)
      text                    plain text, for pre-training
      dpo dpo-messages        prompt, chosen, rejected: texts, or messages (TRL)
      dpo-alpaca dpo-sharegpt the same as LLaMA-Factory ranks them
      grpo grpo-text          prompt with ground_truth: messages, or text (TRL)
      verl                    prompt with reward_model, for verl
    """  # noqa: D301  click looks for the control character
    from dataflow_core.engine.interrupts import stop_at_once
    from dataflow_core.export.writing import ExportOptions, export

    options = ExportOptions(
        format=asked.pop("format_name"),
        columns=pairs(asked.pop("columns"), "--column"),
        constants=pairs(asked.pop("constants"), "--constant"),
        **asked,
    )
    rows = _rows(manager, source, options.on_bad_row, pairs(types, "--column-type"))
    try:
        with stop_at_once():
            done = export(rows, options)
    except ColumnError as error:  # what was asked for does not go with the table
        raise ConfigurationError(str(error)) from error
    if as_json:
        write_json(done.as_dict())
    else:
        click.echo("\n".join(_lines(done)))


def _rows(manager: PluginManager, source: str, on_bad_row: str, types: dict[str, str]) -> RowSource:
    """Return the rows of a run, or of anything that a storage opens."""
    from dataflow_core.cli.planning import find_own_modules, open_storage

    if _is_run(source):
        from dataflow_core.engine.stored_results import RunRows
        from dataflow_core.engine.stored_runs import find_run

        if types:
            raise click.UsageError("--column-type is for CSV and TSV; a run has types.")
        return RunRows(find_run(source))
    from dataflow_core.export.row_source import StorageRows

    find_own_modules()
    storage = open_storage(manager, source, on_bad_row, types)
    if storage is None:
        raise SourceError("RUN_OR_FILE is empty; name a run or a file.")
    return StorageRows(storage)


def _is_run(source: str) -> bool:
    """Tell whether a run is named; a file or folder of that name goes first, if it is none."""
    if (Path(source) / "run.json").is_file():
        return True
    if Path(source).exists():
        return False
    return (RUNS / source / "run.json").is_file() or source == "last"


def _lines(done: ExportSummary) -> Iterator[str]:
    from dataflow_core.export.layouts import TRAIN

    for split, (path, rows) in done.files.items():
        of = "" if len(done.files) == 1 and split == TRAIN else f" ({split})"
        yield f"{path}: {counted(rows, 'row')} as {done.format}{of}"
    if done.dataset_info is not None:
        yield f"{done.dataset_info}: {', '.join(done.datasets)}"
    told = [f"{role} = {column}" for role, column in done.columns.items()]
    told += [f"{role} = {text!r}" for role, text in done.constants.items()]
    if told:
        yield f"columns: {', '.join(told)}"
    if done.rejects is not None:
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in done.rejected.items())
        yield f"{done.rejects}: {counted(sum(done.rejected.values()), 'row')} set aside ({reasons})"
