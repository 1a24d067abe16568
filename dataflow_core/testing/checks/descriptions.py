"""What is said of an operator: its docstring, and its specification."""

from __future__ import annotations

import inspect

from dataflow_core.errors import ConformanceError
from dataflow_core.operators.base import Operator
from dataflow_core.plugins.places import place_of_specification
from dataflow_core.testing.subject import Subject

_ENDS = (".", ":", "?", "!", "。", "：", "？", "！")
"""What a sentence ends with."""


def is_registered(subject: Subject) -> bool:
    """Tell whether there is a specification."""
    return subject.registered is not None


def check_docstring(subject: Subject) -> None:
    """The class has a docstring of its own, which begins with a sentence and names its source.

    The source is that of the specification, if it names one: it stands in the docstring in the same
    words, as after ``Source:``.
    """
    text = " ".join((subject.cls.__dict__.get("__doc__") or "").split())
    if not text:
        raise ConformanceError(
            f"{subject.cls.__name__} has no docstring: `dataflow operators show` prints it. Begin "
            "with one sentence that says what it does."
        )
    summary = inspect.cleandoc(subject.cls.__doc__ or "").partition("\n\n")[0]
    if not summary.rstrip().endswith(_ENDS):
        raise ConformanceError(
            f"the docstring begins with {summary[:80]!r}, which is no sentence: end it with a full "
            "stop, and an empty line after it."
        )
    source = "" if subject.registered is None else " ".join(subject.registered.spec.source.split())
    if source and source not in text:
        raise ConformanceError(
            f"its specification names the source {source!r}, and the docstring does not. Write "
            "'Source: …' into it, in the same words."
        )


def check_specification(subject: Subject) -> None:
    """The specification resolves, and says of function, scope and modality what the class does."""
    if subject.registered is None:
        return
    spec, cls = subject.registered.spec, subject.cls
    home = f"{cls.__module__}:{cls.__qualname__}"
    if spec.target != home:
        raise ConformanceError(
            f"its target is {spec.target!r}, and the class is defined in {home!r}. Name that: else "
            "recipes cannot call the operator by its name."
        )
    for name in ("function", "scope", "modality"):
        said, found = getattr(spec, name), getattr(cls, name)
        if said != found and isinstance(found, str):
            where = place_of_specification(subject.registered)
            raise ConformanceError(
                f"its specification says {name}={said!r}, and the class {found!r}. Write "
                f'{name}="{found}" in the OperatorSpec ({where}), or '
                f"{_otherwise(cls, name, said)}."
            )
    if "run" not in cls.__dict__ and cls.run is Operator.run:
        raise ConformanceError(f"{cls.__name__} defines no run.")


def _otherwise(cls: type[Operator], name: str, said: str) -> str:
    """Say how the class comes to be what its specification says."""
    if name == "modality":
        return f'set it in the class {cls.__name__}: modality: ClassVar = "{said}"'
    return f"derive {cls.__name__} from a base class whose {name} is {said!r}"
