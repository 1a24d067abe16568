"""Register one more thing in a hook module, and leave every other character of it as it is.

The place is found in the syntax tree, and text is put in there. Where a module is written in a way
that is not understood, nothing is changed, and the author is told what to write.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dataflow_core.errors import ConfigurationError
from dataflow_core.scaffold.imports import aliases_of, with_import
from dataflow_core.scaffold.source import Source, Unplaced

_INDENT = "    "
_MARK = "\ufeff"
"""What some editors of Windows put before a text, and Python leaves out."""


@dataclass(frozen=True)
class Registration:
    """A specification to register.

    Attributes:
        kind: What is registered, such as ``"operator"``.
        cls: The class of its specification, such as ``"OperatorSpec"``.
        fields: What it is given, name by name, as Python writes it.
        about: The docstring of the hook, if there is none yet.
    """

    kind: str
    cls: str
    fields: tuple[tuple[str, str], ...]
    about: str

    @property
    def hook(self) -> str:
        """The hook that returns it."""
        return f"dataflow_register_{self.kind}s"

    @property
    def name(self) -> str:
        """The name under which it is registered."""
        return str(ast.literal_eval(dict(self.fields)["name"]))

    def call(self, indent: str) -> str:
        """Return the specification, indented but for its first line, without a comma behind."""
        fields = "".join(f"{indent}{_INDENT}{name}={value},\n" for name, value in self.fields)
        return f"{self.cls}(\n{fields}{indent})"

    def function(self) -> str:
        """Return a hook that registers nothing else."""
        return (
            f"@hookimpl\ndef {self.hook}() -> list[{self.cls}]:\n"
            f'{_INDENT}"""{self.about}"""\n'
            f"{_INDENT}return [\n{_INDENT * 2}{self.call(_INDENT * 2)},\n{_INDENT}]\n"
        )


def is_registered(source: str, registration: Registration) -> bool:
    """Tell whether a hook module has a specification of this kind and name.

    Raises:
        Unplaced: The module is no Python.
    """
    found = registered_fields(source, registration.cls)
    return any(fields["name"] == registration.name for fields in found)


def registered_fields(source: str, cls: str) -> Iterator[dict[str, str]]:
    """Yield what the specifications of a class are given, as far as it is literal texts.

    Raises:
        Unplaced: The module is no Python.
    """
    tree = Source(source.removeprefix(_MARK)).tree
    formerly = aliases_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and formerly.get(_called(node), _called(node)) == cls:
            told = {one.arg: _text(tree, one.value) for one in node.keywords if one.arg}
            found = {name: text for name, text in told.items() if text is not None}
            if "name" in found:
                yield found


def check_class_is_free(source: str, kind: str, name: str, cls: str) -> None:
    """Refuse a class of a name that another operator or pipeline has: the package has one of each.

    A hook module that is no Python has none.

    Raises:
        ConfigurationError: Another has it.
    """
    for other, spec in (("operator", "OperatorSpec"), ("pipeline", "PipelineSpec")):
        for fields in _known(source, spec):
            theirs = fields.get("target", "").rpartition(":")[2]
            if theirs == cls and (other, fields["name"]) != (kind, name):
                raise ConfigurationError(
                    f"the {kind} {name!r} would make a class {cls}, which the {other} "
                    f"{fields['name']!r} has. Choose another name."
                )


def known_fields(source: str, cls: str, name: str) -> dict[str, str] | None:
    """Return what the specification of a class and name is given; None where there is none."""
    return next((one for one in _known(source, cls) if one["name"] == name), None)


def _known(source: str, cls: str) -> list[dict[str, str]]:
    try:
        return list(registered_fields(source, cls))
    except Unplaced:  # which is told when something is to be registered
        return []


def register(source: str, registration: Registration) -> str:
    """Return the text of a hook module that registers one thing more.

    Args:
        source: The module's text.
        registration: What to register; it must not be there yet.

    Raises:
        Unplaced: No place is found that is surely right.
    """
    windows = "\r\n" in source
    mark = _MARK if source.startswith(_MARK) else ""
    text = source.removeprefix(_MARK).replace("\r\n", "\n")
    if "\r" in text:
        raise Unplaced("it has lines that end with a carriage return alone")
    _require_sure(Source(text).tree, registration)
    text = _registered(text, registration)
    for name in (registration.cls, "hookimpl"):
        text = with_import(text, name)
    if not is_registered(text, registration):
        raise Unplaced("the specification would not be found where it was put")
    return mark + (text.replace("\n", "\r\n") if windows else text)


def _require_sure(tree: ast.Module, registration: Registration) -> None:
    """Refuse a module where the hook, or what it registers, may be there in another form.

    Raises:
        Unplaced: It may.
    """
    hook, name = registration.hook, registration.name
    own = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == hook]
    for node in ast.walk(tree):
        if node not in own and hook in _bound(node):
            line = getattr(node, "lineno", 1)
            raise Unplaced(f"line {line} has {hook} otherwise than as a function of the module")
    for line in _mentions(tree, name, aliases_of(tree)):
        raise Unplaced(
            f"line {line} has {name!r} otherwise than as the name in a specification, and may "
            "register it already"
        )


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a node itself gives something, among them that of a hook."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {node.name}
    if isinstance(node, ast.alias):
        return {node.asname or node.name}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    if isinstance(node, ast.keyword) and node.arg == "specname":
        return {ast.unparse(node.value).strip("'\"")}
    return set()


def _mentions(node: ast.AST, name: str, formerly: Mapping[str, str]) -> Iterator[int]:
    """Yield the lines where a name stands in no specification."""
    if isinstance(node, ast.Call):
        called = _called(node)
        if formerly.get(called, called).endswith("Spec"):
            return
    if isinstance(node, ast.Constant) and node.value == name:
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _mentions(child, name, formerly)


def _registered(text: str, registration: Registration) -> str:
    module = Source(text)
    hooks = [
        node
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and node.name == registration.hook
    ]
    if not hooks:
        end = text.rstrip("\n")
        return f"{end}\n\n\n{registration.function()}" if end else registration.function()
    if len(hooks) > 1:
        raise Unplaced(f"it defines {registration.hook} {len(hooks)} times")
    return _with_item(module, _returned(module.tree, hooks[0]), registration)


def _returned(tree: ast.Module, hook: ast.FunctionDef) -> ast.List | ast.Tuple:
    """Return the list that a hook returns, or the constant of the module that it is made of."""
    returns = [node for node in ast.walk(hook) if isinstance(node, ast.Return)]
    yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(hook))
    if len(returns) != 1 or yields:
        raise Unplaced(f"{hook.name} does not have one return statement")
    value: ast.expr | None = returns[0].value
    if isinstance(value, ast.Call) and _called(value) in {"list", "tuple"} and len(value.args) == 1:
        value = value.args[0]
    if isinstance(value, ast.Name):
        value = _list_called(tree, hook, value.id)
    if isinstance(value, (ast.List, ast.Tuple)):
        return value
    raise Unplaced(f"{hook.name} returns something else than a list that is written out")


def _list_called(tree: ast.Module, hook: ast.FunctionDef, name: str) -> ast.expr | None:
    """Return what a variable of a hook, or else a constant of the module, was given once."""
    parameters = {one.arg for one in ast.walk(hook) if isinstance(one, ast.arg)}
    inside = [value for node in ast.walk(hook) for value in _given(node, name)]
    if name in parameters or len(inside) > 1:
        return None
    return inside[0] if inside else _constant(tree, name)


def _constant(tree: ast.Module, name: str) -> ast.expr | None:
    found = [value for node in tree.body for value in _given(node, name)]
    return found[0] if len(found) == 1 else None


def _given(node: ast.AST, name: str) -> Iterator[ast.expr | None]:
    """Yield what a statement gives to a name, if it does."""
    if isinstance(node, ast.Assign) and any(_names(one, name) for one in node.targets):
        yield node.value
    if isinstance(node, ast.AnnAssign) and _names(node.target, name):
        yield node.value


def _text(tree: ast.Module, node: ast.expr) -> str | None:
    """Return the text that an expression or a constant of the module is; None for another."""
    value = _constant(tree, node.id) if isinstance(node, ast.Name) else node
    found = value.value if isinstance(value, ast.Constant) else None
    return found if isinstance(found, str) else None


def _with_item(module: Source, items: ast.List | ast.Tuple, registration: Registration) -> str:
    """Return the text with one item more at the end of a list or tuple."""
    start, end = module.span(items)
    if module.text[start] not in "[(":
        raise Unplaced("its tuple has no parentheses")
    outer = module.indent_of(start)
    inner = outer + _INDENT
    opening, closing = module.text[start], module.text[end - 1]
    added = f"{inner}{registration.call(inner)},\n{outer}{closing}"
    if not items.elts:
        if module.text[start + 1 : end - 1].strip():
            raise Unplaced("there is something in its list that is no item")
        return module.with_text(start, end, f"{opening}\n{added}")
    last = module.span(items.elts[-1])[1]
    behind = module.text[last : end - 1]
    comma = module.comma_in(behind)
    if "\n" not in module.text[start:end]:  # in one line: an item a line from now on
        parts = [module.text[slice(*module.span(item))] for item in items.elts]
        lines = "".join(f"{inner}{part},\n" for part in parts)
        return module.with_text(start, end, f"{opening}\n{lines}{added}")
    kept = behind.rstrip() if comma else f",{behind.rstrip()}"
    return module.with_text(last, end, f"{kept}\n{added}")


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _names(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
