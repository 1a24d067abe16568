"""One call of a serving: its inputs become questions, and what comes of them completions."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.asking import Answered, Asked
from dataflow_core.serving.backend import ChatRequest, Message, Reply
from dataflow_core.serving.completion import Completion, Failure
from dataflow_core.serving.messages import (
    UserInput,
    conversation,
    has_images,
    is_null,
    require_list,
    text_of,
)
from dataflow_core.serving.scope import Scope
from dataflow_core.serving.store import SCHEMA_REFUSED, Counted, Reuse, Settings, prompt_digest
from dataflow_core.serving.structured import AnswerSchema, Correction, Read
from dataflow_core.serving.tally import Tally
from dataflow_core.serving.tokens import prompt_tokens
from dataflow_core.storage.base import ROWS

if TYPE_CHECKING:
    from dataflow_core.serving.base import Serving

_NULL = Failure("null_input", "the input is null: there is nothing to ask")
_REFUSALS = {
    "content_filter": "the server's content filter cut the answer",
    "refusal": "the model refuses to answer",
}


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
        answers: The answers that it was made of.
        lost: Their tokens that are in it no more.
    """

    prompt: Prompt
    text: str
    read: Read
    completion: Completion
    answers: list[Answered]
    lost: int = 0


@dataclass(frozen=True, slots=True)
class _Form:
    """How answers of one schema are asked for.

    Attributes:
        settings: What all its questions have in common.
        schema: What the server is to enforce; None for nothing.
        instructions: What the prompt asks for instead.
    """

    settings: Settings
    schema: Any = None
    instructions: str | None = None


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
        asked = [prompt for prompt in prompts if isinstance(prompt, Prompt)]
        if any(has_images(prompt.messages) for prompt in asked):
            self._serving.require("images")
        answered = iter(self._answers(asked))
        every = [
            Completion(error=prompt) if isinstance(prompt, Failure) else next(answered)
            for prompt in prompts
        ]
        if n == 1:
            return every
        groups = (tuple(every[start : start + n]) for start in range(0, len(every), n))
        return [replace(group[0], samples=group) for group in groups]

    def _prompts(
        self, inputs: Sequence[UserInput | None], n: int, distinct: Sequence[Hashable] | None
    ) -> list[Prompt | Failure]:
        """Return what to ask with, ``n`` prompts for each input; or why nothing can be asked."""
        prompts: list[Prompt | Failure] = []
        at_random = self._sampling.get("temperature") != 0
        rows = ROWS.get()
        if distinct is None and rows is not None and len(rows) == len(inputs):
            distinct = rows.tolist()  # so that batches do not matter
        seen: Counter[bytes] = Counter()
        for place, given in enumerate(inputs):
            if is_null(given):
                prompts += [_NULL] * n
                continue
            try:
                messages = conversation(given)
            except ConfigurationError as error:
                prompts += [Failure("invalid_input", str(error), None, repr(given)[:200])] * n
                continue
            tag = ""
            if at_random and distinct is not None:
                tag = str(distinct[place])
            elif at_random:
                key = prompt_digest(messages)
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
        answered = self._ask([(prompt, self._schema) for prompt in prompts])
        done = [self._completion(one) for one in answered]
        if self._schema is not None:
            drafts = {
                place: self._draft(prompts[place], one, answered[place])
                for place, one in enumerate(done)
                if one.error is None
            }
            for place, completion in self._fitted(drafts):
                done[place] = completion
        return done

    def _ask(
        self, wanted: Sequence[tuple[Prompt, AnswerSchema | None]], *, follow_up: bool = False
    ) -> list[Answered]:
        """Ask all at once, and return what comes of each prompt and the schema of its answer."""
        forms = {schema: self._form(schema) for schema in {schema for _, schema in wanted}}
        order: Sequence[int] = range(len(wanted))
        if self._serving.sorts_prompts:
            order = sorted(order, key=lambda place: _beginning(wanted[place][0]))
        asked = (self._asked(wanted[at][0], forms[wanted[at][1]]) for at in order)
        answers = self._serving.asking().ask(asked, self._scope, follow_up=follow_up)
        back = dict(zip(order, answers, strict=True))
        answered = [back[place] for place in range(len(wanted))]
        self._ask_without_schemas(wanted, forms, answered, follow_up=follow_up)
        return answered

    def _ask_without_schemas(
        self,
        wanted: Sequence[tuple[Prompt, AnswerSchema | None]],
        forms: Mapping[AnswerSchema | None, _Form],
        answered: list[Answered],
        *,
        follow_up: bool,
    ) -> None:
        """Let prompts ask for the schemas that the server did not take, and fill in what comes."""
        if self._serving.structured != "auto":
            return
        refused = []
        for place, (_, schema) in enumerate(wanted):
            if schema is not None and forms[schema].schema and _is_refusal(answered[place]):
                self._serving.give_up_schema(schema.digest)
                refused.append(place)
        if not refused:
            return
        if not follow_up:  # they are counted when they are asked again
            self._scope.tally.merge(Tally(asked=-len(refused), failed=-len(refused)))
        again = self._ask([wanted[place] for place in refused], follow_up=follow_up)
        for place, one in zip(refused, again, strict=True):
            answered[place] = one

    def _form(self, schema: AnswerSchema | None) -> _Form:
        """Return how answers of a schema are asked for."""
        if schema is None:
            return _Form(self._serving.settings("chat", self._sampling, None, self._system))
        if self._is_enforced(schema):
            native = self._serving.settings("chat", self._sampling, schema.json, self._system)
            if not self._was_refused(native):
                return _Form(native, schema.json)
            self._serving.give_up_schema(schema.digest)
        plain = self._serving.settings("chat", self._sampling, None, self._system)
        return _Form(plain, None, schema.instructions())

    def _is_enforced(self, schema: AnswerSchema) -> bool:
        """Tell whether a schema goes to the server: if the whole one does not, no part does."""
        whole = self._schema
        return self._serving.enforces(schema.digest) and (
            whole is None or self._serving.enforces(whole.digest)
        )

    def _was_refused(self, native: Settings) -> bool:
        """Tell whether an earlier run learnt that the server does not take a schema.

        Then its answers are those to the other form of the question: they are in the store.
        """
        store = self._scope.store
        if store is None or self._serving.structured != "auto" or self._scope.reuse is Reuse.NONE:
            return False
        return store.was_refused(native)

    def _asked(self, prompt: Prompt, form: _Form) -> Asked:
        messages = prompt.messages
        if form.instructions is not None:
            messages = _instructed(messages, form.instructions)
        question = form.settings.question(prompt_digest(messages), prompt.sample)
        if self._system is not None:
            messages = ({"role": "system", "content": self._system}, *messages)
        sampling = self._sampling
        if prompt.seed is not None and prompt.seed != sampling.get("seed"):
            sampling = {**sampling, "seed": prompt.seed}
        request = ChatRequest(messages, sampling, form.schema)
        return Asked(question, request, prompt_tokens(messages))

    def _completion(self, one: Answered) -> Completion:
        """Return the completion of an answer, of whose form nothing is known yet."""
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
        return made if failure is None else self._failed(made, failure, [one])

    def _failure(self, reply: Reply) -> Failure | None:
        """Return why a reply is no answer, as its finish reason tells."""
        if reply.finish_reason in _REFUSALS:
            return Failure(reply.finish_reason, _REFUSALS[reply.finish_reason], None, reply.text)
        is_there = bool(reply.text.strip())
        if reply.finish_reason == "length":
            if is_there and (self._schema is not None or self._serving.accept_truncated):
                return None  # whether it fits its schema is seen later
            return Failure("truncated", _truncated(self._sampling), None, reply.text)
        if not is_there:
            return Failure("empty_answer", "the model answered nothing", None, reply.text)
        return None

    def _failed(
        self, made: Completion, failure: Failure, answers: Sequence[Answered], lost: int = 0
    ) -> Completion:
        """Return a completion that is none, and count its tokens as spent in vain.

        Args:
            made: What there is of it.
            failure: Why it is none.
            answers: The answers that it was made of.
            lost: Tokens of theirs that were counted before.
        """
        spent = sum(one.usage.completion_tokens for one in answers if not one.reused)
        self._scope.tally.merge(Tally(failed=1))
        self._discard(spent - lost)
        self._judge(answers, failure.reason)
        return replace(made, text=None, error=failure)

    def _discard(self, tokens: int) -> None:
        """Count tokens that are in no answer."""
        lost = Tally(discarded_tokens=tokens)
        self._scope.tally.merge(lost)
        if self._scope.step and self._scope.store is not None:
            self._scope.store.count(Counted(self._scope.step, lost))

    def _judge(self, answers: Sequence[Answered], problem: str | None) -> None:
        """Let the store know which answers were of use."""
        keys = [one.key for one in answers if one.problem != problem]
        if keys and self._scope.store is not None:
            self._scope.store.judge(keys, problem)

    def _draft(self, prompt: Prompt, made: Completion, one: Answered) -> Draft:
        assert self._schema is not None and made.text is not None  # noqa: S101, PT018
        read = self._schema.read(made.text, truncated=made.finish_reason == "length")
        return Draft(prompt, made.text, read, made, [one])

    def _fitted(self, drafts: Mapping[int, Draft]) -> Iterator[tuple[int, Completion]]:
        """Yield the completions that answers are in the end, by place, corrected where need be."""
        for _ in range(self._serving.corrections):
            self._correct(drafts)
        for place, draft in drafts.items():
            yield place, self._read(draft)

    def _correct(self, drafts: Mapping[int, Draft]) -> None:
        """Ask once more for what does not fit: for all at once, whatever is wrong with each."""
        wrong = {}
        for place, draft in drafts.items():
            assert self._schema is not None  # noqa: S101
            correction = Correction.of(self._schema, draft.read)
            if correction is not None:
                wrong[place] = correction
        if not wrong:
            return
        wanted = [(_followed(drafts[place], one), one.schema) for place, one in wrong.items()]
        for place, one in zip(wrong, self._ask(wanted, follow_up=True), strict=True):
            self._merge(drafts[place], wrong[place], one)

    def _merge(self, draft: Draft, correction: Correction, one: Answered) -> None:
        """Take a correction into a draft."""
        reply, before = one.reply, draft.completion
        if reply is None:
            return  # the draft stays as it is
        last = draft.answers[-1]
        if not last.reused:
            lost = correction.discarded(last.usage.completion_tokens)
            draft.lost += lost
            self._discard(lost)
        draft.read = correction.merge(reply.text, truncated=reply.finish_reason == "length")
        draft.text = _merged_text(draft.read) if correction.fields else reply.text
        draft.answers.append(one)
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
        if read.ok:
            self._judge(draft.answers, None)
            return replace(made, parsed=read.value)
        told = read.message
        if read.reason == "truncated" and made.finish_reason == "length":
            told = f"{_truncated(self._sampling)} ({told})"
        failure = Failure(read.reason, told, None, made.text)
        return self._failed(made, failure, draft.answers, draft.lost)


