"""What the calls of a step are in a report: one rule, however often a run was stopped or killed.

A *run* is all that was done in one run directory, in however many sittings: after a crash, Ctrl-C,
a spent budget, a retry of failed rows, or with ``--fresh``. Of each step, and so of the run:

- ``asked`` are the answers that the rows needed: one for each question of each row, however often
  it had to be asked. Rows that are done again need them anew, and no more as before.
- ``failed`` are those of them that did not come, or were of no use.
- ``answered`` are those of them that came from a model in this run, in whichever sitting.
- ``reused`` are the rest: they came out of the store of another run, or another row of this one had
  asked the same. So ``asked`` is ``answered``, ``reused`` and ``failed`` together.
- ``requests``, retries, corrections, tokens and cost are what was sent and paid in all sittings,
  also for answers that were of no use, that were asked for again, or whose rows are no more.
- ``saved`` tokens and cost are what answers out of stores of other runs had cost these.

Rows are counted by the journals, as they are committed. What was sent and paid is counted by the
request store within milliseconds, so that a kill loses no more of it than what was on its way.
"""

from __future__ import annotations

from dataflow_core.serving.tally import Tally

_PAID = (
    "requests",
    "transport_retries",
    "rate_limit_retries",
    "corrections",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "discarded_tokens",
    "cost",
    "unpriced",
)


def over_all_sittings(needed: Tally, paid: Tally) -> Tally:
    """Return what the calls of a step are in all.

    Args:
        needed: What the journals tell: the calls for rows that came through.
        paid: What the request store tells: the calls of all sittings.
    """
    found = needed.copy()
    for name in _PAID:
        setattr(found, name, getattr(paid, name))
    good = max(0, needed.asked - needed.failed)
    found.answered = min(needed.answered + needed.recalled, paid.answered, good)
    found.reused = good - found.answered
    found.recalled = 0
    return found
