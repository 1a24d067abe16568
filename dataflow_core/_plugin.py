"""The core's own plugin: the general operators, registered through the hooks of all plugins."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec, PromptSpec, ServingSpec, StorageSpec, hookimpl
from dataflow_core.plugins.specs import Function, Modality, Scope

_EXAMPLES = "dataflow_core.testing.core_examples:EXAMPLES"


@hookimpl
def dataflow_register_operators() -> list[OperatorSpec]:
    """Return the general operators, most of which work on columns of any modality."""
    return [
        _general("apply", "Apply", "Apply a Python function to the table", "filter"),
        _general(
            "concatenate",
            "Concatenate",
            "Append the rows of another table",
            "generate",
            "dataset",
        ),
        _general(
            "deduplicate_exact",
            "DeduplicateExact",
            "Keep the first of rows with equal values in the given columns",
            "filter",
            "dataset",
        ),
        _general(
            "derive_column",
            "DeriveColumn",
            "Add a column computed by an expression over other columns",
            "generate",
        ),
        _general(
            "embed",
            "Embed",
            "Add the vector of each text, as a model makes it",
            "generate",
            modality="text",
        ),
        _general("explode", "Explode", "Turn each item of a list column into a row", "generate"),
        _general(
            "filter_rows", "FilterRows", "Keep the rows for which an expression holds", "filter"
        ),
        _general(
            "format_training",
            "FormatTraining",
            "Bring rows into a format of training data: Alpaca, ShareGPT, messages, pairs, prompts",
            "generate",
            modality="text",
            source="LLaMA-Factory, TRL and verl, their documentation of data",
        ),
        _general("join", "Join", "Join the columns of another table by key", "generate", "dataset"),
        _general(
            "k_center_greedy",
            "KCenterGreedy",
            "Keep the rows whose vectors lie nearest to all others: a core-set",
            "filter",
            "dataset",
            source="core-set (Sener and Savarese 2018), Algorithm 1",
        ),
        _general("rename_columns", "RenameColumns", "Rename columns", "refine"),
        _general(
            "retrieve",
            "Retrieve",
            "Add the passages of a corpus that fit a query best, by words or by vectors",
            "generate",
            modality="text",
            source="BM25 (Robertson and Zaragoza 2009), equation 3.15",
        ),
        _general(
            "sample",
            "Sample",
            "Keep a reproducible random sample of the rows",
            "filter",
            "dataset",
        ),
        _general(
            "select_columns",
            "SelectColumns",
            "Keep some columns, in order, or all but some",
            "refine",
        ),
        _general(
            "semantic_deduplicate",
            "SemanticDeduplicate",
            "Keep one of rows whose vectors point almost the same way",
            "filter",
            "dataset",
            source="SemDeDup (Abbas et al. 2023)",
        ),
        _general("sort", "Sort", "Sort the rows by columns", "refine", "dataset"),
        _general(
            "want",
            "Want",
            "Go on until so many rows are accepted, and keep just these",
            "filter",
            "dataset",
        ),
        *_prompted_operators(),
    ]


def _prompted_operators() -> list[OperatorSpec]:
    """Return the operators that ask a model."""
    return [
        _on_text(
            "benchmark_answers",
            "BenchmarkAnswers",
            "Have a model answer the questions of a benchmark, and score its answers",
            "evaluate",
            source="SQuAD (Rajpurkar et al. 2016)",
        ),
        _on_text(
            "chunked_generator",
            "ChunkedGenerator",
            "Have a model do with long texts, in pieces, what an instruction says",
            "generate",
        ),
        _on_text("classify", "Classify", "Have a model sort texts into given classes", "evaluate"),
        _on_text(
            "extract_fields",
            "ExtractFields",
            "Have a model read facts out of texts, into typed columns",
            "generate",
        ),
        _on_text(
            "judge_answers",
            "JudgeAnswers",
            "Have a model judge whether answers say the same as references",
            "evaluate",
        ),
        _on_text(
            "judge_filter",
            "judge_answers:JudgeFilter",
            "Keep the answers that a model judges to say the same as the reference",
            "filter",
        ),
        _on_text(
            "pairwise_judge",
            "PairwiseJudge",
            "Have a model judge which of two answers is better, in both orders",
            "evaluate",
            source="MT-Bench (Zheng et al. 2023), section 3.4",
        ),
        _on_text(
            "prompted_evaluator",
            "PromptedEvaluator",
            "Have a model rate texts by criteria, on any scale",
            "evaluate",
        ),
        _on_text(
            "prompted_filter",
            "prompted_evaluator:PromptedFilter",
            "Keep the texts that a model rates within bounds",
            "filter",
        ),
        _on_text(
            "prompted_generator",
            "PromptedGenerator",
            "Have a model do with each text what an instruction says",
            "generate",
        ),
        _on_text(
            "prompted_refiner",
            "PromptedRefiner",
            "Have a model rewrite texts as an instruction says",
            "refine",
        ),
        _on_text("summarize", "Summarize", "Have a model sum up texts", "generate"),
        _on_text(
            "template_generator",
            "TemplateGenerator",
            "Have a model answer a prompt made of any columns",
            "generate",
        ),
        _on_text("translate", "Translate", "Have a model translate texts", "generate"),
    ]


@hookimpl
def dataflow_register_prompts() -> list[PromptSpec]:
    """Return the prompts of the general operators."""
    return [
        _prompt("benchmark_answers", "Answer a question of a benchmark, open or with options."),
        _prompt("chunked_generator", "Do what an instruction says with a piece of a long text."),
        _prompt("classify", "Sort a text into given classes."),
        _prompt("extract_fields", "Read given facts out of a text."),
        _prompt("judge_answers", "Judge whether an answer says the same as a reference."),
        _prompt("pairwise_judge", "Judge which of two answers to a question is the better."),
        _prompt("prompted_evaluator", "Rate a text on a scale by given criteria."),
        _prompt("prompted_generator", "Do what an instruction says with a text."),
        _prompt("prompted_refiner", "Rewrite a text as an instruction says."),
        _prompt("summarize", "Sum up a text."),
        _prompt("translate", "Translate a text."),
    ]


@hookimpl
def dataflow_register_storages() -> list[StorageSpec]:
    """Return the storages of the core."""
    return [
        StorageSpec(
            name="file",
            target="dataflow_core.storage.file:FileStorage",
            summary="Rows of files: JSONL, JSON, CSV, TSV, Parquet, Arrow; paths need no scheme",
            schemes=("file",),
        ),
        StorageSpec(
            name="memory",
            target="dataflow_core.storage.memory:MemoryStorage",
            summary="Rows in memory, for notebooks and tests",
            schemes=(),
        ),
    ]


@hookimpl
def dataflow_register_servings() -> list[ServingSpec]:
    """Return the servings of the core, which are asked for as ``PREFIX:MODEL``."""
    return [
        ServingSpec(
            name="cassette",
            target="dataflow_core.testing.cassettes:CassetteServing",
            summary="Answers that were recorded in a file, for tests",
            prefixes=("cassette",),
        ),
        _serving(
            "embedded",
            "embedded:EmbeddedServing",
            "Small models on this machine over llama.cpp: no key, no GPU",
            extra="embedded",
        ),
        _serving("gemini", "gemini:GeminiServing", "Google's Gemini models, over their own API"),
        _serving(
            "litellm",
            "litellm:LiteLLMServing",
            "Models of many providers, through LiteLLM",
            extra="litellm",
        ),
        _serving(
            "openai",
            "openai:OpenAIServing",
            "OpenAI's models, and every server with a compatible API",
        ),
        _serving(
            "sglang",
            "sglang:SGLangServing",
            "Models in an SGLang engine of this process, on its GPUs",
            extra="sglang",
        ),
        _serving(
            "sglang_server",
            "sglang_server:SGLangServerServing",
            "Models in an SGLang server that starts and ends with the serving",
        ),
        _serving(
            "vllm",
            "vllm:VLLMServing",
            "Models in a vLLM engine of this process, on its GPUs",
            extra="vllm",
        ),
        _serving(
            "vllm_server",
            "vllm_server:VLLMServerServing",
            "Models in a vLLM server that starts and ends with the serving",
        ),
    ]


def _serving(name: str, target: str, summary: str, extra: str | None = None) -> ServingSpec:
    return ServingSpec(
        name=name,
        target=f"dataflow_core.serving.backends.{target}",
        summary=summary,
        extra=extra,
        prefixes=(name.replace("_", "-"),),
    )


def _general(
    name: str,
    cls: str,
    summary: str,
    function: Function,
    scope: Scope = "row",
    modality: Modality = "any",
    source: str = "",
) -> OperatorSpec:
    return OperatorSpec(
        name=name,
        target=f"dataflow_core.operators.general.{name}:{cls}",
        summary=summary,
        function=function,
        scope=scope,
        modality=modality,
        source=source,
        example=_EXAMPLES,
    )


def _on_text(
    name: str, target: str, summary: str, function: Function, source: str = ""
) -> OperatorSpec:
    place = target if ":" in target else f"{name}:{target}"
    return OperatorSpec(
        name=name,
        target=f"dataflow_core.operators.general.{place}",
        summary=summary,
        function=function,
        source=source,
        example=_EXAMPLES,
    )


def _prompt(name: str, summary: str) -> PromptSpec:
    place = f"dataflow_core:operators/general/prompts/{name}.jinja"
    return PromptSpec(name=name, target=place, summary=summary)
