"""Asking: questions become answers, out of the store where one is, else from the model, once.

Equal questions of several threads are sent once: the first claims it, the others wait for it.
"""

from __future__ import annotations

import itertools
import os
import threading
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.completion import Failure, Usage
from dataflow_core.serving.dispatch import Dispatcher
from dataflow_core.serving.jobs import Batch, Job, Terms
from dataflow_core.serving.pricing import Price, cost
from dataflow_core.serving.scope import Scope
from dataflow_core.serving.store import Counted, Question, RequestStore, Stored
from dataflow_core.serving.tally import Tally

_FIRST_PART = 32
_LARGEST_PART = 512


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the request that it is.

    Attributes:
        question: What determines the answer.
        request: What is sent: a conversation, or a text whose vector is wanted.
        tokens: About how many tokens are read for it.
    """

    question: Question
    request: ChatRequest | str
    tokens: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question.

    Attributes:
        reply: The model's reply; None where there is none.
        vector: The text's vector, as 32-bit floats; None where there is none.
        failure: Why there is neither.
        usage: The tokens that it took.
        attempts: Requests sent for it now.
        latency: Seconds that the reply took.
        cost: What it cost, now or when it was first asked; None where nobody knows.
        reused: Whether it was there, or another one's.
        ours: Whether it was there because the same run had paid for it before.
        problem: Why the answer was of no use when it was read before, if it was.
        key: The key of the question.
    """

    reply: Reply | None = None
    vector: bytes | None = None
    failure: Failure | None = None
    usage: Usage = field(default_factory=Usage)
    attempts: int = 0
    latency: float = 0.0
    cost: float | None = None
    reused: bool = False
    ours: bool = False
    problem: str | None = None
    key: bytes = b""


@dataclass(eq=False, slots=True)
class _Sent:
    """Questions that go in one request.

    Attributes:
        group: The questions.
        follow_up: Whether they are about answers that came already.
        job: The request.
        answers: What came of each, once it is over; nothing where it was dropped.
        refused_together: Whether each has to be asked alone, for together they were refused.
        store: The store that counts it as on its way, while it is.
    """

    group: Sequence[Asked]
    follow_up: bool = False
    job: Job = field(init=False)
    answers: dict[bytes, Answered] = field(default_factory=dict)
    refused_together: bool = False
    store: RequestStore | None = None

    def begin(self, store: RequestStore | None) -> None:
        """Have a store count the request as one on its way."""
        if store is not None and self.store is None:
            store.begin_request()
            self.store = store

    def end(self) -> None:
        """Have it counted so no more: it failed, or its answer is written."""
        store, self.store = self.store, None
        if store is not None:
            store.end_request()


@dataclass(eq=False, slots=True)
class _Round:
    """One time of asking for what has no answer yet.

    Attributes:
        follow_up: Whether it is about answers that came already.
        batch: What is waited for.
        mine: The requests that this call sends.
        theirs: Those that other calls have sent, by the keys of questions in them.
    """

    follow_up: bool = False
    batch: Batch = field(default_factory=Batch)
    mine: list[_Sent] = field(default_factory=list)
    theirs: dict[bytes, _Sent] = field(default_factory=dict)


