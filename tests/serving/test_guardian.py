"""The guardian: what an engine has started ends with the program, even if that is killed."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from dataflow_core.serving.backends.guardian import Guardian, descendants

from .processes import is_alive, wait_until_gone

REPOSITORY = Path(__file__).parents[2]
PROGRAM = textwrap.dedent("""
    import os, subprocess, sys, time
    from dataflow_core.serving.backends.guardian import Guardian, descendants

    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    started = [subprocess.Popen(sleep, start_new_session=True) for _ in range(2)]
    guarded, other = (one.pid for one in started)
    assert descendants(os.getpid()) == {guarded, other}
    guardian = Guardian({guarded})
    print(guarded, other, guardian._process.pid, flush=True)
    time.sleep(60)
""")


def test_a_program_that_is_killed_takes_what_is_guarded_with_it_and_nothing_else():
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    with program:
        guarded, other, guardian = map(int, program.stdout.readline().split())
        program.send_signal(signal.SIGKILL)
    wait_until_gone(guarded, guardian)
    assert is_alive(other)
    os.kill(other, signal.SIGKILL)


def test_a_guardian_that_is_dismissed_ends_nothing():
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with sleeper:
        assert sleeper.pid in descendants(os.getpid())
        guardian = Guardian({sleeper.pid})
        guardian.dismiss()
        assert sleeper.poll() is None
        sleeper.kill()
