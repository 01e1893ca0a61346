"""Property filters: SQL's boolean expressions over the properties of resources, read to a tree.

::

    filter    = and-part { OR and-part }
    and-part  = not-part { AND not-part }
    not-part  = { NOT } ( "(" filter ")" | predicate )
    predicate = column ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=") (literal | column)
              | literal comparison column
              | column [NOT] LIKE text
              | column [NOT] IN "(" literal { "," literal } ")"
              | column [NOT] BETWEEN literal AND literal
              | column IS [NOT] NULL
    literal   = whole number | 'text'

Nothing else of SQL is taken.  As in PostgreSQL, a bare name may be in any case of letters, a name in
double quotes is exact, a quoted number may be compared with a number, and ``''`` is a quote within
a text.  The text is never given to a database.
"""

from __future__ import annotations

from hoplite.exceptions import RequestSyntaxError
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
from hoplite.model.request_tokens import Kind, Token, Tokens
from hoplite.model.resource_property import (
    MAX_TEXT_VALUE,
    SQL_WORDS,
    Property,
    PropertyTable,
    PropertyType,
)

MAX_DEPTH = 50
"""Parentheses within parentheses."""

_OPERATORS = {"!=": Operator.NE, **{str(operator): operator for operator in Operator}}
_MIRRORED = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
_OPERATOR_WANTED = "a comparison such as = or <>, [NOT] LIKE, IN or BETWEEN, or IS [NOT] NULL"


def parse_filter(text: str, properties: PropertyTable, field: str = "property") -> Expression:
    """Read a filter; the names in it are those of ``properties``.

    Raises :class:`RequestSyntaxError`, whatever the text is.
    """
    tokens = Tokens(text, field)
    expression = read_filter(tokens, properties)
    if not tokens.at_end():
        raise tokens.expected("AND, OR or the end")
    return expression


def read_filter(tokens: Tokens, properties: PropertyTable) -> Expression:
    """Read a filter that is part of a larger text, up to the first token that cannot belong to it."""
    return _Reader(tokens, properties).disjunction(0)


