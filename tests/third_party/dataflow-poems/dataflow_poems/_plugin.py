"""What this plugin registers."""

from dataflow_core.plugins import (
    CommandSpec,
    OperatorSpec,
    PipelineSpec,
    PromptSpec,
    StorageSpec,
    hookimpl,
)


@hookimpl
def dataflow_register_operators():
    return [
        OperatorSpec(
            name="line_evaluator",
            target="dataflow_poems.lines:LineEvaluator",
            summary="Count the lines of a poem",
            function="evaluate",
        ),
        OperatorSpec(
            name="line_filter",
            target="dataflow_poems.lines:LineFilter",
            summary="Keep poems by their number of lines",
            function="filter",
        ),
        OperatorSpec(
            name="mood_evaluator",
            target="dataflow_poems.mood:MoodEvaluator",
            summary="Say of what mood a poem is, as a model reads it",
            function="evaluate",
        ),
        OperatorSpec(
            name="metre_evaluator",
            target="dataflow_poems.metre:MetreEvaluator",
            summary="Count the syllables of a poem",
            function="evaluate",
            extra="metre",
        ),
    ]


@hookimpl
def dataflow_register_pipelines():
    return [
        PipelineSpec(
            name="short_poems",
            target="dataflow_poems.pipelines:ShortPoems",
            summary="Keep short poems, and say of what mood they are",
        )
    ]


@hookimpl
def dataflow_register_prompts():
    return [
        PromptSpec(
            name="mood_evaluator",
            target="dataflow_poems:prompts/mood_evaluator.jinja",
            summary="Say of what mood a poem is.",
        )
    ]


@hookimpl
def dataflow_register_storages():
    return [
        StorageSpec(
            name="poems",
            target="dataflow_poems.storage:PoemStorage",
            summary="The poems of a text file, which blank lines part",
            schemes=("poem",),
            endings=(".poems",),
        )
    ]


@hookimpl
def dataflow_register_commands():
    return [
        CommandSpec(
            name="poems",
            target="dataflow_poems.commands:poems",
            summary="Look at poems in files",
        )
    ]


@hookimpl
def dataflow_after_pipeline(run_dir, report):
    """Observe: leave a line about the run beside it."""
    (run_dir / "poems.txt").write_text(f"{report.rows_out} poems\n")
