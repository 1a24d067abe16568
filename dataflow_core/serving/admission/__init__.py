"""When a request may go, and whether it is tried again.

Each part decides one thing, keeps no clock of its own and waits for nothing: the time comes with
each call, in seconds of a clock that never goes back, and chance comes from the caller. So hours
are tested in milliseconds. None is safe to share between threads; one loop calls them all.
"""

from dataflow_core.serving.admission.breaker import CircuitBreaker, Probe, Verdict
from dataflow_core.serving.admission.concurrency import ConcurrencyLimit
from dataflow_core.serving.admission.estimate import TokenEstimate
from dataflow_core.serving.admission.rates import RateLimits, Reservation
from dataflow_core.serving.admission.retries import Attempts, Retries, Throttled
from dataflow_core.serving.admission.waiting import retry_after_seconds

__all__ = [
    "Attempts",
    "CircuitBreaker",
    "ConcurrencyLimit",
    "Probe",
    "RateLimits",
    "Reservation",
    "Retries",
    "Throttled",
    "TokenEstimate",
    "Verdict",
    "retry_after_seconds",
]
