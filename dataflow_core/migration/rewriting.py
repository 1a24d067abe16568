"""Rewrite imports: whole statements where their names go to several modules, else in place."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from dataflow_core.migration.findings import Finding
from dataflow_core.migration.imports import Imported, Key, Names, Use
from dataflow_core.migration.names import Former
from dataflow_core.migration.script import Edit, Script, Slot, next_line, removal

Safe = Collection[Key]

_LONGEST = 96


def rewrite_imports(
    script: Script, names: Names, safe: Safe, removed: Collection[int]
) -> tuple[list[Edit], list[Edit], list[Finding]]:
    """Return what changes in imports, in the names that they bring, and what is to tell of them.

    Args:
        script: The script.
        names: What it calls what.
        safe: The classes that are rewritten, by import and name.
        removed: Expressions that go, by identity.
    """
    work = _Imports(script, names, safe, removed)
    for imported in names.imported:
        work.decide(imported)
    statements = {id(one.statement): one.statement for one in names.imported}
    for statement in statements.values():
        work.rewrite(statement)
    return work.edits, work.renames, work.findings


class _Imports:
    """The work on the imports of a script."""

    def __init__(self, script: Script, names: Names, safe: Safe, removed: Collection[int]) -> None:
        self.script = script
        self.names = names
        self.safe = safe
        self.removed = removed
        self.edits: list[Edit] = []
        self.renames: list[Edit] = []
        self.findings: list[Finding] = []
        self.lines: dict[int, list[str]] = {}
        """By identity of an alias, the import lines that take its place; none to remove it."""
        self.brought: dict[str, str] = {}
        """The names that new imports bring, with what they stand for."""

    def decide(self, imported: Imported) -> None:
        finding = self._finding(imported)
        self.findings.append(finding)
        uses = self.names.users(imported)
        if imported.twin is not None:
            self._follow(imported, imported.twin, finding)
        elif imported.is_star:
            wanted = ", ".join(sorted({use.name for use in uses}))
            finding.reasons.append(
                f"name what is used in place of *: {wanted}"
                if wanted
                else "no name that is known is used of it: leave it out, or name what is used"
            )
        elif imported.is_module:
            self._decide_module(imported, uses, finding)
        elif imported.former is None:
            if any(through is imported for through, _, _ in self.names.loose):
                finding.reasons.append(f"{imported.path} is not known")
            else:
                self._drop(imported, finding, "not used")
        else:
            self._decide_class(imported, imported.former, uses, finding)

    def _follow(self, imported: Imported, twin: Imported, finding: Finding) -> None:
        """Do with a name that is imported again what was done with it the first time."""
        lines = self.lines.get(id(twin.alias))
        if lines is None:
            finding.reasons.append("it waits for the places where it is used")
            return
        self.lines[id(imported.alias)] = lines
        finding.rewritten = True
        finding.changes += lines or ["not used, removed"]

    def _finding(self, imported: Imported) -> Finding:
        node = imported.alias
        becomes = "its successors" if imported.is_module or imported.is_star else "nothing known"
        if imported.former is not None:
            becomes = imported.former.use or imported.former.becomes
        return Finding(*self.script.position(node), "import", imported.path, becomes)

    def _decide_class(
        self, imported: Imported, former: Former, uses: list[Use], finding: Finding
    ) -> None:
        gone = all(self._is_gone(use) for use in uses) and (former.fit != "same" or uses)
        if gone and imported.local not in self.names.texts:
            self._drop(imported, finding, "no longer used" if uses else "not used")
            return
        safe = all(use.key in self.safe for use in uses)
        if former.fit != "same":
            finding.reasons.append(former.instead)
        elif not safe:
            finding.reasons.append("it waits for the places where it is used")
        else:
            self._replace(imported, former, uses, finding)

    def _is_gone(self, use: Use) -> bool:
        return id(use.call) in self.removed

    def _drop(self, imported: Imported, finding: Finding, why: str) -> None:
        self.lines[id(imported.alias)] = []
        finding.becomes, finding.rewritten = "nothing", True
        finding.changes.append(f"{why}, removed")

    def _replace(
        self, imported: Imported, former: Former, uses: list[Use], finding: Finding
    ) -> None:
        local = imported.alias.asname or self._local(imported, former, uses)
        named = former.name if local == former.name else f"{former.name} as {local}"
        self.lines[id(imported.alias)] = [f"from {former.module} import {named}"]
        self.brought[local] = str(former.use)
        finding.rewritten = True
        finding.changes.append(f"from {former.module} import {named}")
        if local != imported.local:
            for use in uses:
                if not self._is_gone(use):
                    start, end = self.script.start(use.node), self.script.end(use.node)
                    self.renames.append(Edit(start, end, local))

    def _local(self, imported: Imported, former: Former, uses: Iterable[Use]) -> str:
        """Return what the script calls the class from now on: its new name, if that is free."""
        taken = former.name in self.names.bound or any(
            other is not imported and former.name in {other.local, other.alias.asname}
            for other in self.names.imported
        )
        brought = self.brought.get(former.name, former.use)
        written = any(imported.local in text for text in self.names.texts if _is_short(text))
        if former.name == imported.local:
            return former.name
        return imported.local if taken or written or brought != former.use else former.name

    def _decide_module(self, imported: Imported, uses: list[Use], finding: Finding) -> None:
        first = self._first_dotted(imported)
        if first is not imported:
            if id(first.alias) in self.lines:
                self._drop(imported, finding, "no longer used")
            else:
                finding.reasons.append("it waits for the places where it is used")
            return
        loose = [path for through, _, path in self.names.loose if through is imported]
        if loose:
            finding.reasons.append(f"{loose[0]} is not known")
            return
        if not uses:
            self._drop(imported, finding, "not used")
            return
        modules = sorted({use.former.module for use in uses})
        if not fits(imported, modules):
            named = " and ".join(modules)
            finding.reasons.append(f"its classes are in {named} now: import them by name")
            return
        if not all(use.key in self.safe for use in uses):
            finding.reasons.append("it waits for the places where it is used")
            return
        alias = imported.alias.asname or (imported.local if "." not in imported.local else None)
        finding.becomes = ", ".join(modules)
        if isinstance(imported.statement, ast.Import) and not imported.alias.asname:
            self._write_dotted(imported, uses, modules)
        else:
            self.lines[id(imported.alias)] = [f"import {modules[0]} as {alias}"]
            for use in uses:
                end = self.script.end(use.node)
                self.renames.append(Edit(end - len(use.name), end, use.former.name))
        finding.rewritten = True
        finding.changes += self.lines[id(imported.alias)]

    def _first_dotted(self, imported: Imported) -> Imported:
        """Return the first of the imports that bring the same outermost package."""
        if imported.alias.asname or not isinstance(imported.statement, ast.Import):
            return imported
        return next(
            one
            for one in self.names.imported
            if isinstance(one.statement, ast.Import) and not one.alias.asname
        )

    def _write_dotted(self, imported: Imported, uses: list[Use], modules: list[str]) -> None:
        self.lines[id(imported.alias)] = [f"import {module}" for module in modules]
        for use in uses:
            start, end = self.script.start(use.node), self.script.end(use.node)
            self.renames.append(Edit(start, end, str(use.former.use)))

    def rewrite(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Rewrite a statement as was decided of its names."""
        if not any(id(alias) in self.lines for alias in statement.names):
            return
        if self._rewrite_in_place(statement):
            return
        lines = list(self._new_lines(statement))
        start, end = self.script.start(statement), self.script.end(statement)
        comments = self.script.comments_between(start, end)
        line, _ = self.script.line_of(start)
        indent = self.script.text[line:start]
        if not lines and not comments and self._is_alone(statement, line, start, end):
            self.edits.append(Edit(line, next_line(self.script, end), ""))
            return
        if not lines:
            lines = ["pass"]
        joint = f"{self.script.newline}{indent}" if not indent.strip() else "; "
        text = joint.join([*comments, *lines] if not indent.strip() else lines)
        self.edits.append(Edit(start, end, text))

    def _rewrite_in_place(self, statement: ast.Import | ast.ImportFrom) -> bool:
        """Rewrite name by name where all go to one module, so that comments keep their places."""
        if not isinstance(statement, ast.ImportFrom):
            return False
        new = [self.lines.get(id(alias)) for alias in statement.names]
        texts = [lines[0] for lines in new if lines]
        if None in new or not texts or len(set(texts)) != len(texts):
            return False
        parts = [text.removeprefix("from ").partition(" import ") for text in texts]
        if len({module for module, _, _ in parts}) != 1 or not parts[0][2]:
            return False
        slots = self._slots(statement)
        if new[-1] == [] and slots[-1].comma is None:
            return False
        self.edits += self._module_edit(statement, parts[0][0])
        names = iter(parts)
        for at, lines in enumerate(new):
            if lines:
                self.edits.append(Edit(slots[at].start, slots[at].end, next(names)[2]))
            else:
                self.edits += removal(self.script, slots, at)
        return True

    def _slots(self, statement: ast.ImportFrom) -> list[Slot]:
        """Return the names of a statement with their commas."""
        slots, stop = [], self.script.end(statement)
        for alias in statement.names:
            start, end = self.script.start(alias), self.script.end(alias)
            after = self.script.tokens_between(end, stop)
            comma = after[0].end if after and after[0].text == "," else None
            slots.append(Slot(alias, start, end, comma))
        return slots

    def _module_edit(self, statement: ast.ImportFrom, module: str) -> list[Edit]:
        start, stop = self.script.start(statement), self.script.start(statement.names[0])
        tokens = self.script.tokens_between(start, stop)
        last = next(n for n, token in enumerate(tokens) if token.text == "import")
        return [Edit(tokens[1].start, tokens[last - 1].end, module)]

    def _new_lines(self, statement: ast.Import | ast.ImportFrom) -> Iterable[str]:
        """Yield the import statements that take the place of one: those of one module together."""
        together: dict[str, list[str]] = {}
        stays = [alias for alias in statement.names if id(alias) not in self.lines]
        for alias in statement.names:
            for line in self.lines.get(id(alias), []):
                head, _, named = line.partition(" import ")
                entry = together.setdefault(head if named else line, [])
                if named and named not in entry:
                    entry.append(named)
        for head, brought in together.items():
            yield self._wrapped(head, brought) if brought else head
        if stays:
            staying = [self.script.source(alias) for alias in stays]
            if isinstance(statement, ast.ImportFrom):
                yield self._wrapped(f"from {statement.module}", staying)
            else:
                yield f"import {', '.join(staying)}"

    def _wrapped(self, head: str, named: list[str]) -> str:
        """Return a statement, over several lines where it is too long for one."""
        line = f"{head} import {', '.join(named)}"
        if len(line) <= _LONGEST:
            return line
        lines = [f"{head} import (", *(f"    {name}," for name in named), ")"]
        return self.script.newline.join(lines)

    def _is_alone(
        self, statement: ast.Import | ast.ImportFrom, line: int, start: int, end: int
    ) -> bool:
        """Tell whether a statement may go with its line: its block has others."""
        _, last = self.script.line_of(end)
        if self.script.text[line:start].strip() or self.script.text[end:last].strip():
            return False
        outer = self.names.parents[statement][0]
        blocks = [getattr(outer, name, None) for name in ("body", "orelse", "finalbody")]
        block = next(one for one in blocks if isinstance(one, list) and statement in one)
        others = [one for one in block if one is not statement and not self._goes(one)]
        return bool(others) or isinstance(outer, ast.Module)

    def _goes(self, statement: ast.stmt) -> bool:
        return isinstance(statement, (ast.Import, ast.ImportFrom)) and all(
            self.lines.get(id(alias)) == [] for alias in statement.names
        )


def fits(imported: Imported, modules: Collection[str]) -> bool:
    """Tell whether a module can be exchanged for these; a name stands for one module alone."""
    is_dotted = isinstance(imported.statement, ast.Import) and not imported.alias.asname
    return is_dotted or len(modules) <= 1


def _is_short(text: str) -> bool:
    """Tell whether a text may be a name or a type in quotes, and not a sentence."""
    return len(text) < 100 and "\n" not in text
