"""Prices: the right model's, on the vendor's own host, and none where none is known."""

from __future__ import annotations

from datetime import date

import pytest

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.pricing import Price, PriceTable, cost, host_of

OPENAI = "https://api.openai.com/v1"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai/"
TODAY = date(2026, 11, 26)


@pytest.fixture
def bundled(tmp_path) -> PriceTable:
    return PriceTable.load({"XDG_CONFIG_HOME": str(tmp_path)})


def loaded(path, text: str) -> PriceTable:
    path.write_text(text, "utf-8")
    return PriceTable.load({"DATAFLOW_PRICES": str(path)})


@pytest.mark.parametrize(
    ("model", "input_rate"),
    [
        ("gpt-4o", 2.5),
        ("gpt-4o-2024-08-06", 2.5),
        ("gpt-4o-2024-05-13", 5),  # a snapshot with a price of its own
        ("gpt-4o-mini", 0.15),
        ("gpt-4o-mini-2024-07-18", 0.15),
        ("gpt-5-mini-2025-08-07", 0.25),
        ("gpt-5.4-2026-03-05", 2.5),
        ("text-embedding-3-small", 0.02),
    ],
)
def test_dated_snapshots_cost_what_their_model_costs(bundled, model, input_rate):
    price = bundled.price(model, OPENAI, TODAY)
    assert price is not None
    assert price.input == input_rate


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-audio-preview",
        "gpt-4o-audio-preview-2024-12-17",
        "gpt-4o-realtime-preview",
        "gpt-4o-mini-tts",
        "gpt-4",
        "gpt-5-codex",
        "gpt-5.4-pro",
        "gpt-5.4-pro-2026-03-05",
        "o3-pro",
        "ft:gpt-4o-mini-2024-07-18:org::id",
        "GPT-4o",
        "gpt",
        "",
    ],
)
def test_another_model_of_the_family_has_no_price(bundled, model):
    assert bundled.price(model, OPENAI, TODAY) is None


@pytest.mark.parametrize(
    "base_url",
    [
        None,
        "http://localhost:8000/v1",
        "http://127.0.0.1:11434/v1",
        "https://openrouter.ai/api/v1",
        "https://api.openai.com.example.org/v1",
        "https://example.org/api.openai.com",
        "https://eu.api.openai.com/v1",
    ],
)
def test_another_host_has_no_price(bundled, base_url):
    assert bundled.price("gpt-4o", base_url, TODAY) is None


@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("gemini-2.5-flash", GEMINI),
        ("models/gemini-2.5-flash", GEMINI),
        ("deepseek-flash", "https://api.deepseek.com"),
        ("mistral-small-latest", "https://api.mistral.ai/v1"),
        ("claude-opus-4-5-20251101", "https://api.anthropic.com/v1/"),
        ("gpt-4o", "https://user@API.OpenAI.com:443/v1"),
    ],
)
def test_each_vendor_is_known_by_its_host(bundled, model, base_url):
    assert bundled.price(model, base_url, TODAY) is not None


def test_every_bundled_price_says_where_it_was_published_and_is_above_zero(bundled):
    (entries,) = [layer for layer in bundled.layers if layer]
    assert bundled.as_of.year >= 2026
    assert len(entries) > 50
    for entry in entries:
        assert entry.published is not None, entry
        assert entry.published.startswith("https://"), entry
        assert entry.hosts, entry
        assert entry.price.input > 0, entry
        assert entry.price.output > 0 or "embed" in entry.model, entry
        cached = entry.price.cached_input
        assert cached is None or 0 < cached < entry.price.input, entry
        if entry.price.long is not None:
            assert entry.price.long.input > entry.price.input, entry
            assert entry.price.long.output > entry.price.output, entry


def test_a_price_that_rises_later_holds_from_its_day_on(bundled):
    before = bundled.price("gemini-3.8-flash", GEMINI, date(2026, 12, 31))
    after = bundled.price("gemini-3.8-flash", GEMINI, date(2027, 1, 1))
    assert before == Price(0.75, 3.75, 0.075)
    assert after == Price(1.5, 7.5, 0.15)


# What requests cost