class Asking:
    """The way from questions to answers in this process.

    Args:
        make: Makes the backend.
        terms: How requests are sent.
        price: What tokens cost; None where nobody knows.
    """

    def __init__(self, make: Callable[[], Backend], terms: Terms, price: Price | None) -> None:
        self.process = os.getpid()
        self.dispatcher = Dispatcher(make, terms, price)
        self._price = price
        self._claims: dict[bytes, _Sent] = {}
        self._lock = threading.Lock()

    def ask(
        self,
        asked: Iterable[Asked],
        scope: Scope,
        together: int = 1,
        *,
        follow_up: bool = False,
    ) -> list[Answered]:
        """Return what comes of each question, in their order.

        Args:
            asked: The questions; the first are sent while the last are still made.
            scope: Whose they are.
            together: How many go in one request at most.
            follow_up: Whether they are about answers that came already.

        Raises:
            ServingError: No request can succeed.
            RunStopped: The run is to stop; what was on its way was waited for, and is stored.
        """
        questions: list[Asked] = []
        found: dict[bytes, Answered] = {}
        tally = Tally()
        alone: set[bytes] = set()
        left = _parts(asked, together, questions)
        try:
            while True:
                now = _Round(follow_up)
                self._round(now, left, scope, found, tally, together, alone)
                missing = {q.question.key: q for q in questions if q.question.key not in found}
                if not missing:
                    break
                left = iter([list(missing.values())])
            answers = list(_one_each(questions, found))
            _count_answers(answers, tally, follow_up=follow_up)
            return answers
        finally:
            scope.tally.merge(tally)

    def price(self, usage: Usage) -> float | None:
        """Return what tokens cost in US dollars; None where nobody knows."""
        return None if self._price is None else cost(usage, self._price)

    def close(self) -> None:
        """Let the backend go."""
        self.dispatcher.close()

    def _round(
        self,
        now: _Round,
        parts: Iterable[Sequence[Asked]],
        scope: Scope,
        found: dict[bytes, Answered],
        tally: Tally,
        together: int,
        alone: set[bytes],
    ) -> None:
        """Look for answers, send what nobody has sent, and wait for both."""
        known: set[bytes] = set()
        try:
            try:
                for part in parts:
                    new = {one.question.key: one for one in part if one.question.key not in known}
                    known |= new.keys()
                    self._begin(now, new, scope, found, tally, together, alone)
                    if now.batch.error is not None or scope.stop():
                        break
            except BaseException:
                self.dispatcher.end(now.batch)
                raise
            self.dispatcher.wait(now.batch, scope.stop)
        finally:
            for sent in now.mine:
                self._count(sent.job, tally)
        for sent in now.mine:
            found |= sent.answers
            if sent.refused_together:
                alone.update(one.question.key for one in sent.group)
        for key, sent in now.theirs.items():
            if key in sent.answers:  # what another call has dropped is asked for again
                found[key] = _at_second_hand(sent.answers[key])

    def _begin(
        self,
        now: _Round,
        new: Mapping[bytes, Asked],
        scope: Scope,
        found: dict[bytes, Answered],
        tally: Tally,
        together: int,
        alone: set[bytes],
    ) -> None:
        """Look for the answers to some questions, and send those that nobody has sent."""
        if scope.budget is not None and new:
            settings = next(iter(new.values())).question.settings
            scope.budget.require_price(settings.model, self._price, settings.endpoint)
        questions = [one.question for one in new.values()]
        with self._lock:  # so that nobody's answer comes between looking and claiming
            stored = {} if scope.store is None else scope.store.find(questions, scope.reuse)
            claimed = new.keys() & self._claims.keys()
            # One that is over and left no answer is nobody's any more.
            theirs = {
                key: sent
                for key in claimed
                if not (sent := self._claims[key]).job.over or key in sent.answers
            }
            missing = [one for key, one in new.items() if key not in stored and key not in theirs]
            groups = _groups(missing, together, alone)
            mine = [self._sent(group, scope, now.follow_up) for group in groups]
            self._claims |= {one.question.key: sent for sent in mine for one in sent.group}
        for key, kept in stored.items():
            found[key] = _from_store(key, kept)
            if not kept.ours:
                tally.saved(kept.usage, kept.cost)
        now.mine += mine
        now.theirs |= {key: sent for key, sent in theirs.items() if key not in stored}
        others = {sent.job for sent in theirs.values()}
        if mine or others:
            self.dispatcher.send(now.batch, [sent.job for sent in mine], others)

    def _sent(self, group: Sequence[Asked], scope: Scope, follow_up: bool) -> _Sent:
        requests = [one.request for one in group]
        first = requests[0]
        most = first.sampling.get("max_tokens") if isinstance(first, ChatRequest) else 0
        sent = _Sent(group, follow_up)

        async def send(backend: Backend) -> Reply | Vectors:
            sent.begin(scope.store)
            try:
                if isinstance(first, ChatRequest):
                    return await backend.chat(first)
                return await backend.embed([one for one in requests if isinstance(one, str)])
            except BaseException:
                sent.end()
                raise

        sent.job = Job(
            send=send,
            tokens=sum(one.tokens for one in group),
            most=most,
            heard=lambda _: self._heard(sent, scope),
            budget=scope.budget,
        )
        return sent

    def _heard(self, sent: _Sent, scope: Scope) -> None:
        """Store what came of a request, in the loop's thread."""
        outcome = sent.job.outcome
        kept: set[bytes] = set()
        try:
            sent.answers = self._answered(sent)
            if scope.store is not None:
                kept.update(self._keep_all(sent, scope.step, scope.store))
        finally:
            for one in sent.group:
                if one.question.key not in kept:
                    self._release(one.question.key)
            if not kept:  # else once it is written
                sent.end()
        if scope.live is not None and isinstance(outcome, (Reply, Vectors)):
            live = Tally(asked=len(sent.group), answered=len(sent.group))
            live.spent(outcome.usage, self.price(outcome.usage))
            scope.live.add(live)

    def _keep_all(self, sent: _Sent, step: str, store: RequestStore) -> Iterator[bytes]:
        """Store what came of a request, and what it took; yield the keys of its answers."""
        job = sent.job
        counted = self._counted(sent, step) if step else None
        requests = job.sent
        for one in sent.group:
            answer = sent.answers.get(one.question.key)
            if answer is not None:
                self._keep(sent, one.question, answer, store, requests, counted)
                requests, counted = 0, None  # one of them tells
                if answer.failure is None:
                    yield one.question.key
        if requests:
            store.add_waste(Usage(), None, requests)
        if counted is not None:
            store.count(counted)
        for reply in job.wasted:
            store.add_waste(reply.usage, self.price(reply.usage), requests=0)

    def _counted(self, sent: _Sent, step: str) -> Counted:
        """Return what a step paid for a request."""
        paid = Tally()
        self._count(sent.job, paid)
        came = sum(one.failure is None for one in sent.answers.values())
        if sent.follow_up:
            paid.corrections += came
        else:
            paid.answered += came
        return Counted(step, paid)

    def _keep(
        self,
        sent: _Sent,
        question: Question,
        answer: Answered,
        store: RequestStore,
        requests: int,
        counted: Counted | None,
    ) -> None:
        """Store an answer, or why there is none, and what it took."""
        if answer.failure is not None:
            told = answer.failure
            store.put_failure(question, told.reason, told.message, requests, counted)
            return
        reply = answer.reply
        stored = Stored(
            text=None if reply is None else reply.text,
            reasoning=None if reply is None else reply.reasoning,
            finish_reason="stop" if reply is None else reply.finish_reason,
            usage=answer.usage,
            latency=sent.job.seconds,
            attempts=requests,
            cost=answer.cost,
            vector=answer.vector,
        )

        def release() -> None:
            self._release(question.key)
            sent.end()

        store.put(
            question,
            stored,
            committed=release,
            failed=lambda _: release(),
            counted=counted,
        )

    def _release(self, key: bytes) -> None:
        with self._lock:
            self._claims.pop(key, None)

    def _answered(self, sent: _Sent) -> dict[bytes, Answered]:
        """Return what came of each question of a request; nothing of one that was dropped."""
        job, outcome = sent.job, sent.job.outcome
        if outcome is None:
            return {}
        if isinstance(outcome, ReplyError):
            keys = [one.question.key for one in sent.group]
            if outcome.kind == "request" and len(keys) > 1:
                sent.refused_together = True
                return {}
            failure = Failure(outcome.reason, outcome.message, outcome.status)
            failed = Answered(failure=failure, attempts=job.sent, latency=job.seconds)
            return {key: replace(failed, key=key) for key in keys}
        if isinstance(outcome, Reply):
            (one,) = sent.group
            answer = Answered(
                outcome,
                usage=outcome.usage,
                attempts=job.sent,
                latency=job.seconds,
                cost=self.price(outcome.usage),
                key=one.question.key,
            )
            return {one.question.key: answer}
        try:
            return self._vectors(sent, outcome)
        except (TypeError, ValueError) as error:
            failure = Failure("broken_answer", f"what came are no vectors: {error}")
            keys = [one.question.key for one in sent.group]
            return {key: Answered(failure=failure, attempts=job.sent, key=key) for key in keys}

    def _vectors(self, sent: _Sent, outcome: Vectors) -> dict[bytes, Answered]:
        answers = {}
        whole = max(sent.job.tokens, 1)
        for one, vector in zip(sent.group, outcome.vectors, strict=True):
            usage = Usage(round(outcome.usage.prompt_tokens * one.tokens / whole))
            answers[one.question.key] = Answered(
                vector=array("f", vector).tobytes(),
                usage=usage,
                attempts=sent.job.sent,
                latency=sent.job.seconds,
                cost=self.price(usage),
                key=one.question.key,
            )
        return answers

    def _count(self, job: Job, tally: Tally) -> None:
        tally.requests += job.sent
        tally.transport_retries += job.transport_retries
        tally.rate_limit_retries += job.rate_limit_retries
        tally.corrections += job.failed.of("answer")
        for reply in job.wasted:
            tally.spent(reply.usage, self.price(reply.usage))
            tally.discarded_tokens += reply.usage.completion_tokens
        if isinstance(job.outcome, (Reply, Vectors)):
            tally.spent(job.outcome.usage, self.price(job.outcome.usage))


