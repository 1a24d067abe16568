"""What a script imports of the earlier system, and under which names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from dataflow_core.migration.names import ROOT, Former, FormerNames

Key = tuple[int, str]
"""An import, by identity, and a class that it brings, by name."""


@dataclass
class Imported:
    """A name of an import statement.

    Attributes:
        statement: The statement.
        alias: The name in it.
        local: What the script calls it; for ``import a.b`` the whole ``a.b``.
        path: What it stands for, in full.
        former: The entry of a class or function; None for modules, and for what is unknown.
        is_module: Whether it is a module or package.
        twin: The first import of the same thing by the same name, where this is a later one.
    """

    statement: ast.Import | ast.ImportFrom
    alias: ast.alias
    local: str
    path: str
    former: Former | None = None
    is_module: bool = False
    twin: Imported | None = None

    @property
    def module(self) -> str:
        """The module that a name is taken from."""
        return self.path.rpartition(".")[0]

    @property
    def is_star(self) -> bool:
        """Whether it stands for all names of a module."""
        return self.alias.name == "*"


@dataclass
class Use:
    """A place where a script names a former class.

    Attributes:
        node: The expression that names it.
        name: The class.
        former: Its entry.
        through: What it was imported by.
        parents: The nodes around it, the nearest first.
    """

    node: ast.expr
    name: str
    former: Former
    through: Imported
    parents: tuple[ast.AST, ...]

    @property
    def key(self) -> Key:
        """The class, as it was imported: it is rewritten everywhere or nowhere."""
        return id(self.through), self.name

    @property
    def call(self) -> ast.Call | None:
        """The call that makes an instance; None where it only names the class."""
        outer = self.parents[0]
        return outer if isinstance(outer, ast.Call) and outer.func is self.node else None

    @property
    def is_base(self) -> bool:
        """Whether a class is derived from it."""
        outer = self.parents[0]
        return isinstance(outer, ast.ClassDef) and self.node in outer.bases

    @property
    def is_annotation(self) -> bool:
        """Whether it says the type of something."""
        inner: ast.AST = self.node
        for outer in self.parents:
            named = (getattr(outer, "annotation", None), getattr(outer, "returns", None))
            if inner in named:
                return True
            if isinstance(outer, ast.stmt):
                return False
            inner = outer
        return False

    @property
    def in_formatted_text(self) -> bool:
        """Whether it is within an f-string, where older Pythons do not tell the place."""
        return any(isinstance(outer, ast.JoinedStr) for outer in self.parents)


@dataclass
class Names:
    """What a script calls what, as far as the earlier system goes.

    Attributes:
        imported: Every name of it that is imported.
        uses: Where its classes are named.
        loose: Uses of modules that name no class known.
        bound: Where each name is bound otherwise than by these imports: the lines by name.
        parents: The nodes around each node, the nearest first.
        texts: The texts that are written in the script.
    """

    imported: list[Imported] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    loose: list[tuple[Imported, ast.expr, str]] = field(default_factory=list)
    bound: dict[str, list[int]] = field(default_factory=dict)
    parents: dict[ast.AST, tuple[ast.AST, ...]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def users(self, imported: Imported) -> list[Use]:
        """Return where a name is used."""
        return [use for use in self.uses if use.through is imported]


def find_names(tree: ast.Module, known: FormerNames) -> Names:
    """Return what a script imports of the earlier system, and where it names it.

    Args:
        tree: The script.
        known: The former names.
    """
    names = Names(parents=dict(_with_parents(tree, ())))
    for node in names.parents:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            ours = list(_imports(node, known))
            names.imported += ours
            mine = {id(one.alias) for one in ours}
            for alias in node.names:
                if id(alias) not in mine:
                    local = alias.asname or alias.name.partition(".")[0]
                    names.bound.setdefault(local, []).append(node.lineno)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.texts.append(node.value)
        for name in _bound_by(node):
            names.bound.setdefault(name, []).append(getattr(node, "lineno", 0))
    _pair_twins(names)
    _find_uses(names, known)
    return names


def _pair_twins(names: Names) -> None:
    """Find what is imported twice, as in two functions; two things by one name are shadowed."""
    first: dict[str, Imported] = {}
    for one in names.imported:
        dotted = (
            one.is_module and one.alias.asname is None and isinstance(one.statement, ast.Import)
        )
        if one.is_star or dotted:
            continue
        other = first.setdefault(one.local, one)
        if other is one:
            continue
        if (other.former, other.is_module) != (one.former, one.is_module) or one.is_module:
            names.bound.setdefault(one.local, []).append(one.statement.lineno)
        else:
            one.twin = other


def _with_parents(
    node: ast.AST, above: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    open_nodes = [(node, above)]
    while open_nodes:
        one, outer = open_nodes.pop()
        yield one, outer
        inner = (one, *outer)
        open_nodes += [(child, inner) for child in reversed(list(ast.iter_child_nodes(one)))]


def _imports(node: ast.Import | ast.ImportFrom, known: FormerNames) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if _is_former(alias.name):
                local = alias.asname or alias.name
                yield Imported(node, alias, local, alias.name, is_module=True)
    elif node.level == 0 and node.module and _is_former(node.module):
        for alias in node.names:
            path = f"{node.module}.{alias.name}"
            former = known.by_name.get(alias.name)
            is_module = former is None and path in known.known_modules
            yield Imported(node, alias, alias.asname or alias.name, path, former, is_module)


def _is_former(module: str) -> bool:
    return module == ROOT or module.startswith(f"{ROOT}.")


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds, imports aside."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case _:
            return


def _find_uses(names: Names, known: FormerNames) -> None:
    by_local: dict[str, Imported] = {}
    for one in names.imported:
        if one.is_module:
            by_local.setdefault(one.alias.asname or one.local.partition(".")[0], one)
        elif not one.is_star:
            by_local.setdefault(one.local, one)
    starred = [one for one in names.imported if one.is_star]
    for node, parents in names.parents.items():
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
            continue
        through = by_local.get(node.id)
        if through is None:
            if starred and node.id in known.by_name and node.id not in names.bound:
                through = next((s for s in starred if known.brings(s.module, node.id)), starred[0])
                use = Use(node, node.id, known.by_name[node.id], through, parents)
                names.uses.append(use)
        elif through.is_module:
            _find_chain(names, known, through, node)
        elif through.former is not None:
            names.uses.append(Use(node, through.alias.name, through.former, through, parents))
        else:
            names.loose.append((through, node, through.path))


def _find_chain(names: Names, known: FormerNames, through: Imported, node: ast.Name) -> None:
    """Find what a chain of attributes of a module names."""
    path = through.path if through.alias.asname or "." not in through.local else node.id
    chain: ast.expr = node
    parents = names.parents[chain]
    while isinstance(parents[0], ast.Attribute):
        chain = parents[0]
        path += f".{parents[0].attr}"
        parents = names.parents[chain]
        if path not in known.known_modules:
            break
    name = path.rpartition(".")[2]
    if isinstance(chain, ast.Attribute) and name in known.by_name:
        names.uses.append(Use(chain, name, known.by_name[name], through, parents))
    else:
        names.loose.append((through, chain, path))
