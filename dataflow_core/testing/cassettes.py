"""Cassettes: a serving's answers, recorded once and played again, so that tests call no model.

A cassette is a JSONL file to be kept beside the tests. Its first line names the serving; each other
one holds a request and its reply, readable, in the order in which they came.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import orjson
from pydantic import PrivateAttr

from dataflow_core.configuration import refuse_unnamed
from dataflow_core.errors import ConfigurationError
from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
from dataflow_core.serving.base import Capability, Part, Serving
from dataflow_core.serving.completion import Usage
from dataflow_core.serving.messages import text_of

FORMAT = 1
_LOG = logging.getLogger(__name__)


class CassetteServing(Serving):
    """A serving that plays a cassette, or records one.

    Equal requests are played in the order in which they were recorded. Requests that a server
    refused for good are played as well; failures that pass are not recorded.

    Attributes:
        path: The cassette.
        serving: What answers while it records; None to only play.
        mode: ``"play"``: an answer that is not in the cassette is an error, which ends the run.
            ``"record"``: begin it anew, once for this object; when it is opened again, it goes on
            where it was. ``"extend"``: play what is there, and record the rest.

    Example:
        >>> import tempfile
        >>> from dataflow_core.testing import CassetteServing, ScriptedServing
        >>> path = f"{tempfile.mkdtemp()}/sums.jsonl"
        >>> real = ScriptedServing({"2+2": "4"})
        >>> with CassetteServing(path=path, serving=real, mode="record") as recorder:
        ...     answers = recorder.generate_from_input(["2+2"])
        >>> CassetteServing(path=path).generate_from_input(["2+2"])[0].text
        '4'
    """

    prefix: ClassVar[str] = "cassette"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({"chat", "embed", "schema", "images"})

    model: str = "cassette"
    path: Path
    serving: Serving | None = None
    mode: Literal["play", "record", "extend"] = "play"

    _has_begun: bool = PrivateAttr(False)

    def __init__(self, *unnamed: Any, **configuration: Any) -> None:
        refuse_unnamed(type(self), unnamed, "path={}")
        if not str(configuration.get("path", "-")).strip():
            raise ConfigurationError("the cassette names no file: cassette:FILE is wanted.")
        super().__init__(**configuration)
        if (self.serving is None) != (self.mode == "play"):
            raise ConfigurationError(
                f"CassetteServing: mode {self.mode!r} "
                + (
                    "needs serving, which answers while it records."
                    if self.serving is None
                    else "takes no serving: it only plays. Say mode='record' or 'extend'."
                )
            )

    @classmethod
    def from_text(cls, text: str, options: Mapping[str, Any]) -> Self:
        """Return the serving of ``cassette:PATH``."""
        return cls(path=text, **options)

    def text(self) -> tuple[str, frozenset[str]]:
        """Return the path."""
        return str(self.path), frozenset({"path"})

    def identity(self) -> dict[str, Any]:
        """Return what tells the recorded model from others, as the cassette says."""
        begins = self.mode == "record" or (self.mode == "extend" and not self.path.exists())
        told = {} if begins else _header(self.path)
        recorded = self.serving.identity() if self.serving is not None else told.get("identity", {})
        return {"endpoint": "cassette", **recorded}

    def begins_anew(self) -> bool:
        """Return whether the cassette is to begin anew, which is so once in a recording."""
        if self.mode == "play" or (self.mode == "extend" and self.path.exists()):
            return False
        has_begun, self._has_begun = self._has_begun, True
        return not (has_begun and self.path.exists())

    def lacks(self) -> list[str]:
        """Return that there is no cassette to play, or what the recorded serving lacks."""
        if self.serving is not None:
            return self.serving.lacks()
        try:
            _header(self.path)
        except ConfigurationError as error:
            return [str(error)]
        return []

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.prefix}:{self.path}"

    def recorded(self) -> Mapping[Part, int] | None:
        """Return how many answers are in the cassette, if it is only played; see `Serving`."""
        if self.mode != "play":
            return None
        return _Recorder(self).parts

    def open_backend(self) -> Backend:
        """Return what plays and records."""
        return _Recorder(self)


class _Recorder(Backend):
    def __init__(self, serving: CassetteServing) -> None:
        self._serving = serving
        self._inner = None if serving.serving is None else serving.serving.open_backend()
        self._entries: dict[str, deque[Any]] = {}
        self._requests: dict[str, str] = {}
        self.parts: Counter[Part] = Counter()
        if serving.begins_anew():
            self._begin()
        else:
            self._load()

    async def open(self) -> None:
        if self._inner is not None:
            await self._inner.open()

    async def chat(self, request: ChatRequest) -> Reply:
        told: dict[str, Any] = {"messages": list(request.messages), "sampling": request.sampling}
        if request.schema is not None:
            told["schema"] = request.schema
        if (known := self._known(told)) is not None:
            return _reply(known)
        try:
            reply = await self._recording(told).chat(request)
        except ReplyError as error:
            self._note_refusal(told, error)
            raise
        self._note(told, _plain(reply))
        return reply

    async def embed(self, texts: Sequence[str]) -> Vectors:
        told = {"texts": list(texts)}
        if (known := self._known(told)) is not None:
            return Vectors(known["vectors"], Usage(**known.get("usage", {})))
        vectors = await self._recording(told).embed(texts)
        usage = _used(vectors.usage)
        self._note(told, {"vectors": [list(one) for one in vectors.vectors], "usage": usage})
        return vectors

    async def close(self) -> None:
        if self._inner is not None:
            await self._inner.close()

    def _begin(self) -> None:
        self._serving.path.parent.mkdir(parents=True, exist_ok=True)
        assert self._serving.serving is not None  # noqa: S101
        told = {"serving": str(self._serving.serving), "identity": self._serving.serving.identity()}
        self._serving.path.write_bytes(_line({"cassette": FORMAT, **told}))

    def _load(self) -> None:
        _header(self._serving.path)
        for number, line in enumerate(self._lines(), 2):
            try:
                entry = orjson.loads(line)
                told, reply = entry["request"], entry["reply"]
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise ConfigurationError(
                    f"{self._serving.path}, line {number}: no request and reply ({error}). Record "
                    "the cassette again."
                ) from None
            self._add(told, reply)

    def _lines(self) -> list[bytes]:
        """Return the lines after the first; what a recording was cut off in goes, to be extended.

        Raises:
            ConfigurationError: The last is cut off, and the cassette is only played.
        """
        path, mode = self._serving.path, self._serving.mode
        content = path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content) and not _is_json(content[end:]):
            number = content.count(b"\n") + 1
            if mode == "play":
                raise ConfigurationError(
                    f"{path}, line {number}: it is cut off, since recording was. Record the rest "
                    "with mode='extend' and a serving."
                )
            _LOG.warning("%s, line %d: it is cut off and is dropped.", path, number)
            content = content[:end]
            path.write_bytes(content)
        elif end < len(content) and mode != "play":  # an editor left out the last line break
            path.write_bytes(content + b"\n")
        return content.splitlines()[1:]

    def _known(self, told: Mapping[str, Any]) -> Any:
        waiting = self._entries.get(_key(told))
        return waiting.popleft() if waiting else None

    def _recording(self, told: Mapping[str, Any]) -> Backend:
        """Return what answers a request that is not in the cassette.

        Raises:
            ReplyError: Nothing does.
        """
        if self._inner is not None:
            return self._inner
        shown = _shown(told)
        near = difflib.get_close_matches(shown, self._requests.values(), n=1, cutoff=0.3)
        hint = f" The nearest that it has: {near[0]!r}." if near else ""
        if _key(told) in self._requests:
            hint = " It has been played as often as it was recorded."
        raise ReplyError(
            "fatal",
            f"{self._serving.path} has no answer to {shown!r}.{hint} Record it with "
            "mode='extend' and a serving.",
        )

    def _note(self, told: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        self._requests[_key(told)] = _shown(told)
        with self._serving.path.open("ab") as file:
            file.write(_line({"request": told, "reply": reply}))

    def _note_refusal(self, told: Mapping[str, Any], error: ReplyError) -> None:
        if error.kind in ("request", "schema"):
            reply = {"error": error.kind, "message": error.message, "reason": error.reason}
            self._note(told, {**reply, "status": error.status})

    def _add(self, told: Mapping[str, Any], reply: Any) -> None:
        self._entries.setdefault(_key(told), deque()).append(reply)
        self.parts[
            "embedding" if "texts" in told else "schema" if "schema" in told else "chat"
        ] += 1
        self._requests[_key(told)] = _shown(told)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            told = orjson.loads(file.readline())
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no cassette {path}. Record one with mode='record' and a serving."
        ) from None
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or told.get("cassette") != FORMAT:
        raise ConfigurationError(f"{path} is no cassette of format {FORMAT}. Record it again.")
    return told


def _key(told: Mapping[str, Any]) -> str:
    plain = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(plain).hexdigest()


def _shown(told: Mapping[str, Any]) -> str:
    if "texts" in told:
        return " | ".join(told["texts"])[:200]
    return text_of(told["messages"][-1])[:200]


def _plain(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {"text": reply.text, "finish_reason": reply.finish_reason}
    if reply.reasoning is not None:
        told["reasoning"] = reply.reasoning
    return {**told, "usage": _used(reply.usage)}


def _used(usage: Usage) -> dict[str, int]:
    return {name: count for name, count in asdict(usage).items() if count}


def _reply(told: Mapping[str, Any]) -> Reply:
    if "error" in told:
        raise ReplyError(
            told["error"], told["message"], status=told.get("status"), reason=told.get("reason")
        )
    usage = Usage(**told.get("usage", {}))
    return Reply(told["text"], told["finish_reason"], usage, told.get("reasoning"))


def _line(content: Mapping[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
