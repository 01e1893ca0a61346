"""Property filters: what is read, what is refused and where, and what they let through."""

from __future__ import annotations

import sqlite3
import sys
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import RequestSyntaxError
from hoplite.model.filter_evaluation import holds, like, matching
from hoplite.model.property_expression import Expression, columns_of
from hoplite.model.property_filter import MAX_DEPTH, parse_filter
from hoplite.model.request_tokens import MAX_TEXT
from hoplite.model.resource import Resource
from hoplite.model.resource_set import ResourceTable
from tests.model.properties import PROPERTIES, cluster, clusters, expressions, sql

WORDS = "core host state NOT AND OR IN LIKE BETWEEN IS NULL ( ) , = <> < >= 'a' 'x''y' 7 -3 \"core\" { }"


def chosen(text: str) -> set[int]:
    table = ResourceTable(cluster())
    return set(table.ids_of(matching(parse_filter(text, PROPERTIES), table)))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("mem > 1000", set(range(1, 9))),
        ("host = 'node2' and core > 5", {6, 7, 8}),
        ("((besteffort = 'YES') AND desktop_computing = 'NO') AND drain='NO'", set(range(1, 9))),
        ("host='nohost'", set()),
        ("core = '3'", {3}),
        ("core = ' +3 '", {3}),
        ("3 >= core", {1, 2, 3}),
        ('CORE = 1 oR "core" = 2', {1, 2}),
        ("network_address LIKE '%2'", {5, 6, 7, 8}),
        ("network_address NOT LIKE 'node_'", set()),
        ("core IN (1, '8', -1)", {1, 8}),
        ("core NOT IN (1,2,3,4,5,6)", {7, 8}),
        ("resource_id BETWEEN 2 AND 3", {2, 3}),
        ("NOT core BETWEEN 2 AND 7", {1, 8}),
        ("core NOT BETWEEN 2 AND 7", {1, 8}),
        ("label IS NULL AND core IS NOT NULL AND core < 2", {1}),
        ("label = 'x' OR NOT label = 'x'", set()),
        ("cpu = core", {1}),
        ("NOT NOT core = 1", {1}),
        ("core = 1 OR core = 2 AND cpu = 2", {1}),
        ("state != 'Dead' AND state_num < 2 AND core=1", {1}),
    ],
)
def test_it_chooses_what_sql_would(text: str, ids: set[int]) -> None:
    assert chosen(text) == ids


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("nosuch = 1", 0, "resources have no property 'nosuch'"),
        ("mem > 1 AND cores = 1", 12, "did you mean core"),
        ("id = 1", 0, "did you mean resource_id"),
        ('"Core" = 1', 0, "did you mean core"),
        ("host = 'a", 7, "the ' that opens here is never closed"),
        ('"core = 1', 0, 'the " that opens here is never closed'),
        ("host = node1", 7, "a text is written in single quotes"),
        ("host = 5", 7, "host is a text: expected a text in single quotes"),
        ("core = 'x'", 7, "core is a number: expected a whole number"),
        ("core = 1.5", 8, "'.' is not understood"),
        ("core = TRUE", 7, "expected a whole number, found 'TRUE'"),
        ("core = NULL", 7, "IS NULL"),
        ("core IN (1, NULL)", 12, "IS NULL"),
        ("core IN ()", 9, "expected a whole number"),
        ("core = host", 7, "core is a number and host is a text"),
        ("core LIKE '1'", 10, "LIKE is for texts"),
        ("host LIKE 5", 10, "a pattern in single quotes"),
        ("host LIKE 'a\\'", 12, "cannot end with its escape"),
        ("host ILIKE 'a'", 5, "expected a comparison"),
        ("host ~ 'a'", 5, "'~' is not understood"),
        ("core NOT 5", 9, "LIKE, IN or BETWEEN"),
        ("core IS 5", 8, "NULL or NOT NULL"),
        ("core BETWEEN 1 OR 2", 15, "expected AND"),
        ("core = - 'a'", 9, "a whole number"),
        ("core + 1 = 2", 5, "expected a comparison"),
        ("core == 1", 6, "expected a whole number, found '='"),
        ("core", 4, "found the end"),
        ("core = 1 OR", 11, "found the end"),
        ("core = 1)", 8, "expected AND, OR or the end, found ')'"),
        ("(core = 1", 9, "expected AND, OR or )"),
        ("core = 1; DROP TABLE resources", 8, "';' is not understood"),
        ("core = 1 -- all", 9, "expected AND, OR or the end, found '-'"),
        ("1 = 1", 4, "expected a property's name"),
        ("lower(host) = 'a'", 0, "no property 'lower'"),
        ("EXISTS (SELECT 1)", 0, "expected a property's name"),
        ("core = 1\N{NO-BREAK SPACE}", 8, "is not understood"),
        ("core = " + "9" * 5000, 7, "at most 18 digits"),
        ("", 0, "found the end"),
    ],
)
def test_what_is_refused_names_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(RequestSyntaxError) as caught:
        parse_filter(text, PROPERTIES)
    assert caught.value.position == position
    assert words in caught.value.message
    assert f"at character {position + 1} of" in caught.value.message
    assert caught.value.field == "property"
    assert caught.value.http_status == 400


