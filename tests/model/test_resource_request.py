"""Resource requests: OAR's whole language, its oddities, its errors, and its printed forms."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import RequestSyntaxError
from hoplite.model.resource_request import (
    DEFAULT_REQUEST,
    CountWord,
    Group,
    Level,
    ResourceRequest,
    request_text,
    walltime_text,
)
from hoplite.model.resource_request_parser import (
    MAX_COUNT,
    MAX_GROUPS,
    MAX_LEVELS,
    MAX_WALLTIME_S,
    parse_request,
    parse_walltime,
)
from tests.model.properties import PROPERTIES, expressions, sql

WORDS = "core nodes walltime = / + , : { } 1 30 ALL BEST 'a' host"


def read(text: str) -> ResourceRequest:
    return parse_request(text, PROPERTIES)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("walltime=0:1:0", "/resource_id=1,walltime=0:1:0"),
        ("core=1", "/core=1"),
        ("/core=1/", "/core=1"),
        ("/core=1/,walltime=1", "/core=1,walltime=1:0:0"),
        ("/core=1/+/cpu=2/", "/core=1+/cpu=2"),
        ("/core=1,walltime=1", "/core=1,walltime=1:0:0"),
        ("core=1,walltime=0:30", "/core=1,walltime=0:30:0"),
        ("core=1,walltime=0:90", "/core=1,walltime=1:30:0"),
        ("{host='nohost'}", "{host='nohost'}/resource_id=1"),
        ("{host='a'}/", "{host='a'}/resource_id=1"),
        ("{host='a'},walltime=1", "{host='a'}/resource_id=1,walltime=1:0:0"),
        ("{host='a'}nodes=2", "{host='a'}/network_address=2"),
        ("{host = 'a}b{'''}/core=1", "{host = 'a}b{'''}/core=1"),
        (" { mem>1 }\n NODES = 2\t/ Core = all +core=3 , walltime = 1 : 2\n: 3 \n",
         "{mem>1}/network_address=2/core=ALL+/core=3,walltime=1:2:3"),
        ("/cpu=1/core=2/network_address=3", "/cpu=1/core=2/network_address=3"),
        ("/core=BESTHALF", "/core=BESTHALF"),
        ("  \n", "/resource_id=1"),
    ],
)  # fmt: skip
def test_every_accepted_form_means_a_plain_one(text: str, plain: str) -> None:
    request = read(text)
    assert request_text(request) == plain
    assert read(plain) == request


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("garbage", 0, "no property 'garbage'"),
        ("/nodes=abc", 7, "expected a whole number, ALL, BEST or BESTHALF, found 'abc'"),
        ("/core=0", 6, "a count is from 1"),
        (f"/core={MAX_COUNT + 1}", 6, "a count is from 1"),
        ("/core=-1", 6, "expected a whole number, ALL, BEST or BESTHALF, found '-'"),
        ("/core=1.5", 7, "'.' is not understood"),
        ("/core", 5, "expected = and a count, found the end"),
        ("/core=", 6, "found the end"),
        ("{}/core=1", 1, "found '}'"),
        ("{mem > 1", 8, "expected AND, OR or }"),
        ("{mem > x}/core=1", 7, "no property 'x'"),
        ("/cores=1", 1, "did you mean core"),
        ("/hostname=1", 1, "did you mean network_address"),
        ("/", 1, "expected a property's name, found the end"),
        ("//core=1", 1, "expected a property's name, found '/'"),
        ("+/core=1", 0, "expected a property's name, / or {"),
        ("/core=1+", 8, "found the end"),
        ("/core=1 core=2", 8, "expected /, +, a comma and walltime=, or the end"),
        ("/core=1,", 8, "expected walltime="),
        ("/core=1,cpu=1", 8, "expected walltime="),
        ("/core=1,walltime", 16, "expected = and a walltime"),
        ("/core=1,walltime=", 17, "expected a walltime as hours"),
        ("/core=1,walltime=1:", 19, "expected a walltime as hours"),
        ("/core=1,walltime=1:2:3:4", 22, "expected the end after the walltime"),
        ("/core=1,walltime=0:0:0", 17, "a walltime is from 1"),
        ("/core=1,walltime=999999999", 17, f"to {MAX_WALLTIME_S} seconds"),
        ("walltime=1,/core=1", 10, "expected the end after the walltime"),
        ("+".join(["core=1"] * (MAX_GROUPS + 1)), 7 * MAX_GROUPS, f"more than {MAX_GROUPS} groups"),
        ("/core=1" * (MAX_LEVELS + 1), 7 * MAX_LEVELS + 1, f"more than {MAX_LEVELS} levels"),
    ],
)
def test_what_is_refused_names_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(RequestSyntaxError) as caught:
        read(text)
    assert caught.value.position == position
    assert words in caught.value.message
    assert caught.value.field == "resource"


levels = st.builds(
    Level,
    st.sampled_from(["core", "cpu", "network_address", "resource_id", "host"]),
    st.integers(1, 10**6) | st.sampled_from(CountWord),
)
filters = st.one_of(
    st.just((None, "")), expressions.map(lambda expression: (expression, sql(expression)))
)
groups = st.builds(
    lambda several, pair: Group(tuple(several), *pair),
    st.lists(levels, min_size=1, max_size=4),
    filters,
)
requests = st.builds(
    ResourceRequest,
    st.lists(groups, min_size=1, max_size=3).map(tuple),
    st.none() | st.integers(1, MAX_WALLTIME_S),
)


@given(requests)
def test_what_is_printed_is_read_back(request: ResourceRequest) -> None:
    assert read(request_text(request)) == request


@given(requests)
def test_a_request_survives_json(request: ResourceRequest) -> None:
    assert msgspec.json.decode(msgspec.json.encode(request), type=ResourceRequest) == request


@given(st.text() | st.lists(st.sampled_from(WORDS.split())).map("".join))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    request, position = DEFAULT_REQUEST, 0
    try:
        request = read(text)
    except RequestSyntaxError as error:
        position = error.position
    assert 0 <= position <= len(text)
    assert read(request_text(request)) == request


@given(st.integers(1, MAX_WALLTIME_S))
def test_a_walltime_is_printed_and_read(seconds: int) -> None:
    assert parse_walltime(walltime_text(seconds)) == seconds


def test_a_walltime_names_its_field() -> None:
    with pytest.raises(RequestSyntaxError) as caught:
        parse_walltime("1h", field="walltime-change")
    assert caught.value.field == "walltime-change"


def test_the_default_is_one_resource() -> None:
    assert request_text(DEFAULT_REQUEST) == "/resource_id=1"
