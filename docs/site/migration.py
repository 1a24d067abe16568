"""Keep the tables of docs/migration.md: ``python docs/site/migration.py`` writes them anew.

They are made of the data that ``dataflow migrate`` uses, and stand between two marks; what stands
before the first is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dataflow_core.migration import Former, FormerNames, Parameter, former_names
from dataflow_core.migration.names import Command

PAGE = Path(__file__).parents[1] / "migration.md"
BEGIN = "<!-- made by docs/site/migration.py; do not edit below -->"
END = "<!-- end -->"

_SIGN = re.compile(r"(\*|\[|<(?!br>))")
_FITS = {
    "same": "rewritten",
    "person": "by hand",
}
_HEADINGS = {
    "dataflow.operators": "Operators",
    "dataflow.utils.storage": "Storages",
    "dataflow.core": "Base classes",
    "dataflow.pipeline": "Pipelines",
    "dataflow.serving": "Servings",
    "dataflow.prompts": "Prompts",
    "dataflow.utils.registry": "Registries",
    "dataflow": "Others",
}


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def renewed(page: str) -> str:
    """Return the page with tables made anew.

    Args:
        page: The page, with the marks.
    """
    by_hand, mark, _ = page.partition(BEGIN)
    if not mark:
        raise SystemExit(f"{PAGE}: the line {BEGIN!r} is missing")
    return f"{by_hand}{BEGIN}\n\n{tables(former_names())}\n\n{END}\n"


def tables(names: FormerNames) -> str:
    """Return all tables, each under its heading."""
    parts = []
    for module, entries in names.modules.items():
        kind = next(text for start, text in _HEADINGS.items() if module.startswith(start))
        parts.append(f"## {kind}: `{module}`")
        parts += _of_module(entries)
    parts.append("## Commands")
    parts.append(_table(("formerly", "here", "note"), map(_command, names.commands)))
    return "\n\n".join(parts)


def _of_module(entries: Mapping[str, Former]) -> Iterator[str]:
    """Yield the tables of a module, and the notes that they refer to."""
    mapped = {name: one for name, one in entries.items() if one.use}
    others = {name: one for name, one in entries.items() if not one.use}
    if mapped:
        notes = _Notes(mapped.values())
        header = ("formerly", "here", "how", "constructor", "`run`", "what else")
        yield _table(header, (_row(name, one, notes) for name, one in mapped.items()))
        if notes.told:
            yield "\n".join(f"{number}. {text}" for text, number in notes.told.items())
    if others:
        header = ("without a counterpart", "instead")
        groups: dict[str, list[str]] = {}
        for name, one in others.items():
            groups.setdefault(one.instead, []).extend(
                f"`{known}`" for known in (name, *one.aliases)
            )
        yield _table(header, ((", ".join(listed), text) for text, listed in groups.items()))


class _Notes:
    """What is said of several parameters, told once, with a number."""

    def __init__(self, entries: Iterable[Former]) -> None:
        rules = [rule for one in entries for rule in (*one.new.values(), *one.run.values())]
        counts = Counter(text for rule in rules for text in (rule.ask, rule.drop) if text)
        self._common = {text for text, count in counts.items() if count > 2}
        self.told: dict[str, int] = {}

    def of(self, text: str) -> str:
        """Return a text, or the number that stands for it."""
        if text not in self._common:
            return text
        return f"({self.told.setdefault(text, len(self.told) + 1)})"


def _row(name: str, one: Former, notes: _Notes) -> tuple[str, ...]:
    former = [f"`{name}`", *(f"`{alias}`" for alias in one.aliases)]
    here = f"`{one.to}`<br>`{one.name}`" if one.to else f"`{one.use}`"
    new = [*_parameters(one.new, notes), *_added(one.adds)]
    run = [*_parameters(one.run, notes), *_added(one.run_adds)]
    told = [*([one.do] if one.do else []), *one.differs]
    cells = (former, [here], [_FITS[one.fit]], new, run, told)
    return tuple("<br>".join(cell) for cell in cells)


def _parameters(rules: Mapping[str, Parameter], notes: _Notes) -> Iterator[str]:
    for name, rule in rules.items():
        target = " and ".join(f"`{one}`" for one in (rule.to, rule.also) if one)
        text = f"`{name}` → {target}" if target else f"`{name}`"
        if rule.ask:
            yield f"{text}: {notes.of(rule.ask)}"
        elif rule.drop:
            yield f"`{name}` is left out: {notes.of(rule.drop)}"
        elif rule.keep:
            yield f"{text} (was `{rule.was!r}`)"
        else:
            yield text


def _added(adds: Mapping[str, object]) -> Iterator[str]:
    for name, value in adds.items():
        yield f"`{name}={value!r}` is added"


def _command(one: Command) -> tuple[str, str, str]:
    return f"`{one.was}`", f"`{one.now}`" if one.now else "", one.note or ""


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Return a cell: what is within code stays, elsewhere signs of Markdown are only signs."""
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [_SIGN.sub(r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    sys.exit(main())
