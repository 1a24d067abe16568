"""Sampling parameters: how a model chooses its words, by names that all backends share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataflow_core.errors import ConfigurationError, did_you_mean


class Sampling(BaseModel):
    """How a model chooses its words.

    None leaves a parameter to the server, and is not sent.

    Attributes:
        temperature: 0 for the likeliest words, the default, so that answers can be reproduced;
            None for models that take no temperature.
        top_p: Nucleus sampling: the share of probability that words are chosen from.
        top_k: How many words are chosen from.
        min_p: The least probability, as a share of the likeliest word's.
        max_tokens: The most tokens of an answer, its reasoning included.
        seed: Makes sampling reproducible where the server can.
        stop: Texts at which an answer ends.
        presence_penalty: -2 to 2; against words that were there.
        frequency_penalty: -2 to 2; against words the more often they were there.
        repetition_penalty: Above 1 against repetitions, where the server knows it.
        reasoning_effort: ``"low"``, ``"medium"``, ``"high"``, …, for models that reason.
        extra: Further parameters of the server's own, sent as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Annotated[float, Field(ge=0)] | None = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: int | None = None
    stop: str | tuple[str, ...] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    reasoning_effort: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    def sampling(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters that are set, with some of them changed.

        Args:
            **changes: Parameters by name, for one call; ``extra`` is added to that which is set.

        Raises:
            ConfigurationError: There is no such parameter, or it does not take the value.
        """
        own = {name: getattr(self, name) for name in Sampling.model_fields}
        if changes:
            own = vars(_checked(own, changes))
        plain = {name: value for name, value in own.items() if value is not None and value != {}}
        if isinstance(stop := plain.get("stop"), str):
            plain["stop"] = (stop,)
        return plain


def _checked(own: Mapping[str, Any], changes: Mapping[str, Any]) -> Sampling:
    for name in changes:
        if name not in own:
            raise ConfigurationError(
                f"{name!r} is no sampling parameter.{did_you_mean(name, own)} There are: "
                f"{', '.join(own)}. What a server knows beyond these goes into extra={{…}}."
            )
    extra = {**own["extra"], **(changes.get("extra") or {})}
    try:
        return Sampling(**{**own, **changes, "extra": extra})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise ConfigurationError(
            f"{name}={changes.get(str(first['loc'][0]))!r}: {first['msg']}."
        ) from None
