"""Read a script of the earlier system: what it uses, what that becomes, and the text it becomes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from dataflow_core.migration.calls import CallChange, change_call
from dataflow_core.migration.findings import Finding, Kind
from dataflow_core.migration.imports import Imported, Key, Names, Use, find_names
from dataflow_core.migration.names import Former, FormerNames, former_names
from dataflow_core.migration.objects import Objects
from dataflow_core.migration.results import find_results
from dataflow_core.migration.rewriting import fits, rewrite_imports
from dataflow_core.migration.script import Edit, Script

_STORAGE_METHODS = {
    "read": "read() takes the columns, not the kind of output, and returns a DataFrame",
    "write": "write() is for operators: the rows have to be those that were read",
    "reset": "there are no steps to go back to; make a new storage",
    "get_keys_from_dataframe": "columns() returns the columns with their types",
}
_SERVING_METHODS = {
    "generate_from_input": "it returns a Completion for each input, not a text: read its text, or "
    "its failure",
    "generate_from_conversations": "give the conversations to generate_from_input(), which returns "
    "a Completion for each, not a text",
    "generate_embedding_from_input": "embed(texts) makes vectors: it returns an Embedding for each",
    "start_serving": "there is nothing to start: leave it out",
    "cleanup": "close() ends it, and a run does so by itself",
}
_METHODS = {"storage": _STORAGE_METHODS, "serving": _SERVING_METHODS}
_PIPELINE_METHODS = {
    "draw_graph": "'dataflow plan MODULE:CLASS --format html' draws the graph",
    "_draw_graph_for_operators": "'dataflow plan MODULE:CLASS --format html' draws the graph",
}


_FORWARD = (
    "forward() takes no arguments: run(output) goes on where it was stopped, and takes batch_size"
)
_RESUMING = {"resume_step", "resume_from_last", "batch_size"}
_WRITTEN = "a text names it, which nothing here follows: name what takes its place"


@dataclass
class Part:
    """A place of a script that stands or falls with a former class.

    Attributes:
        finding: What is told of it.
        change: What becomes of it; None for a mere name.
        use: The use of the class that it belongs to.
    """

    finding: Finding
    use: Use
    change: CallChange | None = None


@dataclass
class Examination:
    """What became of a script.

    Attributes:
        script: The script.
        text: Its text, rewritten as far as that is safe.
        findings: What was found, in order.
    """

    script: Script
    text: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether anything is rewritten."""
        return self.text != self.script.text

    @property
    def for_people(self) -> list[Finding]:
        """What a person has to look at."""
        return [one for one in self.findings if one.reasons]


def examine(script: Script, known: FormerNames | None = None) -> Examination:
    """Read a script, and rewrite what can be rewritten safely; the script is not run.

    A class is rewritten everywhere or nowhere: its import, every instance that is made of it, and
    every call of ``run``. Where one of them needs a person, all keep their former names, so that
    the script fails at its import and not later, with other results.

    Args:
        script: The script.
        known: The former names; None for those that come with the package.
    """
    return _Examining(script, known or former_names()).done()


