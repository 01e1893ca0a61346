"""The tree of a property filter: what :mod:`hoplite.model.property_filter` parses SQL text to.

Every name in a tree is a known property and every literal has its property's type, so evaluation
cannot fail.  Logic is SQL's, with three values: true, false, and None for unknown, which is what a
comparison with an unset property gives.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Operator(StrEnum):
    """The comparisons, in SQL's spelling."""

    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class _Node(msgspec.Struct, frozen=True, tag=True, gc=False):
    pass


class Compare(_Node, frozen=True, gc=False):
    """``column operator literal``"""

    column: str
    operator: Operator
    value: str | int


class CompareColumns(_Node, frozen=True, gc=False):
    """``column operator column``, both of one type."""

    left: str
    operator: Operator
    right: str


class Like(_Node, frozen=True, gc=False):
    r"""``column LIKE pattern``: ``%`` any text, ``_`` any one character, ``\`` takes the next as
    it is.  Case matters.
    """

    column: str
    pattern: str


class In(_Node, frozen=True, gc=False):
    """``column IN (literal, ...)``"""

    column: str
    values: tuple[str | int, ...]


class Between(_Node, frozen=True, gc=False):
    """``column BETWEEN low AND high``, both ends included."""

    column: str
    low: str | int
    high: str | int


class IsNull(_Node, frozen=True, gc=False):
    """``column IS NULL``; never unknown."""

    column: str


class Not(_Node, frozen=True, gc=False):
    operand: Expression


class And(_Node, frozen=True, gc=False):
    operands: tuple[Expression, ...]
    """Two or more."""


class Or(_Node, frozen=True, gc=False):
    operands: tuple[Expression, ...]
    """Two or more."""


Expression = Compare | CompareColumns | Like | In | Between | IsNull | Not | And | Or


def columns_of(expression: Expression) -> frozenset[str]:
    """The names of the properties that a filter looks at."""
    match expression:
        case Not(operand):
            return columns_of(operand)
        case And(operands) | Or(operands):
            return frozenset().union(*map(columns_of, operands))
        case CompareColumns(left, _, right):
            return frozenset({left, right})
        case _:
            return frozenset({expression.column})
