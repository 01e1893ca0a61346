"""Which resources a property filter lets through: one by one, or a whole table at once.

Texts are ordered by their characters' code points (PostgreSQL's collation "C").
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from hoplite.model.property_expression import (
    And,
    Between,
    Compare,
    CompareColumns,
    Expression,
    In,
    IsNull,
    Like,
    Not,
    Operator,
    Or,
)
from hoplite.model.resource import Resource, Value, reader
from hoplite.model.resource_set import ResourceTable, bits_at

_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def holds(expression: Expression, resource: Resource) -> bool | None:
    """Whether a filter is true of a resource; None: unknown, which lets nothing through."""
    match expression:
        case Not(operand):
            found = holds(operand, resource)
            return None if found is None else not found
        case And(operands):
            return _all([holds(operand, resource) for operand in operands])
        case Or(operands):
            found = _all([holds(Not(operand), resource) for operand in operands])
            return None if found is None else not found
        case CompareColumns(left, comparison, right):
            return _compared(comparison, resource.value(left), resource.value(right))
        case IsNull(column):
            return resource.value(column) is None
        case _:
            value = resource.value(expression.column)
            return None if value is None else _test(expression)(value)


def matching(expression: Expression, table: ResourceTable) -> int:
    """The set of the resources of ``table`` that a filter lets through."""
    return _truth(expression, table)[0]


def like(text: str, pattern: str) -> bool:
    r"""SQL's LIKE: ``%`` any text, ``_`` any character, ``\`` takes the next one as it is.

    Takes at most ``len(text) * len(pattern)`` steps.
    """
    wanted = _pattern_parts(pattern)
    at = part = 0
    retry_at, retry_part = 0, -1
    while at < len(text):
        if part < len(wanted) and wanted[part] == "%":
            part += 1
            retry_at, retry_part = at, part
        elif part < len(wanted) and wanted[part] in ("_", "\\" + text[at]):
            at, part = at + 1, part + 1
        elif retry_part >= 0:
            retry_at += 1
            at, part = retry_at, retry_part
        else:
            return False
    return all(rest == "%" for rest in wanted[part:])


def _pattern_parts(pattern: str) -> list[str]:
    r"""``%``, ``_``, or a backslash and the character meant."""
    parts = []
    characters = iter(pattern)
    for character in characters:
        if character in "%_":
            parts.append(character)
        else:
            parts.append("\\" + (next(characters, "\\") if character == "\\" else character))
    return parts


def _all(truths: list[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True


def _compared(comparison: Operator, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    return _COMPARISONS[comparison](left, right)


def _test(expression: Compare | Like | In | Between) -> Callable[[Any], bool]:
    """The test of a value that is not NULL."""
    match expression:
        case Compare(_, comparison, wanted):
            compare = _COMPARISONS[comparison]
            return lambda value: compare(value, wanted)
        case Like(_, pattern):
            return lambda value: like(value, pattern)
        case In(_, values):
            return frozenset(values).__contains__
        case Between(_, low, high):
            return lambda value: low <= value <= high


def _truth(expression: Expression, table: ResourceTable) -> tuple[int, int]:
    """The resources of which a filter is true, and those of which it is false."""
    match expression:
        case Not(operand):
            true, false = _truth(operand, table)
            return false, true
        case And(operands):
            pairs = [_truth(operand, table) for operand in operands]
            return reduce(operator.and_, [t for t, _ in pairs]), reduce(
                operator.or_, [f for _, f in pairs]
            )
        case Or(operands):
            pairs = [_truth(operand, table) for operand in operands]
            return reduce(operator.or_, [t for t, _ in pairs]), reduce(
                operator.and_, [f for _, f in pairs]
            )
        case CompareColumns():
            return _columns_truth(expression, table)
        case IsNull(column):
            true = table.by_value(column).get(None, 0)
            return true, table.all & ~true
        case _:
            return _value_truth(expression, table)


def _value_truth(
    expression: Compare | Like | In | Between, table: ResourceTable
) -> tuple[int, int]:
    column = expression.column
    sets = table.by_value(column)
    known = table.all & ~sets.get(None, 0)
    match expression:
        case Compare(_, comparison, wanted):
            true = _compared_set(table, column, comparison, wanted)
        case In(_, values):
            true = reduce(operator.or_, [sets.get(value, 0) for value in values], 0)
        case Between(_, low, high):
            true = table.below(column, high, inclusive=True) & ~table.below(column, low)
        case Like(_, pattern):
            true = table.where(
                column, lambda value: isinstance(value, str) and like(value, pattern)
            )
    return true, known & ~true


def _compared_set(
    table: ResourceTable, column: str, comparison: Operator, wanted: str | int
) -> int:
    sets = table.by_value(column)
    known = table.all & ~sets.get(None, 0)
    match comparison:
        case Operator.EQ:
            return sets.get(wanted, 0)
        case Operator.NE:
            return known & ~sets.get(wanted, 0)
        case Operator.LT | Operator.LE:
            return table.below(column, wanted, inclusive=comparison is Operator.LE)
        case Operator.GT | Operator.GE:
            return known & ~table.below(column, wanted, inclusive=comparison is Operator.GT)


def _columns_truth(expression: CompareColumns, table: ResourceTable) -> tuple[int, int]:
    left, right = reader(expression.left), reader(expression.right)
    truths = [_compared(expression.operator, left(one), right(one)) for one in table]
    true = bits_at(position for position, truth in enumerate(truths) if truth is True)
    false = bits_at(position for position, truth in enumerate(truths) if truth is False)
    return true, false
