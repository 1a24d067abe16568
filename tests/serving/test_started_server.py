"""Servers that a serving starts: real processes, which die, hang, and outlive nobody."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dataflow_core.errors import ConfigurationError, ServingError
from dataflow_core.serving import (
    SGLangServerServing,
    VLLMServerServing,
    serving_from_spec,
)
from dataflow_core.serving.backend import ReplyError
from dataflow_core.serving.backends.engine_serving import as_flags
from dataflow_core.serving.backends.server_process import ServerProcess, free_port
from dataflow_core.serving.backends.started_server import StartedServerBackend

from .processes import is_alive, wait_until_gone

REPOSITORY = Path(__file__).parents[2]
SERVER = '''
"""An OpenAI-compatible server that tells of itself: its process, its child's, and its key."""
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

mode, port = sys.argv[1], int(sys.argv[2])
key = os.environ["VLLM_API_KEY"]
print("loading weights", flush=True)
if mode == "dies":
    print("the key is", key, flush=True)
    sys.exit("CUDA out of memory: 3.5 GiB wanted")
if mode == "hangs":
    time.sleep(60)
if mode == "stubborn":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
started = time.monotonic()
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200 if time.monotonic() - started > 0.1 else 503, {})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {key}":
            return self.answer(401, {"error": {"message": "wrong key"}})
        if asked["messages"][-1]["content"] == "die":
            os._exit(3)
        told = f"{os.getpid()} {helper.pid} {port} {asked['model']}"
        choice = {"message": {"content": told}, "finish_reason": "stop", "index": 0}
        self.answer(200, {"choices": [choice], "usage": {"prompt_tokens": 3}})
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
'''


@pytest.fixture
def started(tmp_path):
    """Return a function that makes servings whose server behaves in one of its modes."""
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    with contextlib.ExitStack() as servings:

        def make(mode="answers", **options):
            command = (sys.executable, str(program), mode, "{port}")
            told = {"command": command, "log_file": tmp_path / "server.log", **options}
            return servings.enter_context(VLLMServerServing(model="m", **told))

        yield make


def told(serving, prompt="hello"):
    """Return the ids of the server and of its child, its port, and the model, as it tells them."""
    (answer,) = serving.generate_from_input([prompt])
    assert answer.ok, answer.error
    server, helper, port, model = answer.text.split()
    return int(server), int(helper), int(port), model


def test_the_server_starts_with_the_first_call_and_ends_with_its_children_on_close(started):
    serving = started()
    assert not serving.is_open
    server, helper, _, model = told(serving)
    assert model == "m"
    assert told(serving)[0] == server, "it is started once"
    assert is_alive(server)
    assert is_alive(helper)
    serving.close()
    assert not is_alive(server)
    assert not is_alive(helper)


def test_a_closed_serving_starts_anew(started):
    serving = started()
    first = told(serving)[0]
    serving.close()
    assert told(serving, "again")[0] != first


def test_the_key_is_made_for_it_and_on_no_command_line(started):
    serving = started()
    server, *_ = told(serving)
    key = Path(f"/proc/{server}/environ").read_bytes().partition(b"VLLM_API_KEY=")[2]
    key = key.partition(b"\0")[0]
    assert len(key) >= 24
    commands = b"".join(
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    )
    assert key not in commands
    assert key.decode() not in repr(serving) + serving.spec + repr(serving.asking().dispatcher)


def test_a_server_that_dies_at_its_start_is_told_with_its_last_words(started, tmp_path):
    serving = started("dies")
    began = time.monotonic()
    with pytest.raises(ServingError) as caught:
        serving.generate_from_input(["hello"])
    message = str(caught.value)
    assert "exit code 1" in message
    assert "CUDA out of memory" in message
    assert str(tmp_path / "server.log") in message
    assert "the key is ***" in message, "a key is nothing to quote"
    assert time.monotonic() - began < 5


def test_secrets_of_its_command_and_arguments_are_not_quoted(tmp_path):
    told = "import sys; sys.exit(' '.join(sys.argv[1:]) + ' in-the-engine')"
    serving = VLLMServerServing(
        model="m",
        command=(sys.executable, "-c", told, "--api-key", "in-a-flag", "HF_TOKEN=in-a-variable"),
        engine_args={"hf_token": "in-the-engine"},
        log_file=tmp_path / "server.log",
    )
    with serving, pytest.raises(ServingError) as caught:
        serving.generate_from_input(["hello"])
    assert "--api-key *** HF_TOKEN=*** ***" in str(caught.value)


def test_a_server_that_never_gets_healthy_is_given_up_in_time_and_ended(started, tmp_path):
    serving = started("hangs", start_seconds=0.6)
    with pytest.raises(ServingError, match=r"not healthy within 0\.6 s(.|\n)*loading weights"):
        serving.generate_from_input(["hello"])
    command = str(tmp_path / "server.py").encode()
    assert not [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists() and command in path.read_bytes()
    ]


def test_a_program_that_is_not_there_is_named(started):
    serving = started(command=("/nowhere/python", "{port}"))
    with pytest.raises(ServingError, match="cannot start /nowhere/python: No such file"):
        serving.generate_from_input(["hello"])


def test_a_server_that_is_killed_is_started_again_and_requests_go_on(started):
    serving = started()
    first, helper, *_ = told(serving)
    os.kill(first, signal.SIGKILL)
    answers = serving.generate_from_input([f"question {n}" for n in range(20)])
    assert all(answer.ok for answer in answers), answers[0].error
    assert {int(answer.text.split()[0]) for answer in answers} != {first}
    wait_until_gone(first, helper)


def test_a_server_that_keeps_dying_ends_the_call_with_its_last_words(started):
    serving = started(restarts=1, transport_retries=50)
    with pytest.raises(ServingError, match=r"does not stay up \(restarts=1\): .* exit code 3"):
        serving.generate_from_input(["die"])


def test_a_server_that_heeds_no_signal_is_killed(started, monkeypatch):
    monkeypatch.setattr("dataflow_core.serving.backends.server_process.GRACE_SECONDS", 0.3)
    serving = started("stubborn")
    server, helper, *_ = told(serving)
    serving.close()
    assert not is_alive(server)
    assert not is_alive(helper)


def test_a_program_that_is_killed_leaves_no_server(tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    program = textwrap.dedent(f"""
        import sys, time
        from dataflow_core.serving import VLLMServerServing
        command = (sys.executable, {str(tmp_path / "server.py")!r}, "answers", "{{port}}")
        serving = VLLMServerServing(model="m", command=command)
        print(serving.generate_from_input(["hello"])[0].text, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    with parent:
        server, helper, *_ = map(int, parent.stdout.readline().split()[:2])
        assert is_alive(server)
        parent.kill()
    wait_until_gone(server, helper)


def test_a_supervisor_that_is_killed_takes_the_server_with_it(started):
    serving = started(restarts=0)
    server, *_ = told(serving)
    stat = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    os.kill(int(stat[1]), signal.SIGKILL)
    wait_until_gone(server)


def test_a_temporary_log_is_there_while_the_server_is_and_for_its_owner_only(started):
    serving = started(log_file=None)
    told(serving)
    log = serving.log_path
    assert "loading weights" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    serving.close()
    assert not log.exists()


def test_the_log_of_a_server_that_failed_is_kept(started):
    serving = started("dies", log_file=None)
    with pytest.raises(ServingError):
        serving.generate_from_input(["hello"])
    serving.close()
    assert "CUDA" in serving.log_path.read_text()
    serving.log_path.unlink()


def test_a_start_that_is_cancelled_leaves_no_server(tmp_path):
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    command = [sys.executable, str(program), "hangs", "0"]
    log = tmp_path / "log"

    async def start_and_think_better():
        process = ServerProcess(command, free_port(), {"VLLM_API_KEY": "k"}, log, {"k"})
        starting = asyncio.create_task(process.start(60))
        while not log.exists() or "loading" not in log.read_text():
            await asyncio.sleep(0.02)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return process.is_running

    assert not asyncio.run(start_and_think_better())


def test_a_proxy_is_not_asked_for_a_server_of_this_machine(started, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert told(started())[3] == "m"


def test_engine_arguments_become_flags():
    args = {"tensor_parallel_size": 2, "enable_prefix_caching": False, "trust_remote_code": True}
    args |= {"lora_modules": ["a=b", "c=d"], "hf_overrides": {"a": 1}, "seed": None}
    assert " ".join(as_flags(args, negative=True)) == (
        "--tensor-parallel-size 2 --no-enable-prefix-caching --trust-remote-code "
        '--lora-modules a=b c=d --hf-overrides {"a":1}'
    )
    assert "--no-enable-prefix-caching" not in as_flags(args, negative=False)


def test_servers_are_launched_as_their_engines_want_it():
    vllm = VLLMServerServing(model="org/m", python="py", engine_args={"dtype": "bfloat16"})
    assert vllm.command_line(81) == [
        *("py", "-m", "vllm.entrypoints.openai.api_server", "--model", "org/m"),
        *("--host", "127.0.0.1", "--port", "81", "--dtype", "bfloat16"),
    ]
    sglang = SGLangServerServing(model="org/m", python="py", engine_args={"tp_size": 2})
    line = sglang.command_line(81)
    assert line[:2] == ["py", "-c"]
    assert line[3:] == [
        *("--model-path", "org/m", "--host", "127.0.0.1", "--port", "81", "--tp-size", "2")
    ]


def test_sglang_gets_its_key_within_the_process(tmp_path):
    package = tmp_path / "sglang"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "launch_server.py").write_text(
        "import os, sys\n"
        "if __name__ == '__main__':\n"
        "    command = open('/proc/self/cmdline').read()\n"
        "    print(sys.argv[1:], sys.argv[-1] in command, 'DATAFLOW_SERVER_KEY' in os.environ)\n"
    )
    line = SGLangServerServing(model="m").launch(81)
    made = {**os.environ, "PYTHONPATH": str(tmp_path), "DATAFLOW_SERVER_KEY": "k3y"}
    shown = subprocess.run(line, env=made, capture_output=True, text=True, check=True).stdout
    expected = ["--model-path", "m", "--host", "127.0.0.1", "--port", "81", "--api-key", "k3y"]
    assert shown.strip() == f"{expected} False False"


def test_what_changes_answers_is_its_identity_and_the_port_is_not():
    args = {"tensor_parallel_size": 4, "gpu_memory_utilization": 0.9, "quantization": "fp8"}
    serving = VLLMServerServing(model="m", engine_args=args)
    assert serving.identity() == {"model": "m", "engine_args": {"quantization": "fp8"}}
    plain = VLLMServerServing(model="m", python="/other/python")
    assert plain.identity() == {"model": "m"}


def test_a_specification_makes_it_again():
    serving = VLLMServerServing(model="org/m", engine_args={"dtype": "bfloat16"}, restarts=5)
    assert serving_from_spec(serving.spec) == serving
    with pytest.raises(ConfigurationError, match="restarts"):
        serving_from_spec("vllm-server:m#restarts=-1")


def test_the_fault_server_can_be_started_as_any_other(tmp_path):
    command = (sys.executable, "-m", "dataflow_core.testing.server", "--port", "{port}")
    with SGLangServerServing(model="m", command=(*command, "--models", "{model}")) as serving:
        answers = serving.generate_from_input([f"question {n}" for n in range(50)])
        assert all(answer.ok for answer in answers)
        (vector,) = serving.embed(["a"])
        assert vector.ok


def test_what_is_started_instead_tells_servings_apart():
    plain = VLLMServerServing(model="m")
    one = VLLMServerServing(model="m", command=("serve", "{model}", "--quantization", "awq"))
    other = VLLMServerServing(model="m", command=("serve", "{model}"))
    elsewhere = VLLMServerServing(model="m", python="/opt/vllm/bin/python")
    assert plain.identity() == elsewhere.identity()
    assert one.identity() != other.identity() != plain.identity()


def test_that_a_server_cannot_be_watched_any_more_is_told(tmp_path):
    backend = StartedServerBackend(VLLMServerServing(model="m"), tmp_path / "log")

    async def ended():
        raise OSError("no space left on device")

    backend._ended = ended
    asyncio.run(backend._watch())
    with pytest.raises(ReplyError, match="no space left on device") as caught:
        backend._server()
    assert caught.value.kind == "fatal"


@pytest.mark.parametrize("spec", ["vllm-server:m", "sglang-server:m"])
def test_an_engine_that_is_not_here_is_told_before_anything_is_started(spec, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in ("vllm", "sglang") else found(name, *more),
    )
    serving = serving_from_spec(spec)
    with serving, pytest.raises(ConfigurationError, match=r"pip install 'dataflow-llm-core\["):
        serving.generate_from_input(["Hi."])
    assert list(tmp_path.iterdir()) == []
