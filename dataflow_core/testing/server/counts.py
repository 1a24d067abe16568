"""What a fault server counts, and the requests that it remembers."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECRET_HEADERS = frozenset({"authorization", "x-goog-api-key", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came in.

    Attributes:
        path: The path, without the query, which may hold a key.
        headers: The headers by their names in lower case, without those that hold keys.
        content: The body.
        at: When it came, in seconds of `time.monotonic`.
    """

    path: str
    headers: Mapping[str, str]
    content: bytes
    at: float

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Stats:
    """What a server has counted.

    An answer is *delivered* when its body was wholly written to a connection still open, and
    *sound* when it was delivered with status 200 and without a fault. A sound answer that is asked
    for again is paid twice.

    Attributes:
        requests: Requests for answers, refused ones included.
        answered: Answers delivered with status 200 and whole, whatever their content.
        sound: Sound answers.
        by_status: Responses delivered, by their status.
        by_fault: Requests that met a fault, by its name.
        abandoned: Requests whose connection was closed by the client before the end.
        most_at_once: The most requests that waited at one time.
        connections: Connections that were opened.
        prompts: Prompts asked.
        prompts_repeated: Prompts with more than one sound answer.
        bodies: Bodies of requests that got a sound answer.
        bodies_repeated: Those of them that got more than one.
        answers_repeated: Sound answers beyond the first one to the same body: paid twice.
        prompt_tokens: Tokens read for the answers delivered.
        completion_tokens: Tokens written for them.
        busy_seconds: From the first request to the last end of one.
    """

    requests: int
    answered: int
    sound: int
    by_status: dict[int, int]
    by_fault: dict[str, int]
    abandoned: int
    most_at_once: int
    connections: int
    prompts: int
    prompts_repeated: int
    bodies: int
    bodies_repeated: int
    answers_repeated: int
    prompt_tokens: int
    completion_tokens: int
    busy_seconds: float


@dataclass(slots=True)
class Counts:
    """Counts as they grow; for the thread of the server alone."""

    requests: int = 0
    answered: int = 0
    abandoned: int = 0
    at_once: int = 0
    most_at_once: int = 0
    connections: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_begun: float = 0.0
    last_ended: float = 0.0
    by_status: Counter[int] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    """How often each prompt was asked, by its key."""
    prompts: Counter[int] = field(default_factory=Counter)
    """Sound answers to each prompt."""
    bodies: Counter[int] = field(default_factory=Counter)
    """Sound answers to each body."""

    def begin(self) -> None:
        """Count a request that came in."""
        self.requests += 1
        if self.requests == 1:
            self.first_begun = self.last_ended = time.monotonic()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

    def ask(self, key: int) -> int:
        """Count a prompt, and return how often it was asked before."""
        before = self.asked[key]
        self.asked[key] = before + 1
        return before

    def sound(self, key: int, body: int) -> None:
        """Count a sound answer."""
        self.prompts[key] += 1
        self.bodies[body] += 1

    def stats(self) -> Stats:
        """Return the counts as they are now."""
        sound = self.bodies.total()
        return Stats(
            requests=self.requests,
            answered=self.answered,
            sound=sound,
            by_status=dict(sorted(self.by_status.items())),
            by_fault=dict(sorted(self.by_fault.items())),
            abandoned=self.abandoned,
            most_at_once=self.most_at_once,
            connections=self.connections,
            prompts=len(self.asked),
            prompts_repeated=sum(count > 1 for count in self.prompts.values()),
            bodies=len(self.bodies),
            bodies_repeated=sum(count > 1 for count in self.bodies.values()),
            answers_repeated=sound - len(self.bodies),
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            busy_seconds=self.last_ended - self.first_begun,
        )