def test_cached_tokens_cost_their_own_rate_and_reasoning_counts_as_written():
    usage = Usage(1_000_000, 100_000, cached_tokens=250_000, reasoning_tokens=50_000)
    assert cost(usage, Price(2, 8, 0.5)) == pytest.approx(1.5 + 0.125 + 0.8)
    assert cost(usage, Price(2, 8)) == pytest.approx(2.8)


def test_no_more_tokens_are_cached_than_were_read():
    assert cost(Usage(100, 0, cached_tokens=1_000), Price(1, 1, 0.5)) == pytest.approx(50e-6)


def test_long_prompts_cost_more_as_a_whole(bundled):
    price = bundled.price("gemini-2.5-pro", GEMINI, TODAY)
    assert price is not None
    assert cost(Usage(200_000, 1_000), price) == pytest.approx(0.25 + 0.01)
    assert cost(Usage(200_001, 1_000), price) == pytest.approx(0.5000025 + 0.015)


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), True, "2"])
def test_a_price_is_a_number_of_dollars(wrong):
    for given in ({"input": wrong}, {"input": 1, "output": wrong}):
        with pytest.raises(ConfigurationError, match="US dollars per million tokens"):
            Price(**given)


def test_a_free_model_can_be_given_as_such():
    assert cost(Usage(10, 10), Price(0, 0)) == 0


# One's own prices


def test_ones_own_file_adds_models_on_any_host_and_overrides(tmp_path):
    table = loaded(
        tmp_path / "prices.yaml",
        "models:\n  my-model: {input: 0.5, output: 1.5}\n  gpt-4o: {input: 1}\n",
    )
    assert table.price("my-model", "http://localhost:8000/v1") == Price(0.5, 1.5)
    assert table.price("my-model-2026-01-01", None) == Price(0.5, 1.5)
    assert table.price("gpt-4o-2024-08-06", OPENAI) == Price(1)
    assert table.price("gpt-4o-mini", OPENAI) is not None
    assert table.price("gpt-4o-mini", OPENAI) != Price(1)


def test_ones_own_file_can_name_hosts(tmp_path):
    table = loaded(
        tmp_path / "prices.yaml",
        "vendors:\n  Mine:\n    hosts: [LLM.example.org]\n    models:\n      m: {input: 3}\n",
    )
    assert table.price("m", "https://llm.example.org/v1") == Price(3)
    assert table.price("m", "https://other.example.org/v1") is None


def test_the_usual_file_is_read_where_none_is_named(tmp_path):
    folder = tmp_path / "dataflow"
    folder.mkdir()
    (folder / "prices.yaml").write_text("models: {m: {input: 7}}", "utf-8")
    table = PriceTable.load({"XDG_CONFIG_HOME": str(tmp_path), "DATAFLOW_PRICES": ""})
    assert table.price("m", None) == Price(7)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {m: {inptu: 1}}", "m: 'inptu' is unknown. Did you mean 'input'?"),
        ("models: {m: {output: 1}}", "m: `input` is missing"),
        ("models: {m: {input: -1}}", "m: input is -1"),
        ("models: {m: {input: cheap}}", "m: input is 'cheap'"),
        ("models: {m: 3}", "m: 3 stands where"),
        ("models: {m: {input: 1, long: {input: 2}}}", "above: None"),
        ("models: {m: {input: 1, later: {input: 2}}}", "from: None"),
        ("models: {m: {input: 1, later: {from: 2027-01-01 10:00:00, input: 2}}}", "no day"),
        ("vendors: {V: {models: {m: {input: 1}}}}", "V: it has no list of hosts"),
        ("prices: {}", "'prices' is unknown"),
        ("- 1", "it has no prices"),
        ("models: {", "is no YAML"),
        ("", "it has no prices"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, text, told):
    path = tmp_path / "own.yaml"
    with pytest.raises(ConfigurationError) as caught:
        loaded(path, text)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_a_named_file_that_is_missing_or_unreadable_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no\.yaml: No such file"):
        PriceTable.load({"DATAFLOW_PRICES": str(tmp_path / "no.yaml")})
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="no UTF-8 text"):
        PriceTable.load({"DATAFLOW_PRICES": str(tmp_path / "bytes.yaml")})


def test_hosts_are_read_off_addresses():
    assert host_of("https://user:secret@API.example.org:8443/v1?x=1") == "api.example.org"
    assert host_of("no address") is None
    assert host_of(None) is None
