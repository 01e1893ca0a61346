"""The properties of the cluster that the recorded requests were made on, and random ones."""

from __future__ import annotations

from hypothesis import strategies as st

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
from hoplite.model.resource import Resource, ResourceState, Value
from hoplite.model.resource_property import STANDARD_PROPERTIES, PropertyType

PROPERTIES = (
    STANDARD_PROPERTIES.added("core", PropertyType.INTEGER)
    .added("cpu", PropertyType.INTEGER)
    .added("mem", PropertyType.INTEGER)
    .added("host", PropertyType.STRING)
    .added("label", PropertyType.STRING)
)
INTEGERS = ("resource_id", "core", "cpu", "mem", "state_num")
STRINGS = ("network_address", "host", "label", "state", "drain")

numbers = st.integers(-3, 12)
texts = st.text("abn%_'\\é1 ", max_size=4)
operators = st.sampled_from(Operator)


def literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def sql(expression: Expression) -> str:
    """An expression as SQL, with every operand in parentheses."""
    match expression:
        case Compare(column, operator, value):
            return f"{column} {operator} {literal(value)}"
        case CompareColumns(left, operator, right):
            return f"{left} {operator} {right}"
        case Like(column, pattern):
            return f"{column} LIKE {literal(pattern)}"
        case In(column, values):
            return f"{column} IN ({', '.join(map(literal, values))})"
        case Between(column, low, high):
            return f"{column} BETWEEN {literal(low)} AND {literal(high)}"
        case IsNull(column):
            return f"{column} IS NULL"
        case Not(operand):
            return f"NOT ({sql(operand)})"
        case And(operands):
            return " AND ".join(f"({sql(operand)})" for operand in operands)
        case Or(operands):
            return " OR ".join(f"({sql(operand)})" for operand in operands)


def _predicates(
    columns: tuple[str, ...], values: st.SearchStrategy[str | int]
) -> list[st.SearchStrategy[Expression]]:
    names = st.sampled_from(columns)
    return [
        st.builds(Compare, names, operators, values),
        st.builds(CompareColumns, names, operators, names),
        st.builds(In, names, st.lists(values, min_size=1, max_size=4).map(tuple)),
        st.builds(Between, names, values, values),
        st.builds(IsNull, names),
    ]


patterns = texts.filter(lambda text: (len(text) - len(text.rstrip("\\"))) % 2 == 0)
predicates: st.SearchStrategy[Expression] = st.one_of(
    *_predicates(INTEGERS, numbers),
    *_predicates(STRINGS, texts | st.sampled_from(["Alive", "node1", "YES", "NO"])),
    st.builds(Like, st.sampled_from(STRINGS), patterns),
)


def _combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    # Two NOTs are read as none.
    plain = inner.filter(lambda expression: not isinstance(expression, Not))
    return st.builds(Not, plain) | st.builds(And, several) | st.builds(Or, several)


expressions: st.SearchStrategy[Expression] = st.recursive(predicates, _combined, max_leaves=8)


def resource(
    number: int, state: ResourceState = ResourceState.ALIVE, **properties: Value
) -> Resource:
    return Resource(
        id=number, network_address=f"node{1 + number // 4}", state=state, properties=properties
    )


_resources = st.builds(
    resource,
    st.integers(1, 12),
    st.sampled_from(ResourceState),
    core=st.none() | numbers,
    cpu=st.none() | numbers,
    mem=st.none() | numbers,
    host=st.none() | texts,
    label=st.none() | texts,
)
clusters = st.lists(_resources, max_size=8, unique_by=lambda one: one.id)


def cluster() -> list[Resource]:
    """Eight cores on node1 and node2, as recorded."""
    return [
        Resource(
            id=core,
            network_address=f"node{1 + (core - 1) // 4}",
            cpuset=(core - 1) % 4,
            properties={
                "core": core,
                "cpu": 1 + (core - 1) // 2,
                "host": f"node{1 + (core - 1) // 4}",
                "mem": 2048,
            },
        )
        for core in range(1, 9)
    ]