class _Examining:
    """The work on one script."""

    def __init__(self, script: Script, known: FormerNames) -> None:
        self.script = script
        self.known = known
        self.names: Names = find_names(script.tree, known)
        self.objects = Objects(self.names)
        self.parts: list[Part] = []
        self.others: list[Finding] = []
        self.classes = {id(use.call): use.name for use in self.names.uses if use.call is not None}
        self.steps: list[tuple[Use, Edit]] = []
        """Calls of ``step()`` to remove, with the class on which that depends."""
        self.running: set[int] = set()
        """The uses of which a call of ``run`` was found, by identity."""
        self.foreign: list[Finding] = []
        """Calls of ``run`` of which it is not to be seen whose they are."""
        self.foreign_steps: set[int] = set()
        """The calls of ``step()`` that are arguments of these, by identity."""

    def done(self) -> Examination:
        for use in self.names.uses:
            self._look_at_use(use)
        for node in self.names.parents:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if self._place(node) is node:
                    self._look_at_method(node, node.func)
                else:
                    self._look_at_hidden(node, node.func)
            elif isinstance(node, ast.Constant):
                self._look_at_text(node)
        self._doubt_what_is_not_followed()
        safe = self._safe()
        edits = self._edits(safe)
        removed = {
            id(value)
            for part in self.parts
            if part.change is not None and part.use.key in safe
            for value in part.change.removed
        }
        imports, renames, told = rewrite_imports(self.script, self.names, safe, removed)
        results = find_results(self.script, self.names, self.objects, safe)
        edits += [*imports, *renames, *results.edits]
        findings = [*(part.finding for part in self.parts), *told, *self.others, *results.findings]
        self._tell_of_prompts(removed)
        self._tell_who_waits(safe)
        findings.sort(key=lambda one: (one.line, one.column))
        return Examination(self.script, self.script.edited(edits), findings)

    def _look_at_use(self, use: Use) -> None:
        former = use.former
        call = use.call
        if call is None:
            self._look_at_name(use)
            return
        finding = self._finding(call, "construction", use.name, former)
        part = Part(finding, use)
        self.parts.append(part)
        if use.in_formatted_text:
            finding.reasons.append("it stands in an f-string: make it in a statement of its own")
            return
        if former.fit == "same" or former.new:
            part.change = change_call(
                self.script, call, former.new, former.adds, classes=self.classes
            )
            finding.changes += part.change.changes
            finding.reasons += part.change.reasons

    def _look_at_name(self, use: Use) -> None:
        if use.is_annotation:
            return
        finding = self._finding(use.node, "name", use.name, use.former)
        if use.is_base:
            if use.former.kind != "pipeline":
                finding.reasons.append("a class is derived from it: see the author's guide")
        else:
            finding.reasons.append("it is passed on as a value: what is done with it is not known")
        self.parts.append(Part(finding, use))

    def _look_at_method(self, call: ast.Call, func: ast.Attribute) -> None:
        owner = self.objects.owner(func.value)
        kind = owner.former.kind if owner is not None else None
        if func.attr == "run" and owner is not None and kind == "operator":
            self._look_at_run(call, owner, self.objects.makers(func.value))
        elif func.attr == "run" and self._looks_former(call):
            self._look_at_foreign_run(call)
        elif func.attr == "step" and id(call) in self.foreign_steps and owner is not None:
            self._refuse(call, owner, "step", "whose call of run this is for is not to be seen")
        elif func.attr == "step" and owner is not None and kind == "storage":
            self.steps.append((owner, self._without_step(call, func)))
        elif func.attr in _PIPELINE_METHODS and self._pipelines():
            self._tell(call, func.attr, "nothing", _PIPELINE_METHODS[func.attr])
        elif func.attr == "forward" and _goes_on(call) and (pipelines := self._pipelines()):
            self._refuse(call, pipelines[0], "forward", _FORWARD)
        else:
            self._look_at_other_method(call, func, owner or self.objects.likely(func.value))

    def _look_at_other_method(self, call: ast.Call, func: ast.Attribute, owner: Use | None) -> None:
        """Refuse a method that is done otherwise here, of an object that is one, or likely one."""
        if owner is None:
            return
        given_on = isinstance(self.names.parents[call][0], (ast.Call, ast.keyword))
        if func.attr in _METHODS.get(owner.former.kind, {}):
            self._refuse(call, owner, func.attr, _METHODS[owner.former.kind][func.attr])
        elif func.attr == "step" and owner.former.kind == "storage" and not given_on:
            self._refuse(call, owner, "step", "leave it out: the storage itself is given on")

    def _tell(self, node: ast.expr, name: str, becomes: str, reason: str) -> None:
        """Tell a person of a place on which nothing else depends."""
        kind: Kind = "run" if isinstance(node, ast.Call) else "name"
        finding = Finding(*self.script.position(self._place(node)), kind, name, becomes)
        finding.reasons.append(reason)
        self.others.append(finding)

    def _look_at_text(self, node: ast.Constant) -> None:
        """Tell of a text that names a module, as what imports it by name does."""
        named = self.names.parents[node] and not isinstance(self.names.parents[node][0], ast.Expr)
        if named and isinstance(node.value, str) and self.known.names_module(node.value):
            self._tell(node, node.value, "its successors", _WRITTEN)

    def _look_at_hidden(self, call: ast.Call, func: ast.Attribute) -> None:
        """Refuse a call within an f-string, of which older Pythons do not tell the place."""
        owner = self.objects.owner(func.value)
        if owner is None or (func.attr != "run" and owner.former.kind != "storage"):
            return
        finding = self._finding(call, "run", f"{owner.name}.{func.attr}", owner.former)
        finding.reasons.append("it stands in an f-string: call it in a statement of its own")
        self.parts.append(Part(finding, owner))

    def _place(self, node: ast.AST) -> ast.AST:
        """Return the node whose place is that of a node: within f-strings, the whole text."""
        around = [one for one in self.names.parents[node] if isinstance(one, ast.JoinedStr)]
        return around[-1] if around else node

    def _look_at_run(self, call: ast.Call, owner: Use, makers: list[Use]) -> None:
        former = owner.former
        self.running |= {id(use) for use in makers}
        finding = self._finding(call, "run", f"{owner.name}.run", former)
        part = Part(finding, owner)
        self.parts.append(part)
        if former.fit in {"none", "later"}:
            return
        part.change = change_call(
            self.script, call, former.run, former.run_adds, leading=["storage"]
        )
        outer = self.names.parents[call][0]
        if not isinstance(outer, ast.Expr):
            part.change.reasons.append("what run returns is used, and run returns nothing")
        for step in self._steps_in(call):
            method = step.func
            if isinstance(method, ast.Attribute) and self.objects.owner(method.value) is None:
                self.steps.append((owner, self._without_step(step, method)))
        finding.changes += part.change.changes
        finding.reasons += part.change.reasons

    def _look_at_foreign_run(self, call: ast.Call) -> None:
        finding = Finding(*self.script.position(call), "run", "run", "run")
        finding.reasons.append(
            "it looks like a former operator's, and which one is not to be seen: name input_* and "
            "output_* by hand, and give it the storage without step()"
        )
        self.others.append(finding)
        self.foreign.append(finding)
        self.foreign_steps |= {id(step) for step in self._steps_in(call)}

    def _looks_former(self, call: ast.Call) -> bool:
        if not self.names.imported:
            return False
        named = [one.arg for one in call.keywords if one.arg]
        keyed = any(name.endswith("_key") and name.startswith(("in", "out")) for name in named)
        return keyed or any(True for _ in self._steps_in(call))

    def _steps_in(self, call: ast.Call) -> Iterator[ast.Call]:
        """Yield the calls of ``step()`` that are arguments of a call."""
        for value in [*call.args, *(one.value for one in call.keywords)]:
            if (
                isinstance(value, ast.Call)
                and isinstance(value.func, ast.Attribute)
                and value.func.attr == "step"
                and not value.args
                and not value.keywords
            ):
                yield value

    def _without_step(self, call: ast.Call, func: ast.Attribute) -> Edit:
        tokens = self.script.tokens_between(self.script.end(func.value), self.script.end(func))
        dot = next(token for token in reversed(tokens) if token.text == ".")
        return Edit(dot.start, self.script.end(call), "")

    def _refuse(self, call: ast.Call, owner: Use, method: str, reason: str) -> None:
        if owner.former.fit != "same":
            return
        finding = self._finding(call, "run", f"{owner.name}.{method}", owner.former)
        finding.reasons.append(reason)
        self.parts.append(Part(finding, owner, CallChange(reasons=[reason])))

    def _pipelines(self) -> list[Use]:
        return [use for use in self.names.uses if use.former.kind == "pipeline"]

    def _finding(self, node: ast.expr, kind: Kind, name: str, former: Former) -> Finding:
        line, column = self.script.position(self._place(node))
        finding = Finding(line, column, kind, name, former.becomes)
        finding.notes += former.differs if kind != "run" else ()
        if former.fit != "same" and former.kind != "prompt":
            finding.reasons.append(former.instead)
        elif former.kind == "prompt":
            finding.notes.append(former.instead)
        return finding

    def _safe(self) -> set[Key]:
        """Return which classes can be rewritten everywhere, by import and name."""
        there = {use.key for use in self.names.uses}
        unsafe = {part.use.key for part in self.parts if part.finding.reasons}
        unsafe |= {use.key for use in self.names.uses if use.former.fit != "same"}
        for use in self.names.uses:
            if reason := self._shadowed(use.through):
                unsafe.add(use.key)
                for part in self.parts:
                    if part.use is use and reason not in part.finding.reasons:
                        part.finding.reasons.append(reason)
        return there - unsafe - self._bound_together(unsafe)

    def _bound_together(self, unsafe: set[Key]) -> set[Key]:
        """Return what is named through a module that cannot be rewritten, and stays with it."""
        together: set[Key] = set()
        for imported in self.names.imported:
            uses = self.names.users(imported)
            keys = {use.key for use in uses}
            loose = any(through is imported for through, _, _ in self.names.loose)
            modules = {use.former.module for use in uses}
            if imported.is_module and (keys & unsafe or loose or not fits(imported, modules)):
                together |= keys
        return together

    def _shadowed(self, imported: Imported) -> str | None:
        if imported.is_star:
            return "it comes from import *: import it by name, then migrate again"
        local = imported.alias.asname or imported.local.partition(".")[0]
        if lines := self.names.bound.get(local):
            return f"{local} is something else too, since line {min(lines)}: rename one of them"
        return None

    def _edits(self, safe: set[Key]) -> list[Edit]:
        edits = []
        for part in self.parts:
            if part.use.key in safe:
                part.finding.rewritten = True
                edits += part.change.edits if part.change else []
        edits += [edit for use, edit in self.steps if use.key in safe]
        return edits

    def _doubt_what_is_not_followed(self) -> None:
        """Leave operators as they are whose calls may be those of which nothing is known."""
        for part in self.parts if self.foreign else ():
            made = part.finding.kind == "construction" and part.use.former.kind == "operator"
            if made and id(part.use) not in self.running and not part.finding.reasons:
                line = self.foreign[0].line
                part.finding.reasons.append(f"the call of run in line {line} may be its")

    def _tell_of_prompts(self, removed: set[int]) -> None:
        for part in self.parts:
            if part.use.former.kind != "prompt":
                continue
            if id(part.use.call) in removed:
                part.finding.rewritten = True
                part.finding.changes.append("goes with the argument")
            elif not part.finding.reasons:
                part.finding.reasons.append(part.use.former.instead)

    def _tell_who_waits(self, safe: set[Key]) -> None:
        """Tell of places that would be safe, why they are not rewritten."""
        blocking: dict[int, int] = {}
        for part in self.parts:
            if part.finding.reasons:
                blocking.setdefault(id(part.use.through), part.finding.line)
        for part in self.parts:
            if part.use.key in safe or part.finding.reasons or part.finding.rewritten:
                continue
            line = blocking.get(id(part.use.through), part.use.through.statement.lineno)
            part.finding.reasons.append(f"it waits for what line {line} needs")


def _goes_on(call: ast.Call) -> bool:
    """Tell whether a call gives ``forward`` what compiled pipelines took."""
    named = {one.arg for one in call.keywords}
    return bool(named & _RESUMING) or any(isinstance(one, ast.Constant) for one in call.args)