def _parts(
    asked: Iterable[Asked], together: int, questions: list[Asked]
) -> Iterator[Sequence[Asked]]:
    """Yield questions in parts, small ones first, and note them all."""
    size, taken = _FIRST_PART * together, iter(asked)
    while part := list(itertools.islice(taken, size)):
        questions += part
        yield part
        size = min(2 * size, _LARGEST_PART * together)


def _groups(
    new: Sequence[Asked], together: int, alone: Collection[bytes]
) -> Iterator[Sequence[Asked]]:
    """Yield questions as they go in one request."""
    if together == 1:
        yield from ((one,) for one in new)
        return
    yield from ((one,) for one in new if one.question.key in alone)
    rest = [one for one in new if one.question.key not in alone]
    for start in range(0, len(rest), together):
        yield rest[start : start + together]


def _one_each(asked: Sequence[Asked], found: dict[bytes, Answered]) -> Iterator[Answered]:
    """Yield the answer to each question, that of a second equal one as at second hand."""
    seen: set[bytes] = set()
    for one in asked:
        key = one.question.key
        answer = found[key]
        if key in seen:
            answer = _at_second_hand(answer)
        seen.add(key)
        yield answer


def _count_answers(answers: Sequence[Answered], tally: Tally, *, follow_up: bool) -> None:
    failed = sum(one.failure is not None for one in answers)
    reused = sum(one.reused for one in answers)
    answered = len(answers) - failed - reused
    if follow_up:
        tally.corrections += answered
        return
    tally.asked += len(answers)
    tally.failed += failed
    tally.reused += reused
    tally.recalled += sum(one.ours for one in answers)
    tally.answered += answered


def _at_second_hand(answer: Answered) -> Answered:
    """Return an answer as one has it who has not asked for it."""
    return replace(answer, attempts=0, reused=answer.failure is None, ours=False)


def _from_store(key: bytes, stored: Stored) -> Answered:
    reply = None
    if stored.vector is None:
        reply = Reply(stored.text or "", stored.finish_reason, stored.usage, stored.reasoning)
    return Answered(
        reply=reply,
        vector=stored.vector,
        usage=stored.usage,
        latency=stored.latency,
        cost=stored.cost,
        reused=True,
        ours=stored.ours,
        problem=stored.problem,
        key=key,
    )
