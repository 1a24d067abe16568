"""What every serving does, whatever model stands behind it."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins import PluginManager
from dataflow_core.serving.base import Serving
from dataflow_core.serving.spec import serving_from_spec
from dataflow_core.testing.checks.suite import make_checks, require
from dataflow_core.testing.watching import watched

Make = Callable[[], Serving]

_INPUTS = ("One plus one is", "The capital of Peru is", "One plus one is", "Name a colour:")
_TEXTS = ("A cat sleeps.", "The price of oil rose.", "Seven times six is 42.")
_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def check_serving(make: Make) -> None:
    """Check a serving against the model that it reaches, of which a few short answers are asked.

    Args:
        make: Returns a new serving of the same configuration each time. Its model answers: a real
            one, or `FaultServer`. Its answers at temperature 0 are the same each time.

    Raises:
        ConformanceError: It does not do as operators rely on; the message has all that was found.

    Example:
        >>> from dataflow_core.testing import ScriptedServing
        >>> check_serving(lambda: ScriptedServing(lambda text: text.upper()))
    """
    serving = make()
    checks = [check for check in SERVING_CHECKS if _applies(check, serving)]
    make_checks(serving.name, checks, make)


def check_serving_construction(make: Make) -> None:
    """Making one opens no file, connection or process."""
    make()  # what is imported then is imported
    with watched() as seen:
        make()
    require(not seen, f"making it does I/O: {'; '.join(seen)}. Do it in the backend's open().")


def check_serving_order(make: Make) -> None:
    """There is one answer for each input, in their order, however many are asked at a time."""
    with closing(make()) as serving:
        told = [one.text for one in serving.generate_from_input(_INPUTS, temperature=0)]
        alone = [serving.generate_from_input([one], temperature=0)[0].text for one in _INPUTS]
    require(len(told) == len(_INPUTS), f"{len(told)} answers to {len(_INPUTS)} inputs.")
    require(told[0] == told[2], "equal inputs have different answers at temperature 0.")
    require(told == alone, "answers differ when inputs are asked one by one.")


def check_serving_completions(make: Make) -> None:
    """An answer has its text, why it ended, and the tokens that it took."""
    with closing(make()) as serving:
        (answer,) = serving.generate_from_input([_INPUTS[0]], temperature=0)
    require(answer.ok, f"there is no answer: {answer.error}")
    require(bool(answer.text), "the answer has no text.")
    require(answer.finish_reason, "the answer does not tell why it ended (finish_reason).")
    usage = answer.usage
    require(usage.prompt_tokens > 0 and usage.completion_tokens > 0, f"no tokens told: {usage}.")


def check_serving_failures_are_values(make: Make) -> None:
    """An input that is null fails in its place, and spoils none of the others."""
    with closing(make()) as serving:
        found = serving.generate_from_input([_INPUTS[0], None, _INPUTS[1]], temperature=0)
    require([one.ok for one in found] == [True, False, True], "the failure is in another place.")
    require(found[1].text is None and found[1].error, "a failure has a text.")


def check_serving_samples(make: Make) -> None:
    """Asked for two answers to an input, it gives two."""
    with closing(make()) as serving:
        (answer,) = serving.generate_from_input([_INPUTS[0]], n=2, temperature=0.7)
    require(len(answer.samples) == 2, f"{len(answer.samples)} samples, 2 were asked for.")


def check_serving_schema(make: Make) -> None:
    """An answer of a schema is parsed, and fits it."""
    with closing(make()) as serving:
        (answer,) = serving.generate_from_input([_INPUTS[1]], None, _SCHEMA, temperature=0)
    require(answer.ok, f"there is no answer that fits the schema: {answer.error}")
    fits = isinstance(answer.parsed, dict) and isinstance(answer.parsed.get("answer"), str)
    require(fits, f"{answer.parsed!r} does not fit the schema.")


def check_serving_embeddings(make: Make) -> None:
    """Vectors come in the order of the texts, equally long; a null text fails in its place."""
    with closing(make()) as serving:
        found = serving.embed(["one", None, "two", "one"])
        together = [one.vector or () for one in serving.embed(_TEXTS)]
    with closing(make()) as another:  # which remembers nothing of that
        alone = {text: another.embed([text])[0].vector or () for text in _TEXTS}
    require([one.ok for one in found] == [True, False, True, True], "not one vector for each text.")
    vectors = [one.vector for one in found if one.vector is not None]
    require(len({len(vector) for vector in vectors}) == 1, "vectors differ in length.")
    require(vectors[0] == vectors[2], "equal texts have different vectors.")
    require(vectors[0] != vectors[1], "different texts have equal vectors.")
    nearest = [min(_TEXTS, key=lambda text: math.dist(alone[text], one)) for one in together]
    require(nearest == list(_TEXTS), f"the vectors of {_TEXTS} come in another order.")


def check_serving_threads(make: Make) -> None:
    """Several threads ask at a time, and each gets its own answers."""
    with closing(make()) as serving, ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(serving.generate_from_input, [one], temperature=0)
                 for one in _INPUTS]  # fmt: skip
        told = [one.result()[0].text for one in asked]
        again = [one.text for one in serving.generate_from_input(_INPUTS, temperature=0)]
    require(told == again, "threads get answers that are not theirs.")


def check_serving_reopens(make: Make) -> None:
    """After it was closed, the next call opens it again."""
    with closing(make()) as serving:
        serving.generate_from_input([_INPUTS[0]], temperature=0)
        serving.close()
        (answer,) = serving.generate_from_input([_INPUTS[0]], temperature=0)
    require(answer.ok, f"closed once, it answers no more: {answer.error}")


def check_serving_identity(make: Make) -> None:
    """Its fingerprint is plain data that is the same each time: by it answers are found again."""
    one, other = make(), make()
    script = one.fingerprint().get("script")  # of a double; a function is no plain data
    told = {name: value for name, value in one.fingerprint().items() if value is not script}
    json.dumps(told)
    require(one.identity() == other.identity(), "the identity differs each time.")


def check_serving_spec(make: Make) -> None:
    """Its specification makes it again, as recipes and command lines do."""
    serving = make()
    again = serving_from_spec(serving.spec)
    require(again.spec == serving.spec, f"{serving.spec!r} makes {again.spec!r}.")
    require(again.identity() == serving.identity(), "made again, it is another model.")


def check_serving_pickles(make: Make) -> None:
    """It goes to another process as it is, without what it has open."""
    with closing(make()) as serving:
        serving.generate_from_input([_INPUTS[0]], temperature=0)
        again = pickle.loads(pickle.dumps(serving))  # noqa: S301  our own bytes
    require(again == serving, "pickle makes another one of it.")


SERVING_CHECKS: tuple[Callable[[Make], None], ...] = (
    check_serving_construction,
    check_serving_order,
    check_serving_completions,
    check_serving_failures_are_values,
    check_serving_samples,
    check_serving_schema,
    check_serving_embeddings,
    check_serving_threads,
    check_serving_reopens,
    check_serving_identity,
    check_serving_spec,
    check_serving_pickles,
)


def _applies(check: Callable[[Make], None], serving: Serving) -> bool:
    """Tell whether a serving has what a check is about."""
    if check is check_serving_embeddings:
        return "embed" in serving.capabilities
    if check is check_serving_schema:
        return "schema" in serving.capabilities
    if check in (check_serving_spec, check_serving_pickles):
        return _is_registered(serving)
    return True


def _is_registered(serving: Serving) -> bool:
    """Tell whether a string can stand for it; doubles that hold a function are no such."""
    try:
        prefixes = {name for one in PluginManager().servings() for name in one.spec.prefixes}
    except ConfigurationError:
        return False
    return serving.prefix in prefixes
