"""The order in which the stages of a plan are done: what waits for nothing, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from dataflow_core.engine.work import Work
from dataflow_core.errors import RunStopped


def do_in_order(
    stages: Sequence[Work], do: Callable[[Work], None], halted: threading.Event, most: int
) -> None:
    """Do stages, each after those that it waits for.

    One that has nothing beside it is done in this thread, others in threads of their own.

    Args:
        stages: The stages, in an order in which each could follow the one before.
        do: Does one.
        halted: Is set once one has failed, so that those beside it stop.
        most: How many are done at a time.

    Raises:
        DataflowError: What the first stage to fail raised.
        RunStopped: Somebody asked to stop.
    """
    left = list(stages)
    running: dict[Future[None], Work] = {}
    failed: list[BaseException] = []
    with ThreadPoolExecutor(most, "dataflow-stage") as threads:
        try:
            while (left or running) and not (failed and not running):
                ready = [] if failed else _ready(left, [*left, *running.values()])
                if not running and (len(ready) == 1 or most == 1):
                    left.remove(ready[0])
                    do(ready[0])
                    continue
                for work in ready[: most - len(running)]:
                    left.remove(work)
                    running[threads.submit(do, work)] = work
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[done]
                    if (error := done.exception()) is not None:
                        halted.set()
                        failed.append(error)
        except BaseException:
            halted.set()
            raise
    if failed:
        # Those beside the one that failed have only stopped.
        raise next((error for error in failed if not isinstance(error, RunStopped)), failed[0])


def _ready(left: Sequence[Work], undone: Sequence[Work]) -> list[Work]:
    """Return the stages that wait for none that is not done."""
    names = {work.name for work in undone}
    return [work for work in left if not names & (work.reads - {work.name})]
