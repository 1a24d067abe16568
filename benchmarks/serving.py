"""Servings against one server, beside a loop: `serving.py [--rounds N] [--server FILE] [PART …]`.

Every figure of a case is measured in a process of its own, in turns, against one server that runs
beside it: the project's own (`dataflow_core.testing.server`), or with ``--server`` a script that
takes ``--port``, ``--latency``, ``--p429`` and ``--p500``. Parts:

``dispatch``  2,000 prompts, 50 ms, 64 at a time; 6,000 with 256; 2,000 with 5 % of them failing
``memory``    20,000 prompts
``stage``     a pipeline with an LLM step between steps that compute, beside the loop alone

The loops: ``aiohttp``, the usual one (a session, a task for each place); ``call``, one call of
`OpenAIServing.generate_from_input` without a store; ``store``, with one; ``run``, a pipeline with
store, ledger and run directory.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

HERE = pathlib.Path(__file__).resolve()
PROMPT = "Question {}: how many of these words are needed to say what is meant? " + "word " * 80


def main() -> None:
    """Measure the parts that are named, or all."""
    asked = argparse.ArgumentParser()
    asked.add_argument("parts", nargs="*", default=["dispatch", "memory", "stage"])
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--server")
    asked.add_argument("--child", help=argparse.SUPPRESS)
    told = asked.parse_args()
    if told.child:
        child(json.loads(told.child))
        return
    cases = {
        "dispatch": [
            ("2,000 prompts, 50 ms, 64 at a time (ideal 1,280/s)", 2000, 64, 0.0),
            ("6,000 prompts, 50 ms, 256 at a time (ideal 5,120/s)", 6000, 256, 0.0),
            ("2,000 prompts, 50 ms, 64 at a time, 5 % fail", 2000, 64, 0.05),
        ],
        "memory": [("20,000 prompts, 50 ms, 256 at a time", 20_000, 256, 0.0)],
        "stage": [("4,000 rows, 50 ms, 64 at a time, computing steps around", 4000, 64, 0.0)],
    }
    for part in told.parts:
        for title, prompts, places, failing in cases[part]:
            ways = ("loop", "stage") if part == "stage" else ("aiohttp", "call", "store", "run")
            print(f"\n{title}")
            with serving_at(told.server, failing) as url:
                compare(ways, prompts, places, url, told.rounds)


def compare(ways: tuple[str, ...], prompts: int, places: int, url: str, rounds: int) -> None:
    """Measure each way in turns, and print medians with their spread."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            told = {"way": way, "prompts": prompts, "places": places, "url": url}
            done = subprocess.run(
                [sys.executable, str(HERE), "--child", json.dumps(told)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
    for way, runs in found.items():
        rate = [one["rate"] for one in runs]
        print(
            f"  {way:8} {statistics.median(rate):7,.0f} req/s ({min(rate):,.0f}-{max(rate):,.0f})"
            f"   {statistics.median(one['cpu'] for one in runs):.3f} ms CPU a request"
            f"   {statistics.median(one['memory'] for one in runs):,.0f} MB"
            f"   {int(runs[-1]['wrong'])} wrong"
        )


@contextmanager
def serving_at(script: str | None, failing: float) -> Iterator[str]:
    """Yield the address of a server."""
    half = str(failing / 2)
    if script is None:
        command = [
            sys.executable, "-m", "dataflow_core.testing.server", "--latency", "0.05",
            "--rate-limit-share", half, "--server-error-share", half, "--retry-after", "1",
            "--answer-tokens", "60", "--port",
        ]  # fmt: skip
    else:
        command = [sys.executable, script, "--latency", "0.05", "--p429", half, "--p500", half]
        command.append("--port")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/models", timeout=1).read()
                break
            except OSError:
                time.sleep(0.05)
        try:
            yield url
        finally:
            process.terminate()


def child(told: dict[str, str]) -> None:
    """Measure one way, in this process."""
    ways = {"aiohttp": with_aiohttp, "call": with_call, "store": with_store, "run": with_run,
            "loop": with_loop, "stage": with_stage}  # fmt: skip
    prompts = [PROMPT.format(number) for number in range(int(told["prompts"]))]
    seconds, cpu, wrong = ways[told["way"]](prompts, int(told["places"]), told["url"])
    print(
        json.dumps({
            "rate": len(prompts) / seconds,
            "cpu": cpu / len(prompts) * 1000,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "wrong": wrong,
        })
    )  # fmt: skip


Measured = tuple[float, float, int]


def with_aiohttp(prompts: list[str], places: int, url: str) -> Measured:
    """Ask with the usual loop: retries after 429 and 5xx, as one writes them by hand."""
    import asyncio

    import aiohttp
    import orjson

    answers: list[str] = [""] * len(prompts)

    async def one(session, place: int) -> None:
        body = {
            "model": "mock", "temperature": 0.0,
            "messages": [{"role": "user", "content": prompts[place]}],
        }  # fmt: skip
        wait = 0.5
        while True:
            posting = session.post(
                f"{url}/chat/completions",
                data=orjson.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            async with posting as answer:
                content = await answer.read()
                if answer.status == 200:
                    answers[place] = orjson.loads(content)["choices"][0]["message"]["content"]
                    return
                wait = float(answer.headers.get("Retry-After", wait))
            await asyncio.sleep(wait)

    async def all_of_them() -> None:
        todo = iter(range(len(prompts)))
        connector = aiohttp.TCPConnector(limit=places)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def place() -> None:
                for number in todo:
                    await one(session, number)

            await asyncio.gather(*(place() for _ in range(places)))

    def run() -> None:
        try:
            import uvloop

            uvloop.run(all_of_them())
        except ImportError:
            asyncio.run(all_of_them())

    seconds, cpu = timed(run)
    return seconds, cpu, wrong_of(prompts, answers)


def with_call(prompts: list[str], places: int, url: str, **options: object) -> Measured:
    """Ask with one call of a serving."""
    from dataflow_core.serving import OpenAIServing

    serving = OpenAIServing(model="mock", base_url=url, max_concurrency=places, **options)
    answers: list[object] = []
    seconds, cpu = timed(lambda: answers.extend(serving.generate_from_input(prompts)))
    serving.close()
    return seconds, cpu, wrong_of(prompts, (answer.text or "" for answer in answers))


def with_store(prompts: list[str], places: int, url: str) -> Measured:
    """Ask with one call of a serving that keeps its answers."""
    with tempfile.TemporaryDirectory() as folder:
        return with_call(prompts, places, url, cache=f"{folder}/requests.sqlite")


def _pipeline(prompts: list[str], places: int, url: str, *, computing: bool):
    from dataflow_core import Evaluator, Generator, MemoryStorage, Pipeline
    from dataflow_core.serving import OpenAIServing, Serving

    class Ask(Generator):
        serving: Serving

        def run(self, storage, input_text="text", output_answer="answer"):
            table = storage.read()
            answers = self.serving.generate_from_input(table[input_text].tolist())
            table[output_answer] = [answer.cell() for answer in answers]
            storage.write(table)

    class Count(Evaluator):
        def run(self, storage, input_text="text", output_count="count"):
            table = storage.read()
            table[output_count] = [len(set(text.split())) for text in table[input_text]]
            storage.write(table)

    class Asking(Pipeline):
        def __init__(self, storage):
            super().__init__(storage)
            self.ask = Ask(
                serving=OpenAIServing(model="mock", base_url=url, max_concurrency=places)
            )
            self.before = [Count() for _ in range(3)]
            self.behind = [Count() for _ in range(3)]

        def forward(self):
            for number, step in enumerate(self.before if computing else ()):
                step.run(self.storage, output_count=f"before_{number}")
            self.ask.run(self.storage)
            for number, step in enumerate(self.behind if computing else ()):
                step.run(self.storage, input_text="answer", output_count=f"behind_{number}")

    return Asking(MemoryStorage([{"text": prompt} for prompt in prompts]))


def with_run(prompts: list[str], places: int, url: str, *, computing: bool = False) -> Measured:
    """Ask with a run."""
    import pandas as pd

    pipeline = _pipeline(prompts, places, url, computing=computing)
    with tempfile.TemporaryDirectory() as folder:
        # What is imported once, whatever the number of rows, is none of a request's.
        _pipeline(["warm-up"], 1, url, computing=computing).run(run_dir=f"{folder}/warm-up")
        if computing:
            busy(url)
        output = f"{folder}/out.parquet"
        seconds, cpu = timed(lambda: pipeline.run(output, run_dir=f"{folder}/run"))
        answers = pd.read_parquet(output)["answer"]
    return seconds, cpu, wrong_of(prompts, answers)


def with_stage(prompts: list[str], places: int, url: str) -> Measured:
    """Ask with a run whose stage computes too; only as long as the server is asked counts."""
    seconds, cpu, wrong = with_run(prompts, places, url, computing=True)
    return busy(url) or seconds, cpu, wrong


def with_loop(prompts: list[str], places: int, url: str) -> Measured:
    """Ask with the usual loop; only as long as the server is asked counts."""
    seconds, cpu, wrong = with_aiohttp(prompts, places, url)
    return busy(url) or seconds, cpu, wrong


def wrong_of(prompts: list[str], answers: Iterable[str]) -> int:
    """Return how many answers are none to their prompts: the server's tell what they are of."""
    pairs = zip(prompts, answers, strict=True)
    return sum(str(zlib.crc32(prompt.encode())) not in answer[:30] for prompt, answer in pairs)


def busy(url: str) -> float | None:
    """Return how long the server was asked, from the first request to the last answer."""
    base = url.removesuffix("/v1")
    told = json.loads(urllib.request.urlopen(f"{base}/stats", timeout=5).read())
    urllib.request.urlopen(urllib.request.Request(f"{base}/reset", method="POST"), timeout=5).read()
    return told.get("busy_seconds")


def timed(work) -> tuple[float, float]:
    """Return the seconds that work takes, by the clock and of CPU."""
    cpu, begun = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    main()
