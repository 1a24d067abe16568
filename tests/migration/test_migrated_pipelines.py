"""Scripts in the former style are migrated, and then run for real, with nothing else changed."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow_core.cli.main import main
from dataflow_core.testing import FaultServer, ScriptedServing

FILTERS = '''
"""Keep the pages that are worth reading."""
from dataflow.operators.general_text import (
    RemoveExtraSpacesRefiner,
    WordNumberFilter,   # by the number of words
    ColonEndFilter,
    HtmlEntityFilter,
    WatermarkFilter,
    MinHashDeduplicateFilter,
    MetaSampleEvaluator,
)
from dataflow.utils.storage import FileStorage


class Pages:
    def __init__(self):
        self.storage = FileStorage(
            first_entry_file_name="pages.jsonl",
            cache_path="./cache",
            file_name_prefix="pages",
            cache_type="jsonl",
        )
        self.spaces = RemoveExtraSpacesRefiner()
        self.words = WordNumberFilter(min_words=4, max_words=1000)
        self.colon = ColonEndFilter()
        self.entities = HtmlEntityFilter()
        self.marks = WatermarkFilter(watermarks=["draft"])
        self.twins = MinHashDeduplicateFilter(num_perm=128, threshold=0.9, use_n_gram=True, ngram=5)

    def forward(self):
        self.spaces.run(storage=self.storage.step(), input_key="raw_content")
        self.words.run(
            storage=self.storage.step(),
            input_key="raw_content",  # the text
        )
        self.colon.run(self.storage.step(), "raw_content")
        self.entities.run(storage=self.storage.step(), input_key="raw_content")
        self.marks.run(storage=self.storage.step(), input_key="raw_content")
        self.twins.run(storage=self.storage.step(), input_key="raw_content")


if __name__ == "__main__":
    pages = Pages()
    pages.forward()
'''

REFINERS = """
import dataflow.operators.general_text as texts
from dataflow.pipeline import PipelineABC
from dataflow.utils.storage import FileStorage


class Tidy(PipelineABC):
    def __init__(self):
        super().__init__()
        self.storage = FileStorage("notes.jsonl", "./tidy", "notes", "json")
        self.emoji = texts.RemoveEmojiRefiner()
        self.lower = texts.LowercaseRefiner()
        self.numbers = texts.RemoveNumberRefiner()

    def forward(self):
        self.emoji.run(self.storage.step(), input_key="note")
        self.lower.run(self.storage.step(), input_key="note")
        self.numbers.run(self.storage.step(), input_key="note")


tidy = Tidy()
tidy.compile()
tidy.forward()
"""

GENERATOR = """
from dataflow.core import LLMServingABC
from dataflow.operators.core_text import PromptedGenerator, PromptedFilter, PromptedRefiner
from dataflow.utils.storage import FileStorage


class Titles:
    def __init__(self, llm_serving: LLMServingABC = None):
        self.storage = FileStorage(first_entry_file_name="stories.jsonl")
        self.titles = PromptedGenerator(
            llm_serving=llm_serving,
            system_prompt="Write a title.",
        )
        self.better = PromptedRefiner(llm_serving, "Make it shorter.")
        self.good = PromptedFilter(llm_serving, system_prompt="Is it short?", min_score=3)

    def forward(self):
        self.titles.run(self.storage.step(), output_key="title")
        self.better.run(storage=self.storage.step(), input_key="title")
        self.good.run(storage=self.storage.step(), input_key="title", output_key="score")
"""

OVER_HTTP = """
from dataflow.operators.core_text import PromptedGenerator
from dataflow.serving import APILLMServing_request
from dataflow.utils.storage import FileStorage

storage = FileStorage(first_entry_file_name="stories.jsonl", cache_path="out", cache_type="csv")
llm = APILLMServing_request(
    api_url="URL/chat/completions",
    model_name="small",
    max_workers=4,
    max_retries=2,
)
titles = PromptedGenerator(llm_serving=llm, system_prompt="Write a title.")
titles.run(storage=storage.step(), input_key="raw_content", output_key="title")
"""

MATHEMATICS = """
from dataflow.operators.reasoning import ReasoningAnswerGenerator, ReasoningAnswerGroundTruthFilter
from dataflow.prompts.reasoning.math import MathAnswerGeneratorPrompt
from dataflow.utils.storage import FileStorage


def solve(llm):
    storage = FileStorage(first_entry_file_name="problems.jsonl", file_name_prefix="solved")
    solver = ReasoningAnswerGenerator(llm_serving=llm, prompt_template=MathAnswerGeneratorPrompt())
    judge = ReasoningAnswerGroundTruthFilter(compare_method="math_verify")
    solver.run(storage.step())
    judge.run(storage.step(), "generated_cot", "golden_answer")
"""


def rows_of(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


@pytest.fixture
def migrate(tmp_path, monkeypatch):
    """Write a script and a source, migrate the script in place, and return the script's path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(script: str, source: str, rows: list[dict], code: int = 0) -> Path:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        Path(source).write_text("\n".join(lines) + "\n", "utf-8")
        path = tmp_path / "script.py"
        path.write_text(script.lstrip("\n"), "utf-8")
        assert main(["migrate", "--write", str(path)]) == code
        return path

    return written


