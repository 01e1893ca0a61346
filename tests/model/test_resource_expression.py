"""The line that generates resources: what it makes, and how it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import RequestSyntaxError
from hoplite.model.resource_expression import MAX_GENERATED, generated


def rows(expression: str) -> list[tuple[str | int, ...]]:
    return [tuple(each.values()) for each in generated(expression)]


def test_numbers_go_on_through_the_expression_and_cpuset_begins_anew_on_each_node() -> None:
    made = generated("/nodes=node{2}.x/cpu={2}/core={2}")
    assert made[0] == {"network_address": "node1.x", "cpu": "1", "core": "1", "cpuset": 0}
    assert [each["network_address"] for each in made] == ["node1.x"] * 4 + ["node2.x"] * 4
    assert [each["cpu"] for each in made] == list("11223344")
    assert [each["core"] for each in made] == list("12345678")
    assert [each["cpuset"] for each in made] == [0, 1, 2, 3, 0, 1, 2, 3]


def test_listed_numbers_are_the_same_below_every_parent() -> None:
    assert rows("node=n[08-10,2]/core=[1-2]") == [
        ("n08", "1", 0), ("n08", "2", 1), ("n09", "1", 0), ("n09", "2", 1),
        ("n10", "1", 0), ("n10", "2", 1), ("n2", "1", 0), ("n2", "2", 1),
    ]  # fmt: skip


def test_a_value_without_a_number_is_the_value_of_all() -> None:
    assert rows("switch=sw1/hostname=a/core={2}") == [("sw1", "a", "1", 0), ("sw1", "a", "2", 1)]
    assert rows("nodes=only") == [("only", 0)]


def test_only_plain_numbers_begin_where_they_are_told_to() -> None:
    made = generated("/nodes=node{1}.x/cpu={2}/slot=s{1}", lambda name: {"cpu": 5}.get(name, 99))
    assert [(each["network_address"], each["cpu"], each["slot"]) for each in made] == [
        ("node1.x", "5", "s1"),
        ("node1.x", "6", "s2"),
    ]


def test_a_level_may_be_the_cpuset_itself() -> None:
    assert rows("/nodes=a/cpuset=[4,6]") == [("a", "4"), ("a", "6")]


@pytest.mark.parametrize(
    ("expression", "position"),
    [
        ("", 0),
        ("/", 1),
        ("nodes", 5),
        ("nodes=", 6),
        ("nodes=a/", 8),
        ("nodes=a//cpu={2}", 8),
        ("nodes=a b", 7),
        ("nodes=a/cpu={}", 13),
        ("nodes=a/cpu={0}", 13),
        ("nodes=a/cpu={-1}", 13),
        ("nodes=a/cpu={x}", 13),
        ("nodes=a/cpu={2", 14),
        ("nodes=a/cpu={2}{2}", 15),
        ("nodes=a/cpu=[3-1]", 13),
        ("nodes=a/cpu=[1,1]", 15),
        ("nodes=a/cpu=[1", 14),
        ("nodes=a/cpu=[1-", 14),
        ("nodes=a/cpu={9999999999}", 13),
        ("nodes=a{1000}/cpu={1000}", 14),
        ("nodes=a/node=b", 8),
        ("cpu={2}", 0),
        ("/nödes=a", 2),
        ("nodes=a\0/", 7),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(expression: str, position: int) -> None:
    with pytest.raises(RequestSyntaxError, match="character") as refused:
        generated(expression)
    assert refused.value.position == position
    assert refused.value.field == "resources"


def test_nothing_huge_is_made() -> None:
    assert len(generated(f"nodes=a{{{MAX_GENERATED}}}")) == MAX_GENERATED
    with pytest.raises(RequestSyntaxError):
        generated("/".join(["nodes=a", *(f"p{n}={{10}}" for n in range(50))]))
    with pytest.raises(RequestSyntaxError):
        generated("nodes=" + "a" * 20_000)


@given(st.text("nodesacpu={}[],-/0123 é\0", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    position = -1
    try:
        assert generated(text)
    except RequestSyntaxError as error:
        position = error.position
    assert position <= len(text)
