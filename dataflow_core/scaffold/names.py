"""Names that what is generated may have, and why others are refused."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Collection

from dataflow_core.errors import ConfigurationError
from dataflow_core.plugins.catalogue import SNAKE_CASE
from dataflow_core.plugins.discovery import installed_claims, normalized

RESERVED = frozenset(
    {"core", "llm_core", "text", "math", "code", "sql", "rag", "knowledge", "agent", "studio"}
)
"""Namespaces of the project's own distributions, there or to come."""

PREFIX = "dataflow_"
"""What every plugin's package begins with; a namespace is what follows."""

LONGEST_NAMESPACE = 23
LONGEST_NAME = 32

IMPORTED = frozenset(
    {
        "Any", "BooleanColumn", "ClassVar", "ConfigurationError", "DatasetEvaluator",
        "DatasetFilter", "DeduplicateExact", "Evaluator", "Field", "Filter", "Generator",
        "IntegerColumn", "MemoryStorage", "NumberColumn", "Pipeline", "Prompt", "Prompted",
        "Refiner", "Reply", "ScriptedServing", "Serving", "Storage", "TextColumn", "TwoPhase",
    }
)  # fmt: skip
"""Classes that generated modules and tests import, which theirs may not hide."""


def class_name(name: str) -> str:
    """Return the class of a name in snake case.

    Example:
        >>> class_name("word_count_filter")
        'WordCountFilter'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def distribution_name(namespace: str) -> str:
    """Return the distribution of a namespace: ``dataflow-NAMESPACE``."""
    return f"dataflow-{namespace.replace('_', '-')}"


def check_name(what: str, name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name if it is in snake case, no keyword, and not too long.

    Args:
        what: What it is the name of.
        name: The name.
        longest: The most characters.

    Raises:
        ConfigurationError: It is not; the message says what would be.
    """
    if not SNAKE_CASE.fullmatch(name):
        near = _snake_case(name)
        hint = f" Did you mean {near!r}?" if SNAKE_CASE.fullmatch(near) else ""
        raise ConfigurationError(
            f"{what} {name!r} is not in snake case: lower-case letters, digits and single "
            f"underscores, a letter first.{hint}"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ConfigurationError(f"{what} {name!r} is a keyword of Python. Choose another name.")
    if len(name) > longest:
        raise ConfigurationError(
            f"{what} {name!r} has {len(name)} characters; at most {longest} are wanted."
        )
    return name


def check_namespace(name: str) -> str:
    """Return a namespace if a new plugin can have it on this machine.

    Raises:
        ConfigurationError: It is malformed, reserved, of the standard library, or taken; it has
            the prefix of packages, or would make classes that pytest takes for tests.
    """
    _check_prefix(name)
    check_name("the namespace", name, LONGEST_NAMESPACE)
    if name in RESERVED:
        raise ConfigurationError(
            f"the namespace {name!r} is reserved for the project itself (as are "
            f"{', '.join(sorted(RESERVED - {name}))}). Choose another name."
        )
    if name in sys.stdlib_module_names:
        raise ConfigurationError(
            f"the namespace {name!r} is the name of a module of Python's standard library. "
            "Choose another name."
        )
    _check_collected("the namespace", name)
    if why := _taken(name):
        raise ConfigurationError(f"the namespace {name!r} is taken: {why}. Choose another name.")
    return name


def check_class(what: str, name: str, others: Collection[str] = ()) -> str:
    """Return a name if its class hides nothing that is imported, and is not taken for a test.

    Args:
        what: What it is the name of.
        name: The name, in snake case.
        others: Classes that the module imports besides.

    Raises:
        ConfigurationError: It is malformed, its class would hide another, or begin with ``Test``.
    """
    check_name(what, name)
    _check_collected(what, name)
    cls = class_name(name)
    if cls in IMPORTED or cls in others:
        raise ConfigurationError(
            f"{what} {name!r} would make a class {cls}, which the generated module imports from "
            f"elsewhere. Say more of what it does, as in '{name}_of_texts'."
        )
    return name


def _check_prefix(namespace: str) -> None:
    """Refuse a namespace with the prefix that distribution and package get anyway."""
    told = f"{_snake_case(namespace)}_"
    if not told.startswith(PREFIX):
        return
    bare = told.removeprefix(PREFIX).rstrip("_")
    hint = f"leave out the prefix: {bare}" if bare else "say what the plugin is for, as in reviews"
    raise ConfigurationError(
        f"the namespace {namespace!r} begins with 'dataflow', as the distribution does anyway; "
        f"{hint}"
    )


def _check_collected(what: str, name: str) -> None:
    """Refuse a name whose class pytest would collect where a test imports it."""
    if (cls := class_name(name)).startswith("Test"):
        raise ConfigurationError(
            f"{what} {name!r} would make a class {cls}, and pytest takes classes that begin with "
            "Test for tests. Choose a name that begins otherwise."
        )


def _taken(namespace: str) -> str | None:
    """Return who has a namespace, or the names that come with it."""
    distribution, package = distribution_name(namespace), f"dataflow_{namespace}"
    claims, _ = installed_claims()
    for claim in claims:
        if claim.namespace == namespace:
            return f"{claim.distribution} {claim.version}, which is installed, has it"
        if normalized(claim.distribution) == distribution:
            return f"a distribution {distribution} is installed"
    if importlib.util.find_spec(package) is not None:
        return f"a package {package} can be imported already"
    return None


def _snake_case(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", spaced).strip("_").lower()