def test_a_pipeline_of_filters_runs_after_migration(migrate):
    rows = [
        {"id": "1", "raw_content": "Rain   fell on\nthe hills all day."},
        {"id": "2", "raw_content": "Too short."},
        {"id": "3", "raw_content": "These are the things that follow:"},
        {"id": "4", "raw_content": "Salt &amp; pepper are on the table."},
        {"id": "5", "raw_content": "This is a draft of the letter."},
        {"id": "6", "raw_content": "Rain fell on the hills all day."},
        {"id": "007", "raw_content": "Snow covered the roofs of the old town."},
    ]
    script = migrate(FILTERS, "pages.jsonl", rows)
    assert "# by the number of words" in script.read_text()
    subprocess.run([sys.executable, script.name], check=True)
    kept = rows_of("cache/pages_step6.jsonl")
    assert [row["id"] for row in kept] == ["1", "007"]
    assert kept[0]["raw_content"] == "Rain fell on the hills all day."
    assert kept[0]["word_number_filter_label"] == 7


def test_a_pipeline_of_refiners_that_is_compiled_runs_after_migration(migrate):
    script = migrate(REFINERS, "notes.jsonl", [{"note": "Buy 3 APPLES 🍎"}, {"note": None}])
    runpy.run_path(str(script), run_name="__main__")
    rows = json.loads(Path("tidy/notes_step3.json").read_text("utf-8"))
    assert [row["note"] for row in rows] == ["buy  apples ", None]


def test_a_pipeline_that_asks_a_model_runs_after_migration(migrate):
    rows = [{"raw_content": "a dog ran"}, {"raw_content": "a cat sat"}]
    script = migrate(GENERATOR, "stories.jsonl", rows, code=2)
    asked = []

    def answer(text):
        asked.append(text)
        if len(asked) <= 2:
            return f"About: {text.splitlines()[1]}"
        if len(asked) <= 4:
            return text.splitlines()[1].removeprefix("About: ")
        return "Score: 5" if "dog" in text else "Score: 2"

    names = runpy.run_path(str(script))
    titles = names["Titles"](ScriptedServing(answer))
    titles.forward()
    # What was left for a person is told: where the result is to be written.
    titles.storage.save("result.jsonl")
    result = {"raw_content": "a dog ran", "title": "a dog ran", "score": 5}
    assert rows_of("result.jsonl") == [result]


def test_a_script_that_asks_over_http_runs_after_migration(migrate, monkeypatch):
    with FaultServer() as server:
        rows = [{"raw_content": f"story {n}"} for n in range(5)]
        script = migrate(OVER_HTTP.replace("URL", server.url), "stories.jsonl", rows)
        monkeypatch.setenv("DF_API_KEY", "sk-of-former-days")
        runpy.run_path(str(script), run_name="__main__")
        (request, *_) = server.requests
    assert server.stats().requests == 5
    assert request.body["temperature"] == 0.0
    assert request.body["messages"][0]["content"].startswith("Write a title.")
    lines = Path("out/dataflow_cache_step_step1.csv").read_text("utf-8").splitlines()
    assert lines[0] == '"raw_content","title"'
    assert len(lines) == 6


def test_a_pipeline_of_mathematics_runs_after_migration(migrate):
    rows = [
        {"instruction": "What is 2 + 2?", "golden_answer": "4"},
        {"instruction": "What is 1/2 + 1/4?", "golden_answer": "0.75"},
        {"instruction": "What is 3 * 3?", "golden_answer": "6"},
    ]
    script = migrate(MATHEMATICS, "problems.jsonl", rows)
    assert "MathAnswerGeneratorPrompt" not in script.read_text()
    solutions = {"2 + 2": r"\boxed{4}", "1/2": r"\boxed{\frac{3}{4}}", "3 * 3": r"\boxed{9}"}

    def answer(text):
        return next(solution for part, solution in solutions.items() if part in text)

    runpy.run_path(str(script))["solve"](ScriptedServing(answer))
    kept = rows_of("cache/solved_step2.jsonl")
    assert [row["generated_cot"] for row in kept] == [r"\boxed{4}", r"\boxed{\frac{3}{4}}"]


def test_what_is_told_to_be_done_by_hand_is_all_there_is_to_do(migrate, capsys):
    script = migrate(
        """
        from dataflow.operators.core_text import GeneralFilter
        from dataflow.operators.general_text import LowercaseRefiner
        from dataflow.utils.storage import FileStorage

        storage = FileStorage("stars.jsonl", cache_path="kept")
        lower = LowercaseRefiner()
        good = GeneralFilter(filter_rules=[lambda df: df["stars"] > 3])
        lower.run(storage=storage.step(), input_key="text")
        good.run(storage=storage.step())
        """.replace("\n        ", "\n"),
        "stars.jsonl",
        [{"text": "Good", "stars": 5}, {"text": "Bad", "stars": 1}],
        code=2,
    )
    assert 'filter_rules -> where: Write the rules as one expression, such as "score >= 3".' in (
        capsys.readouterr().out
    )
    text = script.read_text()
    text = text.replace(
        "from dataflow.operators.core_text import GeneralFilter",
        "from dataflow_core.operators.general import FilterRows",
    )
    text = text.replace(
        'GeneralFilter(filter_rules=[lambda df: df["stars"] > 3])', 'FilterRows(where="stars > 3")'
    )
    script.write_text(text)
    assert main(["migrate", str(script)]) == 0
    runpy.run_path(str(script), run_name="__main__")
    assert rows_of("kept/dataflow_cache_step_step2.jsonl") == [{"text": "good", "stars": 5}]


def test_an_unfinished_script_fails_at_its_import_and_not_with_other_results(migrate):
    script = migrate(
        "from dataflow.operators.text_pt import FineWebEduFilter\nFineWebEduFilter()\n",
        "none.jsonl",
        [],
        code=2,
    )
    done = subprocess.run(
        [sys.executable, script.name], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "No module named 'dataflow'" in done.stderr
