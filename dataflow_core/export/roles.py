"""Which columns of a table are what a training format needs: as told, or found by their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.types as pat

from dataflow_core.errors import ColumnError, ConfigurationError, did_you_mean
from dataflow_core.export.names import KNOWN_AS, ROLES
from dataflow_core.export.training_format import TrainingFormat
from dataflow_core.table.types import is_json, is_text

_TEXTS = frozenset({"instruction", "input", "output", "system", "text", "data_source", "ability"})


@dataclass(frozen=True)
class Roles:
    """What plays the roles of a format.

    Attributes:
        columns: The column of each role.
        constants: Roles that have one text in all rows.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All roles that are played."""
        return frozenset({*self.columns, *self.constants})


def roles_of(kind: type[TrainingFormat]) -> tuple[str, ...]:
    """Return all roles that a format knows, those that it needs first."""
    return tuple(dict.fromkeys([*(r for group in kind.needs for r in group), *kind.optional]))


def assign_roles(
    kind: type[TrainingFormat],
    columns: Mapping[str, pa.DataType],
    given: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
) -> Roles:
    """Return the column of each role that a format needs or can use.

    Roles that are not given are found by the names of `KNOWN_AS`; an ``input`` only beside an
    ``instruction`` of that name. Optional ones that are not found are left out.

    Args:
        kind: The format.
        columns: The columns of the table.
        given: Columns by role; an empty name says that no column plays it.
        constants: Texts by role, for roles that are the same in all rows.

    Raises:
        ConfigurationError: A role is unknown to the format, or given twice.
        ColumnError: A column is not there, or of a type that cannot play its role; what the format
            needs is not found, or found in two ways.
    """
    given, constants = given or {}, constants or {}
    _require_known(kind, {**given, **constants})
    if twice := set(given) & set(constants):
        raise ConfigurationError(f"{min(twice)} is given both as a column and as a constant.")
    for role, column in given.items():
        if column and column not in columns:
            raise ColumnError(
                f"no column {column!r} for {role}.{did_you_mean(column, columns)} "
                f"{_listed(columns)}"
            )
    needed = {role for group in kind.needs for role in group}
    if empty := [role for role, text in constants.items() if role in needed and not text.strip()]:
        raise ConfigurationError(f"{empty[0]} is an empty constant, and {kind.name} needs a text.")
    told = {role: column for role, column in given.items() if column}
    found = {**_found(kind, columns, given, constants), **told}
    group = _group(kind, {*told, *constants}, found, constants, columns)
    require_use(kind, group, {*told, *constants})
    used = {role: column for role, column in found.items() if role in {*group, *kind.optional}}
    if "messages" in group:  # which hold all that columns would say besides
        used = {r: c for r, c in used.items() if r not in ("input", "history")}
    _require_types(kind, used, columns)
    return Roles(used, constants)


def require_use(kind: type[TrainingFormat], group: Collection[str], told: Collection[str]) -> None:
    """Refuse roles of which nothing would come, because lists of messages say it all.

    Args:
        kind: The format.
        group: The roles that are needed.
        told: Those that were asked for.

    Raises:
        ConfigurationError: There is one.
    """
    idle = [role for role in told if role in ("input", "history")]
    if "messages" in group and idle:
        raise ConfigurationError(
            f"{kind.name}: {idle[0]} goes with an instruction, and the conversation is taken from "
            f"messages. Leave {idle[0]} out, or name the instruction's column instead."
        )


def _require_known(kind: type[TrainingFormat], given: Iterable[str]) -> None:
    known = roles_of(kind)
    for role in given:
        if role not in known:
            told = "; ".join(f"{name}: {ROLES[name]}" for name in known)
            raise ConfigurationError(
                f"{kind.name} takes no {role!r}.{did_you_mean(role, known)} It takes {told}."
            )


def _found(
    kind: type[TrainingFormat],
    columns: Mapping[str, pa.DataType],
    given: Mapping[str, str],
    constants: Mapping[str, str],
) -> dict[str, str]:
    """Return roles with the columns that have their names and are not given another role."""
    found: dict[str, str] = {}
    taken = set(given.values())
    for role in roles_of(kind):
        if role in given or role in constants:
            continue
        names = [name for name in KNOWN_AS[role] if name in columns and name not in taken]
        if role in ("instruction", "messages"):  # a prompt is either, which its type tells
            names = [n for n in names if n != "prompt" or _fits_prompt(role, columns[n])]
        if names and (role != "input" or "instruction" in (*found.values(), *given.values())):
            found[role] = names[0]
            taken.add(names[0])
    return found


def _group(
    kind: type[TrainingFormat],
    told: set[str],
    found: Mapping[str, str],
    constants: Mapping[str, str],
    columns: Mapping[str, pa.DataType],
) -> tuple[str, ...]:
    """Return the group of roles that is played, out of those of which a format needs one."""
    needed = {role for group in kind.needs for role in group}
    wanted = [group for group in kind.needs if told & needed <= set(group)] or list(kind.needs)
    complete = [g for g in wanted if all(role in found or role in constants for role in g)]
    best = [g for g in complete if not any(set(g) < set(other) for other in complete)]
    if len(best) == 1 and not _lacks_prompt(best[0], found, columns):
        return best[0]
    if len(best) > 1:
        ways = " or ".join(
            " ".join(f"--column {role}={found[role]}" for role in group if role in found)
            for group in best
        )
        raise ColumnError(f"{kind.name} finds what it needs in two ways. Say which: {ways}")
    raise ColumnError(_lacking(kind, wanted, found, constants, columns))


def _lacks_prompt(
    group: tuple[str, ...], found: Mapping[str, str], columns: Mapping[str, pa.DataType]
) -> bool:
    """Tell whether answers are texts, before which no prompt can stand."""
    return group == ("chosen", "rejected") and is_text(columns[found["chosen"]])


def _lacking(
    kind: type[TrainingFormat],
    groups: list[tuple[str, ...]],
    found: Mapping[str, str],
    constants: Mapping[str, str],
    columns: Mapping[str, pa.DataType],
) -> str:
    groups = [g for g in groups if len(g) == max(map(len, groups))] if len(groups) > 1 else groups
    needs = ", or ".join(" and ".join(group) for group in kind.needs)
    roles = list(dict.fromkeys(role for group in groups for role in group))
    there = [f"{role}: column {found[role]!r}" for role in roles if role in found]
    there += [f"{role}: {constants[role]!r}" for role in roles if role in constants]
    # Of several ways, the one of which least is missing, and of these the last: plain columns.
    fewest = min(
        reversed(groups), key=lambda g: sum(r not in found and r not in constants for r in g)
    )
    missing = [role for role in fewest if role not in found and role not in constants]
    ways = " ".join(f"--column {role}=COLUMN" for role in missing)
    fixed = [role for role in missing if role in ("data_source", "ability")]
    one = f", or for all rows alike --constant {fixed[0]}=TEXT" if fixed else ""
    meant = "; ".join(f"{role}: {ROLES[role]}" for role in missing)
    return (
        f"{kind.name} needs {needs}. Found: {'; '.join(there) or 'none of them'}. "
        f"{_listed(columns)} Say which column is what: {ways}{one} ({meant})."
    )


def _require_types(
    kind: type[TrainingFormat], used: Mapping[str, str], columns: Mapping[str, pa.DataType]
) -> None:
    for role, column in used.items():
        found = columns[column]
        if role in _TEXTS and not (is_text(found) or pat.is_null(found) or is_json(found)):
            hint = f" Is it the list of messages? --column messages={column}"
            raise ColumnError(
                f"{kind.name}: {role} is column {column!r}, which is {found}; a column of texts "
                f"wanted.{hint if _is_list(found) else ''} Name another one with --column "
                f"{role}=COLUMN, or make texts of it first with core/derive_column."
            )


def _fits_prompt(role: str, kind: pa.DataType) -> bool:
    # Lists of messages of unlike shapes are JSON.
    return (_is_list(kind) or is_json(kind)) == (role == "messages")


def _is_list(kind: pa.DataType) -> bool:
    kinds = (pat.is_list, pat.is_large_list, pat.is_fixed_size_list, pat.is_list_view)
    return any(is_kind(kind) for is_kind in (*kinds, pat.is_large_list_view))


def _listed(columns: Mapping[str, pa.DataType]) -> str:
    names = list(columns)
    return f"The table has: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}."
