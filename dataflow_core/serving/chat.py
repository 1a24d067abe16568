"""One call of a serving: its inputs become questions, and what comes of them completions."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.asking import Answered, Asked
from dataflow_core.serving.backend import ChatRequest, Message, Reply
from dataflow_core.serving.completion import NO_USAGE, Completion, Failure
from dataflow_core.serving.messages import UserInput, conversation, has_images, is_null, text_of
from dataflow_core.serving.scope import Scope
from dataflow_core.serving.store import Settings, prompt_digest
from dataflow_core.serving.structured import AnswerSchema, Correction, Read
from dataflow_core.serving.tally import Tally
from dataflow_core.serving.tokens import estimate_tokens

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_NULL = Failure("null_input", "the input is null: there is nothing to ask")
_REFUSALS = {
    "content_filter": "the server's content filter cut the answer",
    "refusal": "the model refuses to answer",
}
_IMAGE_TOKENS = 800
"""About how many tokens an image has, for limits and budgets."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one answer is asked for with.

    Attributes:
        messages: The conversation, the system message and instructions for the schema included.
        sample: What tells it from equal ones.
        seed: Its seed, where it has one.
    """

    messages: tuple[Message, ...]
    sample: str = ""
    seed: int | None = None


@dataclass(slots=True)
class Draft:
    """An answer that may not fit its schema yet.

    Attributes:
        prompt: What it was asked for with.
        text: The answer, as far as it was corrected.
        read: What was read in it.
        completion: What there is of the completion so far.
    """

    prompt: Prompt
    text: str
    read: Read
    completion: Completion


class Chat:
    """One call.

    Args:
        serving: The serving that is called.
        scope: Whose call it is.
        sampling: The sampling parameters.
        schema: What each answer has to fit; None for text.
    """

    def __init__(
        self,
        serving: Serving,
        scope: Scope,
        sampling: Mapping[str, Any],
        schema: Mapping[str, Any] | type[BaseModel] | None,
    ) -> None:
        self._serving = serving
        self._scope = scope
        self._sampling = sampling
        self._schema = None if schema is None else AnswerSchema.of(schema)
        self._system: str | None = None

    def answers(
        self,
        inputs: Sequence[UserInput | None],
        system_prompt: str | None,
        n: int,
        distinct: Sequence[Hashable] | None,
    ) -> list[Completion]:
        """Return a completion for each input; see `Serving.generate_from_input`."""
        self._serving.require("chat")
        _check_inputs(inputs, n, distinct)
        self._system = system_prompt
        prompts = self._prompts(inputs, n, distinct)
        asked = [prompt for prompt in prompts if prompt is not None]
        if any(has_images(prompt.messages) for prompt in asked):
            self._serving.require("images")
        answered = iter(self._answers(asked))
        every = [
            Completion(error=_NULL) if prompt is None else next(answered) for prompt in prompts
        ]
        if n == 1:
            return [replace(one, samples=(one,)) for one in every] if n > 1 else every
        groups = (tuple(every[start : start + n]) for start in range(0, len(every), n))
        return [replace(group[0], samples=group) for group in groups]

    def _prompts(
        self, inputs: Sequence[UserInput | None], n: int, distinct: Sequence[Hashable] | None
    ) -> list[Prompt | None]:
        """Return what to ask with, ``n`` prompts for each input; None for a null one."""
        prompts: list[Prompt | None] = []
        at_random = self._sampling.get("temperature") != 0
        seen: Counter[bytes] = Counter()
        for place, given in enumerate(inputs):
            if is_null(given):
                prompts += [None] * n
                continue
            messages = conversation(given, f"input {place}")
            tag = ""
            if at_random and distinct is not None:
                tag = str(distinct[place])
            elif at_random:
                key = orjson.dumps(messages)
                tag = str(seen[key] or "")
                seen[key] += 1
            prompts += [self._prompt(messages, number, tag) for number in range(n)]
        return prompts

    def _prompt(self, messages: tuple[Message, ...], number: int, tag: str) -> Prompt:
        sample = f"{number}/{tag}" if number or tag else ""
        seed = self._sampling.get("seed")
        if seed is not None and sample:  # else all of them would be the same answer
            seed = zlib.crc32(f"{seed}/{sample}".encode()) & 0x7FFFFFFF
        return Prompt(messages, sample, seed)

    def _answers(self, prompts: Sequence[Prompt]) -> list[Completion]:
        native = self._serving.enforces_schemas
        answered = self._ask(prompts, self._schema, native=native)
        done = [
            self._completion(prompt, one) for prompt, one in zip(prompts, answered, strict=True)
        ]
        refused = [
            place
            for place, one in enumerate(answered)
            if one.failure is not None and one.failure.reason == "schema_not_supported"
        ]
        if native and refused and self._serving.structured == "auto":
            self._serving.give_up_schemas()
            again = self._answers([prompts[place] for place in refused])
            for place, completion in zip(refused, again, strict=True):
                done[place] = completion
            refused_places = set(refused)
            drafts = {p: one for p, one in enumerate(done) if p not in refused_places}
        else:
            drafts = dict(enumerate(done))
        if self._schema is None:
            return done
        fitted = self._fitted({p: (prompts[p], one) for p, one in drafts.items()}, native=native)
        for place, completion in fitted.items():
            done[place] = completion
        return done

    def _ask(
        self, prompts: Sequence[Prompt], schema: AnswerSchema | None, *, native: bool
    ) -> list[Answered]:
        """Ask, and return what comes of each prompt."""
        enforced = schema.json if schema is not None and native else None
        settings = self._serving.settings("chat", self._sampling, enforced, self._system)
        instructions = schema.instructions() if schema is not None and not native else None
        asked = [self._asked(one, settings, enforced, instructions) for one in prompts]
        order: Sequence[int] = range(len(asked))
        if self._serving.sorts_prompts:
            order = sorted(order, key=lambda place: _beginning(asked[place].request))
        answered = self._serving.asking().ask([asked[place] for place in order], self._scope)
        back = dict(zip(order, answered, strict=True))
        return [back[place] for place in range(len(asked))]

    def _asked(
        self, prompt: Prompt, settings: Settings, schema: Any, instructions: str | None
    ) -> Asked:
        messages = prompt.messages
        if instructions is not None:
            messages = _instructed(messages, instructions)
        question = settings.question(prompt_digest(messages), prompt.sample)
        if self._system is not None:
            messages = ({"role": "system", "content": self._system}, *messages)
        sampling = self._sampling
        if prompt.seed is not None and prompt.seed != sampling.get("seed"):
            sampling = {**sampling, "seed": prompt.seed}
        tokens = sum(map(_tokens, messages))
        return Asked(question, ChatRequest(messages, sampling, schema), tokens)

    def _completion(self, prompt: Prompt, one: Answered) -> Completion:
        """Return the completion of an answer whose form nothing is known of."""
        reply = one.reply
        if reply is None:
            return Completion(error=one.failure, attempts=one.attempts, latency=one.latency)
        made = Completion(
            text=reply.text,
            reasoning=reply.reasoning,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            attempts=one.attempts,
            latency=one.latency,
            cost=one.cost,
            reused=one.reused,
        )
        failure = self._failure(reply)
        return made if failure is None else self._failed(made, failure)

    def _failure(self, reply: Reply) -> Failure | None:
        """Return why a reply is no answer, as its finish reason tells."""
        if reply.finish_reason in _REFUSALS:
            return Failure(reply.finish_reason, _REFUSALS[reply.finish_reason], None, reply.text)
        if reply.finish_reason == "length":
            if self._schema is not None or self._serving.accept_truncated and reply.text.strip():
                return None  # whether it fits its schema is seen later
            return Failure("truncated", _truncated(self._sampling), None, reply.text)
        if not reply.text.strip():
            return Failure("empty_answer", "the model answered nothing", None, reply.text)
        return None

    def _failed(self, made: Completion, failure: Failure) -> Completion:
        """Return a completion that is none, and count its tokens as spent in vain."""
        if not made.reused:
            self._scope.tally.merge(Tally(discarded_tokens=made.usage.completion_tokens))
        self._scope.tally.merge(Tally(failed=1))
        return replace(made, text=None, error=failure)

    def _fitted(
        self, made: Mapping[int, tuple[Prompt, Completion]], *, native: bool
    ) -> dict[int, Completion]:
        """Return completions whose answers fit the schema, or say why they do not."""
        assert self._schema is not None  # noqa: S101
        fitted: dict[int, Completion] = {}
        drafts: dict[int, Draft] = {}
        for place, (prompt, one) in made.items():
            if one.error is not None or one.text is None:
                fitted[place] = one
                continue
            read = self._schema.read(one.text, truncated=one.finish_reason == "length")
            drafts[place] = Draft(prompt, one.text, read, one)
        for number in range(self._serving.corrections):
            self._correct(drafts, number, native=native)
        for place, draft in drafts.items():
            fitted[place] = self._read(draft)
        return fitted

    def _correct(self, drafts: Mapping[int, Draft], number: int, *, native: bool) -> None:
        """Ask once more for what does not fit."""
        wrong = {}
        for place, draft in drafts.items():
            if draft.read.value is None and (correction := draft.read.correction()) is not None:
                wrong[place] = correction
        by_schema: dict[int, list[int]] = {}
        for place, correction in wrong.items():
            by_schema.setdefault(id(correction.schema), []).append(place)
        for places in by_schema.values():
            schema = wrong[places[0]].schema
            prompts = [self._followed(drafts[p], wrong[p], number) for p in places]
            answered = self._ask(prompts, schema, native=native)
            for place, one in zip(places, answered, strict=True):
                self._merge(drafts[place], wrong[place], one)

    def _followed(self, draft: Draft, correction: Correction, number: int) -> Prompt:
        messages = (*draft.prompt.messages, *correction.messages(draft.text))
        return replace(draft.prompt, messages=messages)

    def _merge(self, draft: Draft, correction: Correction, one: Answered) -> None:
        """Take a correction into a draft."""
        reply, before = one.reply, draft.completion
        if reply is None:
            return  # the draft stays as it is
        if not before.reused:
            lost = correction.discarded(before.usage.completion_tokens, draft.text)
            self._scope.tally.merge(Tally(discarded_tokens=lost))
        self._scope.tally.merge(Tally(corrections=0 if one.reused else 1))
        draft.read = correction.merge(reply.text, truncated=reply.finish_reason == "length")
        draft.text = draft.read.text
        draft.completion = replace(
            before,
            text=draft.text,
            finish_reason=reply.finish_reason,
            usage=before.usage + reply.usage,
            attempts=before.attempts + one.attempts,
            cost=None if before.cost is None or one.cost is None else before.cost + one.cost,
            reused=before.reused and one.reused,
        )

    def _read(self, draft: Draft) -> Completion:
        """Return the completion that a draft is in the end."""
        made, read = draft.completion, draft.read
        if not read.problems:
            return replace(made, parsed=read.value)
        problems = "; ".join(map(str, read.problems[:5]))
        if read.reason == "truncated":
            problems = f"{_truncated(self._sampling)} ({problems})"
        return self._failed(made, Failure(read.reason, problems, None, made.text))


def _check_inputs(
    inputs: Sequence[UserInput | None], n: int, distinct: Sequence[Hashable] | None
) -> None:
    if isinstance(inputs, str):
        raise ConfigurationError(
            "generate_from_input takes a list of inputs, found one text. Write [text]."
        )
    if n < 1:
        raise ConfigurationError(f"n is {n}; it takes a whole number from 1 on.")
    if distinct is not None and len(distinct) != len(inputs):
        raise ConfigurationError(
            f"distinct has {len(distinct):,} values for {len(inputs):,} inputs. Give one for each."
        )


def _instructed(messages: tuple[Message, ...], instructions: str) -> tuple[Message, ...]:
    """Return a conversation whose last message says how to answer."""
    last = messages[-1]
    content = last["content"]
    if isinstance(content, str):
        told: Any = f"{content}\n\n{instructions}"
    else:
        told = [*content, {"type": "text", "text": instructions}]
    return (*messages[:-1], {**last, "content": told})


def _tokens(message: Message) -> int:
    images = message["content"] if isinstance(message.get("content"), list) else ()
    return (
        4
        + estimate_tokens(text_of(message))
        + _IMAGE_TOKENS * sum(part["type"] == "image_url" for part in images)
    )


def _beginning(request: ChatRequest) -> str:
    return "\0".join(text_of(message) for message in request.messages)


def _truncated(sampling: Mapping[str, Any]) -> str:
    most = sampling.get("max_tokens")
    had = "the model's or the server's own limit" if most is None else f"max_tokens={most}"
    return (
        f"the answer was cut at {had}. Raise max_tokens, ask for less, or take such answers with "
        "accept_truncated=True"
    )
