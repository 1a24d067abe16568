"""What becomes of one call: names of parameters, what is left out, and what has to be said now."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataflow_core.errors import did_you_mean
from dataflow_core.migration.names import Parameter
from dataflow_core.migration.script import Edit, Script, Slot, removal

_CHAT_PATH = "/chat/completions"


@dataclass
class CallChange:
    """What becomes of a call.

    Attributes:
        edits: What changes in the text.
        changes: The same for people.
        reasons: Why a person has to look; empty where the edits are safe.
        removed: Arguments that go.
    """

    edits: list[Edit] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    removed: list[ast.expr] = field(default_factory=list)


def change_call(
    script: Script,
    call: ast.Call,
    parameters: Mapping[str, Parameter],
    adds: Mapping[str, Any],
    *,
    leading: Sequence[str] = (),
    classes: Mapping[int, str] | None = None,
) -> CallChange:
    """Return what becomes of a call.

    Args:
        script: The script.
        call: The call.
        parameters: Its former parameters, in order.
        adds: What it has to be told beside them.
        leading: Parameters before these that stay as they are, such as ``storage``.
        classes: The former classes that calls make instances of, by the identity of the call.
    """
    return _Changing(script, call, parameters, leading, classes or {}).done(adds)


class _Changing:
    """The work on one call."""

    def __init__(
        self,
        script: Script,
        call: ast.Call,
        parameters: Mapping[str, Parameter],
        leading: Sequence[str],
        classes: Mapping[int, str],
    ) -> None:
        self.script = script
        self.parameters = parameters
        self.leading = leading
        self.classes = classes
        self.slots = script.slots(call)
        self.call = call
        self.change = CallChange()
        self.added: list[tuple[str, str]] = []
        self.dropped: list[int] = []

    def done(self, adds: Mapping[str, Any]) -> CallChange:
        given = set()
        for at, slot in enumerate(self.slots):
            name = self._name(at, slot)
            if name is None or name in self.leading:
                given.add(name)
                continue
            given.add(name)
            self._change(at, slot, name)
        self._add_defaults(given)
        self.added += [(name, _literal(value)) for name, value in adds.items()]
        self._write_added()
        return self.change

    def _name(self, at: int, slot: Slot) -> str | None:
        """Return what parameter an argument is for; None where that cannot be told."""
        node = slot.node
        if isinstance(node, ast.keyword):
            if node.arg is None:
                self._ask("**, whose names are not in the script: write the parameters out")
            return node.arg
        if isinstance(node, ast.Starred):
            self._ask("*, whose values are not in the script: write the parameters out")
            return None
        order = [*self.leading, *self.parameters]
        if any(isinstance(one, ast.Starred) for one in self.call.args[:at]) or at >= len(order):
            self._ask(f"argument {at + 1} has no known parameter: write its name")
            return None
        return order[at]

    def _change(self, at: int, slot: Slot, name: str) -> None:
        rule = self.parameters.get(name)
        if rule is None:
            hint = did_you_mean(name, self.parameters)
            self._ask(f"{name} is no parameter that is known.{hint}")
            return
        value = slot.value
        if rule.drop is not None or self._is_spared(rule, value):
            self.dropped.append(at)
            self.change.removed.append(value)
            self.change.changes.append(f"{name} is left out")
        elif rule.ask is not None or rule.to is None:
            to = f" -> {rule.to}" if rule.to else ""
            self._ask(f"{name}{to}: {rule.ask}")
        else:
            self._rename(slot, name, rule, value)

    def _rename(self, slot: Slot, name: str, rule: Parameter, value: ast.expr) -> None:
        to = str(rule.to)
        if rule.convert and not self._convert(name, value):
            return
        if isinstance(slot.node, ast.keyword):
            if to != name:
                self._edit(slot.start, slot.start + len(name), to)
        else:
            self._edit(slot.start, slot.start, f"{to}=")
        if to != name or not isinstance(slot.node, ast.keyword):
            self.change.changes.append(f"{name} -> {to}")
        if rule.also:
            self._repeat(rule.also, name, value)

    def _repeat(self, to: str, name: str, value: ast.expr) -> None:
        simple = (ast.Constant, ast.Name, ast.Attribute)
        if isinstance(value, simple):
            self.added.append((to, self.script.source(value)))
            self.change.changes.append(f"{name} -> {to} too")
        else:
            self._ask(f"{name} -> {to} too: give both the same column")

    def _convert(self, name: str, value: ast.expr) -> bool:
        """Cut the path off a literal address; tell whether that could be done."""
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            self._ask(f"{name} -> base_url: give it without {_CHAT_PATH}")
            return False
        base = value.value.rstrip("/").removesuffix(_CHAT_PATH)
        if not base:
            self._ask(f"{name} -> base_url: it is empty")
            return False
        if base != value.value:
            self._edit(self.script.start(value), self.script.end(value), _quoted(base))
            self.change.changes.append(f"{name} without {_CHAT_PATH}")
        return True

    def _is_spared(self, rule: Parameter, value: ast.expr) -> bool:
        """Tell whether a value may be left out without asking anybody."""
        if isinstance(value, ast.Call) and self.classes.get(id(value)) in rule.unless_class:
            return not value.args and not value.keywords
        literal = value.value if isinstance(value, ast.Constant) else ...
        return any(literal == one and type(literal) is type(one) for one in rule.unless)

    def _add_defaults(self, given: Collection[str | None]) -> None:
        for name, rule in self.parameters.items():
            if name in given:
                continue
            if rule.keep:
                self.added.append((str(rule.to), _literal(rule.was)))
                if rule.also:
                    self.added.append((rule.also, _literal(rule.was)))
            elif rule.needed:
                self._ask(f"{name} -> {rule.to} is not given, and needed")

    def _write_added(self) -> None:
        """Write what is added, first in the place of what is left out."""
        for name, text in self.added:
            self.change.changes.append(f"{name}={text} is added")
        waiting = [f"{name}={text}" for name, text in self.added]
        for at in list(self.dropped):
            if waiting:
                slot = self.slots[at]
                self._edit(slot.start, slot.end, waiting.pop(0))
                self.dropped.remove(at)
        if waiting:
            self._append(waiting)
        self.change.edits += self._removals()

    def _removals(self) -> list[Edit]:
        """Return what removes arguments; where several end the call, no comma is taken twice."""
        edits: list[Edit] = []
        for at in self.dropped:
            slots = self.slots
            is_tail = all(later in self.dropped for later in range(at, len(slots)))
            if is_tail and slots[-1].comma is None:
                first = at
                end = slots[-1].end
                start = slots[first].start if first == 0 else slots[first - 1].end
                return [*edits, *self._cut(start, end, first)]
            edits += removal(self.script, slots, at)
        return edits

    def _cut(self, start: int, end: int, first: int) -> list[Edit]:
        """Return what cuts the last arguments off, the comments between them left standing."""
        if not self.script.comments_between(start, end):
            return [Edit(start, end, "")]
        return [
            edit
            for slot in self.slots[first:]
            for edit in (
                Edit(slot.start, slot.end, ""),
                *([Edit(slot.comma - 1, slot.comma, "")] if slot.comma else []),
            )
        ]

    def _append(self, texts: Sequence[str]) -> None:
        """Write arguments behind the last one, in lines of their own where it has one."""
        if not self.slots:
            close = self.script.end(self.call) - 1
            self._edit(close, close, ", ".join(texts))
            return
        last = self.slots[-1]
        line, _ = self.script.line_of(last.start)
        own_line = not self.script.text[line : last.start].strip()
        end_line = self.script.line_of(last.comma or last.end)[1]
        rest = self.script.text[last.comma or last.end : end_line].strip()
        if not own_line or (rest and not rest.startswith("#")):
            self._edit(last.end, last.end, "".join(f", {text}" for text in texts))
            return
        indent = self.script.text[line : last.start]
        lines = "".join(f"{self.script.newline}{indent}{text}," for text in texts)
        if last.comma is None and end_line == last.end:
            lines = f",{lines}"
        elif last.comma is None:
            self._edit(last.end, last.end, ",")
        self._edit(end_line, end_line, lines)

    def _edit(self, start: int, end: int, text: str) -> None:
        self.change.edits.append(Edit(start, end, text))

    def _ask(self, reason: str) -> None:
        self.change.reasons.append(reason)


def _literal(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