class _Reader:
    def __init__(self, tokens: Tokens, properties: PropertyTable) -> None:
        self.tokens = tokens
        self.properties = properties

    def disjunction(self, depth: int) -> Expression:
        operands = [self.conjunction(depth)]
        while self.tokens.accept_word("OR"):
            operands.append(self.conjunction(depth))
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def conjunction(self, depth: int) -> Expression:
        operands = [self.negation(depth)]
        while self.tokens.accept_word("AND"):
            operands.append(self.negation(depth))
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def negation(self, depth: int) -> Expression:
        negated = False
        while self.tokens.accept_word("NOT"):
            negated = not negated
        operand = self.primary(depth)
        return Not(operand) if negated else operand

    def primary(self, depth: int) -> Expression:
        start = self.tokens.current.start
        if not self.tokens.accept("("):
            return self.predicate()
        if depth == MAX_DEPTH:
            raise self.tokens.error(start, f"more than {MAX_DEPTH} parentheses deep")
        inner = self.disjunction(depth + 1)
        self.tokens.expect(")", "AND, OR or )")
        return inner

    def predicate(self) -> Expression:
        if self.tokens.current.kind in (Kind.NUMBER, Kind.TEXT) or self.tokens.at("-"):
            return self.mirrored()
        column = self.column("a property's name, NOT or (")
        if self.tokens.accept_word("IS"):
            negated = self.tokens.accept_word("NOT")
            if not self.tokens.accept_word("NULL"):
                raise self.tokens.expected("NULL" if negated else "NULL or NOT NULL")
            return _perhaps_not(negated, IsNull(column.name))
        if self.tokens.current.word in ("NOT", "LIKE", "IN", "BETWEEN"):
            negated = self.tokens.accept_word("NOT")
            return _perhaps_not(negated, self.membership(column))
        return self.comparison(column, self.operator(_OPERATOR_WANTED))

    def mirrored(self) -> Expression:
        """``5 < core``: the literal first."""
        literal = self.signed()
        operator = self.operator("a comparison such as = or <>")
        column = self.column("a property's name")
        return Compare(column.name, _MIRRORED[operator], self.typed(column, *literal))

    def comparison(self, column: Property, operator: Operator) -> Expression:
        token = self.tokens.current
        if token.kind is Kind.QUOTED_NAME or (token.word and token.word not in SQL_WORDS):
            return self.column_comparison(column, operator)
        return Compare(column.name, operator, self.literal(column))

    def column_comparison(self, left: Property, operator: Operator) -> Expression:
        start = self.tokens.current.start
        right = self.column("a property's name", quotable=True)
        if left.type is not right.type:
            raise self.tokens.error(
                start, f"{left.name} is {_article(left)} and {right.name} is {_article(right)}"
            )
        return CompareColumns(left.name, operator, right.name)

    def membership(self, column: Property) -> Expression:
        if self.tokens.accept_word("LIKE"):
            return self.like(column)
        if self.tokens.accept_word("IN"):
            return self.within(column)
        if self.tokens.accept_word("BETWEEN"):
            low = self.literal(column)
            if not self.tokens.accept_word("AND"):
                raise self.tokens.expected("AND")
            return Between(column.name, low, self.literal(column))
        raise self.tokens.expected("LIKE, IN or BETWEEN")

    def like(self, column: Property) -> Expression:
        if column.type is not PropertyType.STRING:
            raise self.tokens.error(
                self.tokens.current.start, f"{column.name} is a number: LIKE is for texts"
            )
        token = self.tokens.current
        if token.kind is not Kind.TEXT:
            raise self.tokens.expected("a pattern in single quotes")
        if len(token.value) > MAX_TEXT_VALUE:
            raise self.tokens.error(token.start, f"longer than {MAX_TEXT_VALUE} characters")
        self.tokens.take()
        escapes = len(token.value) - len(token.value.rstrip("\\"))
        if escapes % 2:
            raise self.tokens.error(token.end - 2, "a pattern cannot end with its escape, \\")
        return Like(column.name, token.value)

    def within(self, column: Property) -> Expression:
        self.tokens.expect("(", "( and a list of values")
        values = [self.literal(column)]
        while self.tokens.accept(","):
            values.append(self.literal(column))
        self.tokens.expect(")", "a comma or )")
        return In(column.name, tuple(values))

    def operator(self, wanted: str) -> Operator:
        token = self.tokens.current
        if token.kind is not Kind.SYMBOL or token.value not in _OPERATORS:
            raise self.tokens.expected(wanted)
        self.tokens.take()
        return _OPERATORS[token.value]

    def column(self, wanted: str, *, quotable: bool = False) -> Property:
        token = self.tokens.current
        if token.kind is not Kind.QUOTED_NAME and (not token.word or token.word in SQL_WORDS):
            raise self.tokens.expected(wanted)
        found = self.properties.get(token.value)
        if found is None or (token.kind is Kind.QUOTED_NAME and token.value != found.name):
            raise self.unknown(token, quotable=quotable)
        self.tokens.take()
        return found

    def unknown(self, token: Token, *, quotable: bool) -> RequestSyntaxError:
        message = self.properties.unknown(token.value)
        if quotable:
            message += "; a text is written in single quotes"
        return self.tokens.error(token.start, message)

    def literal(self, column: Property) -> str | int:
        token = self.tokens.current
        if token.word == "NULL":
            raise self.tokens.error(
                token.start, "nothing compares with NULL: write IS NULL or IS NOT NULL"
            )
        if token.kind not in (Kind.NUMBER, Kind.TEXT) and not self.tokens.at("-"):
            raise self.tokens.expected(_wanted(column))
        return self.typed(column, *self.signed())

    def signed(self) -> tuple[int | str, Token]:
        """A literal as it is written, and its token."""
        minus = self.tokens.accept("-")
        token = self.tokens.current
        if minus and token.kind is not Kind.NUMBER:
            raise self.tokens.expected("a whole number")
        self.tokens.take()
        if token.kind is Kind.NUMBER:
            return (-int(token.value) if minus else int(token.value)), token
        return token.value, token

    def typed(self, column: Property, given: int | str, token: Token) -> int | str:
        value = column.literal(given)
        if value is None:
            raise self.tokens.error(
                token.start, f"{column.name} is {_article(column)}: expected {_wanted(column)}"
            )
        return value


def _perhaps_not(negated: bool, expression: Expression) -> Expression:
    return Not(expression) if negated else expression


def _article(column: Property) -> str:
    return "a number" if column.type is PropertyType.INTEGER else "a text"


def _wanted(column: Property) -> str:
    if column.type is PropertyType.INTEGER:
        return "a whole number"
    return "a text in single quotes"