def test_depth_and_size_are_limited() -> None:
    deep = "(" * MAX_DEPTH + "core = 1" + ")" * MAX_DEPTH
    assert chosen(deep) == {1}
    with pytest.raises(RequestSyntaxError, match="parentheses deep"):
        parse_filter(f"({deep})", PROPERTIES)
    with pytest.raises(RequestSyntaxError, match="parentheses deep"):
        parse_filter("NOT (" * 2000, PROPERTIES)
    assert chosen("NOT " * 2000 + "core = 1") == {1}
    with pytest.raises(RequestSyntaxError, match=f"longer than {MAX_TEXT}"):
        parse_filter("core = 1" + " " * MAX_TEXT, PROPERTIES)


@given(st.text() | st.lists(st.sampled_from(WORDS.split())).map(" ".join))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    position = 0
    try:
        parse_filter(text, PROPERTIES)
    except RequestSyntaxError as error:
        position = error.position
    assert 0 <= position <= len(text)


@given(expressions)
def test_what_is_printed_is_read_back(expression: Expression) -> None:
    assert parse_filter(sql(expression), PROPERTIES) == expression


@given(expressions)
def test_a_tree_survives_json(expression: Expression) -> None:
    assert msgspec.json.decode(msgspec.json.encode(expression), type=Expression) == expression


@given(expressions, clusters)
def test_a_table_and_its_resources_agree(expression: Expression, resources: list[Resource]) -> None:
    table = ResourceTable(resources)
    one_by_one = tuple(one.id for one in table if holds(expression, one))
    assert table.ids_of(matching(expression, table)) == one_by_one


def sqlite_truths(condition: str, resources: list[Resource]) -> dict[int, bool | None]:
    names = [*PROPERTIES.by_name]
    connection = sqlite3.connect(":memory:")
    try:
        # SQLite's own LIKE takes no escape without a clause for it, and no case for ASCII.
        connection.create_function("like", 2, _regular)
        types = {"int": "INTEGER", "string": "TEXT"}
        columns = ", ".join(f"{one.name} {types[one.type]}" for one in PROPERTIES.by_name.values())
        connection.execute(f"CREATE TABLE resources ({columns})")
        marks = ", ".join("?" * len(names))
        rows = [[_plain(one.value(name)) for name in names] for one in resources]
        connection.executemany(f"INSERT INTO resources VALUES ({marks})", rows)
        found = connection.execute(f"SELECT resource_id, {condition} FROM resources").fetchall()
    finally:
        connection.close()
    return {number: None if truth is None else bool(truth) for number, truth in found}


def _plain(value: str | int | None) -> str | int | None:
    return str(value) if isinstance(value, str) else value


def _regular(pattern: str, text: str | None) -> bool | None:
    """LIKE by its definition: slow, and written another way than the one under test."""
    if text is None:
        return None
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_regular(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if pattern[0] == "\\":
        return text[:1] == pattern[1] and bool(_regular(pattern[2:], text[1:]))
    return bool(text) and pattern[0] in ("_", text[0]) and bool(_regular(pattern[1:], text[1:]))


@given(expressions, clusters)
def test_a_filter_is_as_true_as_in_sqlite(
    expression: Expression, resources: list[Resource]
) -> None:
    """True, false or unknown, for every resource."""
    expected = sqlite_truths(sql(expression), resources)
    assert {one.id: holds(expression, one) for one in resources} == expected


def test_columns_of_names_every_property() -> None:
    text = "NOT (core = 1 OR host LIKE 'a') AND cpu < mem AND label IS NULL"
    found = columns_of(parse_filter(text, PROPERTIES))
    assert found == {"core", "host", "cpu", "mem", "label"}


def test_a_hostile_pattern_takes_no_exponential_time() -> None:
    started = time.process_time()
    assert not like("a" * 255, "%a" * 127 + "b")
    assert time.process_time() - started < 1


def test_ten_thousand_resources_are_filtered_without_looking_at_each() -> None:
    table = ResourceTable(
        Resource(id=n, network_address=f"n{n // 32}", properties={"core": n, "cpu": n // 16})
        for n in range(1, 10_001)
    )
    text = "core > 5 AND core BETWEEN 3 AND 9000 AND NOT cpu = 2 AND core NOT IN (7, 8)"
    expression = parse_filter(text, PROPERTIES)
    assert matching(expression, table).bit_count() == 8977
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        matching(expression, table)
    finally:
        sys.setprofile(previous)
    assert calls < 200
