"""Servings: language models behind one interface, whatever answers behind it."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from dataflow_core.configuration import explain, refuse_unnamed
from dataflow_core.downloads import Download
from dataflow_core.errors import ConfigurationError, StoreError
from dataflow_core.secrets import without_secrets
from dataflow_core.serving.asking import Asking
from dataflow_core.serving.backend import Backend
from dataflow_core.serving.chat import Chat
from dataflow_core.serving.completion import Completion, Embedding
from dataflow_core.serving.embedding import embed
from dataflow_core.serving.jobs import Terms
from dataflow_core.serving.messages import UserInput
from dataflow_core.serving.pricing import Price
from dataflow_core.serving.sampling import Sampling
from dataflow_core.serving.scope import Scope, current_scope
from dataflow_core.serving.store import Kind, RequestStore, Settings
from dataflow_core.serving.tokens import estimate_tokens

Capability = Literal["chat", "embed", "schema", "images"]
Part = Literal["chat", "schema", "embedding"]
"""What is asked of a serving: a plain answer, one that fits a schema, a vector."""


_LOG = logging.getLogger(__name__)
_CONCURRENCY = 64


def _named(model: str) -> str:
    """Refuse a name of a model that is empty."""
    if not model.strip():
        raise ConfigurationError("the serving names no model: give its name, as model=NAME.")
    return model


class Serving(Sampling):
    """The base of all servings.

    Fields are the configuration: validated, immutable, and all that construction does; connections,
    processes and models are opened by the first call. Sampling parameters given here hold for all
    calls, and each call may change them. A serving is also a string, its `spec`, for recipes and
    command lines.

    Attributes:
        model: The model's name.
        max_concurrency: The most requests at a time. None: it finds its own level, which rises
            until the server refuses or does not answer, and then falls.
        requests_per_minute: The most requests in a minute; None for what the server tells.
        tokens_per_minute: The most tokens in a minute, read and written; None likewise.
        timeout: Seconds after which a request counts as lost.
        transport_retries: How often a request is sent again after a lost connection, a timeout or a
            failure of the server.
        rate_limit_retries: How often it is sent again because the server is asked too often.
        corrections: How often it is sent again because its answer is empty or does not fit.
        patience: Seconds that a server may be gone before a run gives up. Until it has answered
            once, ten at most.
        structured: How answers of a schema are got: ``"native"``, the server enforces it;
            ``"prompt"``, the prompt asks for it; ``"auto"``, the first where the server can.
        accept_truncated: Whether an answer that ends because it has ``max_tokens`` is one. Else it
            is a failure, and its text is kept with the failed row.
        price: What tokens cost; None for what the price table says.
        cache: A file in which answers are kept when no run keeps them, as in a notebook.

    Class attributes:
        prefix: What its specifications begin with.
        capabilities: What it can do: ``"chat"``, ``"embed"``, ``"schema"``, ``"images"``.
        sorts_prompts: Whether prompts that begin alike go together, which spares engines work.
    """

    prefix: ClassVar[str] = ""
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat"})
    sorts_prompts: ClassVar[bool] = False

    model: Annotated[str, AfterValidator(_named)]
    max_concurrency: Annotated[int, Field(ge=1)] | None = None
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 600.0
    transport_retries: Annotated[int, Field(ge=0)] = 4
    rate_limit_retries: Annotated[int, Field(ge=0)] = 20
    corrections: Annotated[int, Field(ge=0)] = 1
    patience: Annotated[float, Field(ge=0)] = 300.0
    structured: Literal["auto", "native", "prompt"] = "auto"
    accept_truncated: bool = False
    price: Price | None = None
    cache: Path | None = None

    _asking: Asking | None = PrivateAttr(None)
    _store: RequestStore | None = PrivateAttr(None)
    _store_process: int = PrivateAttr(0)
    _refused_schemas: set[bytes] = PrivateAttr(default_factory=set)
    _forgotten: weakref.finalize[..., Serving] | None = PrivateAttr(None)
    _users: int = PrivateAttr(0)
    _stays_open: bool = PrivateAttr(False)
    _lent: dict[int, Scope] = PrivateAttr(default_factory=dict)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, *unnamed: Any, **configuration: Any) -> None:
        refuse_unnamed(type(self), unnamed, "model={}")
        try:
            super().__init__(**configuration)
        except ValidationError as error:
            raise ConfigurationError(explain(type(self), error)) from None

    # What users call.

    def generate_from_input(
        self,
        user_inputs: Sequence[UserInput | None],
        system_prompt: str | None = None,
        json_schema: Mapping[str, Any] | type[BaseModel] | None = None,
        *,
        n: int = 1,
        distinct: Sequence[Hashable] | None = None,
        **sampling: Any,
    ) -> list[Completion]:
        """Return the model's answers, one for each input, in their order.

        A failure is a value in its place (`Completion.error`), never an exception, unless nothing
        can succeed. Equal questions are asked once; where words are chosen at random
        (``temperature`` above 0), once for each input, or for each of `distinct`.

        Args:
            user_inputs: Texts of users, or conversations as lists of messages. None, as null rows
                have it, fails, and so does what is neither.
            system_prompt: What goes before each, as system message.
            json_schema: What each answer has to fit: a JSON schema, or a pydantic model, of which
                `Completion.parsed` is an instance then.
            n: How many answers to each input; `Completion.samples` has all.
            distinct: What tells equal inputs apart where words are chosen at random: one value for
                each input. Without, their rows do, where an operator asks for all of its rows at
                once, else their number within this call, which depends on how rows are batched.
            **sampling: Sampling parameters for this call; see `Sampling`.

        Raises:
            ConfigurationError: The schema is none, or a parameter.
            ServingError: No request can succeed: wrong key, unknown model, or the server is gone.
            RunStopped: The run is to stop, or its budget is spent; answers so far are kept.

        Example:
            >>> from dataflow_core.testing import ScriptedServing
            >>> serving = ScriptedServing(lambda text: text.upper())
            >>> [answer.text for answer in serving.generate_from_input(["so", "it", "goes"])]
            ['SO', 'IT', 'GOES']
        """
        chat = Chat(self, self._scope(), self.sampling(**sampling), json_schema)
        return chat.answers(user_inputs, system_prompt, n, distinct)

    def embed(self, texts: Sequence[str | None]) -> list[Embedding]:
        """Return the vectors of texts, one for each, in their order.

        Args:
            texts: The texts; None fails in its place.

        Raises:
            ConfigurationError: The serving makes no vectors.
            ServingError: No request can succeed.
            RunStopped: The run is to stop, or its budget is spent.
        """
        self.require("embed")
        return embed(self, texts, self._scope())

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has; an estimate where the model's own count is not known.

        Args:
            text: The text.
        """
        return estimate_tokens(text)

    def close(self) -> None:
        """Let connections, engines and processes go; the next call opens them again."""
        with self._lock:
            opened = self._taken()
        _close(*opened)

    def hold(self) -> None:
        """Have it stay open until `let_go`, also where others who held it let it go before."""
        with self._lock:
            if not self._users:
                self._stays_open = self._asking is not None
            self._users += 1

    def let_go(self) -> None:
        """End a `hold`. The last to do so closes it, unless it was open before the first."""
        with self._lock:
            self._users -= 1
            if self._users or self._stays_open:
                return
            opened = self._taken()  # before anybody else can hold it
        _close(*opened)

    @contextmanager
    def lent(self, scope: Scope) -> Iterator[None]:
        """Let calls in here be those of a scope also in threads that have none.

        Such are the threads that an operator makes for itself.
        """
        with self._lock:
            self._lent[id(scope)] = scope
        try:
            yield
        finally:
            with self._lock:
                del self._lent[id(scope)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether a call has opened it."""
        return self._asking is not None

    @property
    def concurrency(self) -> int:
        """How many requests go at a time as things are; a guess as long as none has gone."""
        asking = self._asking
        if asking is None:
            return self.max_concurrency or _CONCURRENCY
        return asking.dispatcher.concurrency

    @property
    def backlog(self) -> int:
        """How many requests were asked for that have not ended."""
        asking = self._asking
        return 0 if asking is None else asking.dispatcher.backlog

    def require(self, capability: Capability) -> None:
        """Refuse what it cannot do.

        Raises:
            ConfigurationError: It cannot.
        """
        if capability not in self.capabilities:
            raise ConfigurationError(
                f"{self.name} cannot do {capability!r}; it can do: "
                f"{', '.join(sorted(self.capabilities))}. Choose another serving for this."
            )

    @property
    def spec(self) -> str:
        """The serving as a string, without its secrets; `serving_from_spec` makes it again."""
        from dataflow_core.serving.spec import spec_of

        return spec_of(self)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.prefix}:{self.model}"

    def fingerprint(self) -> dict[str, Any]:
        """Return what determines its answers: what is asked of it apart."""
        return {
            "serving": self.prefix,
            **self.identity(),
            "sampling": without_secrets(self.sampling()),
            "structured": self.structured,
            "accept_truncated": self.accept_truncated,
        }

    # What a kind of serving defines.

    @classmethod
    def from_text(cls, text: str, options: Mapping[str, Any]) -> Self:
        """Return the serving of a specification.

        Args:
            text: What stands between the prefix and the options: the model.
            options: Further fields.
        """
        return cls(model=text, **options)

    def text(self) -> tuple[str, frozenset[str]]:
        """Return what stands in its specification, and the names of the fields that are in it."""
        return self.model, frozenset({"model"})

    def identity(self) -> dict[str, Any]:
        """Return what tells its model from others: endpoint, name, and what it was loaded with."""
        return {"model": self.model}

    def embedding_parameters(self) -> dict[str, Any]:
        """Return what determines vectors beside the model."""
        return {}

    @property
    def texts_together(self) -> int:
        """The most texts of one embedding request."""
        return 1

    def lacks(self) -> list[str]:
        """Return what the serving needs and this machine lacks, each with what mends it.

        Plans are checked for it before they run. So it is quick, and opens nothing: no request, no
        model, and no import of a large package (`importlib.util.find_spec` tells whether it is
        there). What it cannot tell so, the first request tells.
        """
        return []

    @classmethod
    def downloads(cls) -> Iterable[Download]:
        """Return the files that it may need and that are fetched; override where there are any.

        Whatever its configuration. Nothing is opened for this, fetched or imported that is large.
        """
        return ()

    def recorded(self) -> Mapping[Part, int] | None:
        """Return how many answers it has to play; None where it answers whatever it is asked.

        Raises:
            ConfigurationError: They cannot be read.
        """
        return None

    def open_backend(self) -> Backend:
        """Return a new backend; called in the thread of the dispatcher's loop."""
        raise NotImplementedError(f"{type(self).__name__} does not define open_backend")

    def known_price(self) -> Price | None:
        """Return what tokens cost, as far as that is known without `price`."""
        return None

    # What calls are made of.

    def tokens_by_backend(self, text: str) -> int:
        """Return how many tokens a text has, as the backend counts; it is opened for that.

        Raises:
            ServingError: It cannot be opened, or does not tell.
        """
        found: int = self.asking().dispatcher.run_coroutine(
            lambda backend: backend.count_tokens(text)
        )
        return found

    def token_price(self) -> Price | None:
        """Return what tokens cost: as `price` says, else as far as it is known."""
        return self.price if self.price is not None else self.known_price()

    @property
    def enforces_schemas(self) -> bool:
        """Whether schemas go to the server, as long as it takes them."""
        if self.structured != "auto":
            return self.structured == "native"
        return "schema" in self.capabilities

    def enforces(self, schema: bytes) -> bool:
        """Return whether a schema goes to the server.

        Args:
            schema: Its digest.
        """
        return self.enforces_schemas and schema not in self._refused_schemas

    def give_up_schema(self, schema: bytes) -> None:
        """Note that the server does not take a schema; it may take others.

        Args:
            schema: Its digest.
        """
        self._refused_schemas.add(schema)

    def settings(
        self,
        kind: Kind,
        sampling: Mapping[str, Any],
        schema: Any,
        system: str | None,
    ) -> Settings:
        """Return what all questions of one call have in common."""
        known = dict(self.identity())
        endpoint, model = known.pop("endpoint", self.prefix), known.pop("model")
        return Settings(endpoint, model, kind, {**sampling, **known}, schema, system)

    def asking(self) -> Asking:
        """Return the way to the model, opened in this process."""
        with self._lock:
            if self._asking is None or self._asking.process != os.getpid():
                terms, price = self._terms(), self.token_price()
                self._asking = Asking(self._twin().open_backend, terms, price)
                if self._forgotten is None:
                    self._forgotten = weakref.finalize(self, _forget, self.__pydantic_private__)
                    self._forgotten.atexit = False
            return self._asking

    def _twin(self) -> Self:
        """Return another object of the same configuration and state, for the loop's thread.

        What that thread holds lives as long as it does. The serving itself must not, or the thread
        of one that nobody closes would never end.
        """
        twin = type(self).__new__(type(self))
        for name, value in (
            ("__dict__", dict(self.__dict__)),
            ("__pydantic_fields_set__", self.__pydantic_fields_set__),
            ("__pydantic_extra__", self.__pydantic_extra__),
            ("__pydantic_private__", self.__pydantic_private__),
        ):
            object.__setattr__(twin, name, value)
        return twin

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "__pydantic_private__": None}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self.model_post_init(None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        from dataflow_core.serving.spec import spec_of

        return spec_of(self, shown=True)

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        made.__setstate__(self.__getstate__())
        return made

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.__copy__()  # its fields do not change

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.model))

    @model_validator(mode="wrap")
    @classmethod
    def _of_text(cls, given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        """Let a specification stand for a serving, as in recipes."""
        if isinstance(given, str):
            from dataflow_core.serving.spec import serving_of_text

            given = serving_of_text(given)
            if not isinstance(given, cls):
                raise ConfigurationError(f"{given.spec} is no {cls.__name__}")
        return handler(given)

    @model_serializer(mode="plain")
    def _as_text(self) -> str:
        return self.spec

    def _taken(self) -> tuple[Asking | None, RequestStore | None]:
        """Return what is open, which it has no more then; its lock is to be held."""
        asking, self._asking = self._asking, None
        store = self._store if self._store_process == os.getpid() else None
        self._store = None
        return asking, store

    def _scope(self) -> Scope:
        scope = current_scope(self._lent_scope)
        if scope.store is not None or self.cache is None:
            return scope
        with self._lock:
            if self._store is None or self._store_process != os.getpid():
                self._store, self._store_process = RequestStore(self.cache), os.getpid()
            return replace(scope, store=self._store)

    def _lent_scope(self) -> Scope:
        """Return whose calls those are of a thread that nobody has told so.

        Raises:
            ConfigurationError: Several runs use the serving, and it may be that of any.
        """
        with self._lock:
            scopes = list(self._lent.values())
        if not scopes:
            return Scope()
        if any(scope.store is not scopes[0].store for scope in scopes):
            raise ConfigurationError(
                f"{self.name} is called from a thread that belongs to no step, while several runs "
                "use it: nobody can tell whose budget and store are meant. Start the thread's work "
                "with contextvars.copy_context().run(…), or give each run a serving of its own."
            )
        return scopes[-1]

    def _terms(self) -> Terms:
        return Terms(
            max_concurrency=self.max_concurrency,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            timeout=self.timeout,
            transport_retries=self.transport_retries,
            rate_limit_retries=self.rate_limit_retries,
            empty_retries=self.corrections,
            patience=self.patience,
            name=self.name,
        )


def _forget(state: dict[str, Any] | None) -> None:
    """End the threads of a serving that is gone and was not closed, without waiting for them.

    Garbage is collected in any thread at any time, also in the loop's own.

    Args:
        state: The serving's private attributes.
    """
    asking: Asking | None = (state or {}).get("_asking")
    if asking is not None and asking.process == os.getpid():
        asking.dispatcher.leave(partial(_close_quietly, (state or {}).get("_store")))


def _close_quietly(store: RequestStore | None) -> None:
    """Close a store where nobody hears of its failure."""
    try:
        if store is not None:
            store.close()
    except StoreError as error:
        _LOG.warning("%s", error)


def _close(asking: Asking | None, store: RequestStore | None) -> None:
    if asking is not None and asking.process == os.getpid():
        asking.close()
    if store is not None:
        store.close()