def _is_refusal(one: Answered) -> bool:
    """Tell whether a server did not take the schema of an answer."""
    return one.failure is not None and one.failure.reason == SCHEMA_REFUSED


def _merged_text(read: Read) -> str:
    """Return an answer of which single fields were corrected as text."""
    merged = read.value if read.ok else read.draft
    if isinstance(merged, BaseModel):
        return merged.model_dump_json()
    return orjson.dumps(merged).decode()


def _followed(draft: Draft, correction: Correction) -> Prompt:
    """Return what a correction is asked for with: the conversation goes on."""
    messages = (*draft.prompt.messages, *correction.messages(draft.text))
    return replace(draft.prompt, messages=messages)


def _check_inputs(
    inputs: Sequence[UserInput | None], n: int, distinct: Sequence[Hashable] | None
) -> None:
    require_list(inputs, "generate_from_input", "inputs")
    if distinct is not None:
        require_list(distinct, "distinct", "values")
    if not isinstance(n, int) or n < 1:
        raise ConfigurationError(f"n is {n!r}; it takes a whole number from 1 on.")
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


def _beginning(prompt: Prompt) -> str:
    return "\0".join(map(text_of, prompt.messages))


def _truncated(sampling: Mapping[str, Any]) -> str:
    most = sampling.get("max_tokens")
    had = "the model's or the server's own limit" if most is None else f"max_tokens={most}"
    return (
        f"the answer was cut at {had}. Raise max_tokens, ask for less, or take such answers with "
        "accept_truncated=True"
    )
