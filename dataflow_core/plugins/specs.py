"""What a plugin registers: light descriptions whose targets are strings, resolved on use.

A plugin's hook module imports only this file, so that listing operators imports no operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Function = Literal["generate", "evaluate", "filter", "refine"]
Scope = Literal["row", "dataset"]
Modality = Literal["text", "image", "document", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One registered thing.

    Attributes:
        name: Its name in snake case, without the plugin's namespace.
        target: Where it is defined: ``"package.module:Name"``.
        summary: What it does, in one line.
        extra: The extra of the distribution that it needs, such as ``"pii"``; None for none.
        aliases: Former names, which still resolve, with a warning; a
            `dataflow_core.deprecations.Former` says until which version.
    """

    name: str
    target: str
    summary: str
    extra: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSpec(Spec):
    """An operator: its function, scope, modality, and the published source that it follows.

    Attributes:
        function: What it does to rows.
        scope: Whether it needs all rows.
        modality: What its columns hold.
        source: The published work that it follows.
        example: What the conformance kit makes it of, where it cannot tell by itself: an
            `Example`, or a mapping of examples by name, as ``"package.conformance:EXAMPLES"``.
    """

    function: Function
    scope: Scope = "row"
    modality: Modality = "text"
    source: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSpec(Spec):
    """A pipeline class."""

    modality: Modality = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpec(Spec):
    """A prompt template; the target is a file: ``"package:prompts/name.jinja"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSpec(Spec):
    """A storage, found by the schemes of its URLs (``"s3"`` for ``s3://…`` and ``s3:…``).

    Attributes:
        schemes: The schemes that it opens.
        endings: The endings of the files that it reads, such as ``".warc.gz"``, in lower case:
            named as input without a scheme, such a file is told to need one.
    """

    schemes: tuple[str, ...]
    endings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSpec(Spec):
    """A serving, found by the prefix of its specification (``"openai"`` for ``openai:…``)."""

    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec(Spec):
    """An engine that runs plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec(Spec):
    """A command, or a group of commands, of the command line; the target is a click command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSpec(Spec):
    """A cookiecutter template; the target is ``"package:folder"``."""
