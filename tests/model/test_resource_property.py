"""The properties of resources: their types, who sets them, and how they are added and removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import HopliteError, InvalidFieldError, NotAuthorizedError
from hoplite.model.resource import STANDARD_FIELDS, Resource, ResourceState, Value
from hoplite.model.resource_property import STANDARD_PROPERTIES, PropertyType
from tests.model.properties import PROPERTIES

RECORDED_COLUMNS = {
    "available_upto", "besteffort", "cpuset", "deploy", "desktop_computing", "drain", "expiry_date",
    "finaud_decision", "last_available_upto", "last_job_date", "network_address",
    "next_finaud_decision", "next_state", "resource_id", "scheduler_priority", "state", "state_num",
    "suspended_jobs", "type",
}  # fmt: skip


def test_the_standard_columns_are_those_of_oar() -> None:
    one = Resource(id=1, network_address="node1")
    assert set(one.columns()) == RECORDED_COLUMNS
    assert set(STANDARD_PROPERTIES.by_name) == RECORDED_COLUMNS
    assert set(STANDARD_FIELDS) == RECORDED_COLUMNS - {"state_num"}


def test_a_new_resource_has_the_recorded_defaults() -> None:
    found = Resource(id=9, network_address="test3").columns()
    assert found["state"] == "Alive"
    assert found["state_num"] == 1
    assert found["available_upto"] == 2147483647
    assert found["besteffort"] == "YES"
    assert found["next_state"] == "UnChanged"
    assert found["drain"] == "NO"


@pytest.mark.parametrize(("state", "number"), [*zip(ResourceState, (1, 2, 3, 4), strict=True)])
def test_each_state_has_oars_number(state: ResourceState, number: int) -> None:
    assert state.number == number
    assert Resource(id=1, network_address="a", state=state).value("state_num") == number


def test_values_are_typed_and_named() -> None:
    given_values = {"hostname": "test3", "CPUSET": "0", "core": "77", "host": 5, "label": None}
    values = PROPERTIES.coerced(given_values)
    assert values == {
        "network_address": "test3", "cpuset": 0, "core": 77, "host": "5", "label": None
    }  # fmt: skip
    changed = Resource(id=1, network_address="x", properties={"mem": 1}).with_values(values)
    assert (changed.network_address, changed.cpuset) == ("test3", 0)
    assert changed.properties == {"mem": 1, "core": 77, "host": "5", "label": None}


def test_yaml_booleans_are_yes_and_no() -> None:
    values = PROPERTIES.coerced({"besteffort": False, "deploy": True, "label": True})
    assert values == {"besteffort": "NO", "deploy": "YES", "label": "YES"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("core", "x", "expected a whole number of at most 18 digits, got 'x'"),
        ("core", 1.5, "got 1.5"),
        ("core", True, "got True"),
        pytest.param("core", 10**5000, "got a larger one", id="core-huge"),
        ("core", [1], "got list"),
        pytest.param("host", 10**5000, "got a larger one", id="host-huge"),
        ("host", "a" * 256, "at most 255 printable characters"),
        ("host", "a\nb", "printable"),
        ("besteffort", "maybe", "expected YES or NO, got 'maybe'"),
        ("network_address", "", "got ''"),
        ("network_address", None, "got None"),
        ("cores", 1, "did you mean core"),
        ("properties", {}, "no property 'properties'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object, words: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        PROPERTIES.coerced({name: value})
    assert words in caught.value.message
    assert caught.value.field == name


def test_one_property_is_not_set_by_two_names() -> None:
    with pytest.raises(InvalidFieldError, match="given twice"):
        PROPERTIES.coerced({"hostname": "a", "network_address": "b"})


@pytest.mark.parametrize(
    "name",
    [
        "resource_id", "state", "state_num", "next_state", "finaud_decision",
        "next_finaud_decision", "last_job_date", "suspended_jobs", "expiry_date",
        "scheduler_priority",
    ],
)  # fmt: skip
def test_system_properties_are_the_servers(name: str) -> None:
    with pytest.raises(NotAuthorizedError, match=f'The property "{name}" is a system one'):
        PROPERTIES.coerced({name: "1"})


def test_a_property_is_added_and_removed() -> None:
    table = STANDARD_PROPERTIES.added("GPU_model", PropertyType.STRING)
    assert table.known("gpu_MODEL").type is PropertyType.STRING
    assert table.removed("gpu_model") == STANDARD_PROPERTIES
    with pytest.raises(InvalidFieldError, match="already"):
        table.added("gpu_model", PropertyType.INTEGER)
    with pytest.raises(NotAuthorizedError, match="standard property"):
        table.removed("drain")
    with pytest.raises(InvalidFieldError, match="no property"):
        table.removed("nosuch")


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "é", "a-b", "a" * 64, "links", "Select", "nodes"]
)
def test_names_that_would_be_misread_are_refused(name: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        STANDARD_PROPERTIES.added(name, PropertyType.INTEGER)
    assert caught.value.field == "name"


def test_internal_properties_are_no_levels() -> None:
    assert not {"resource_id", "network_address", "core"} & {*PROPERTIES.not_requestable}
    assert {"cpuset", "state", "drain"} <= {*PROPERTIES.not_requestable}


@given(st.dictionaries(st.sampled_from([*PROPERTIES.by_name]) | st.text(), st.from_type(object)))
def test_anything_is_typed_or_refused_by_name(values: dict[str, object]) -> None:
    found: dict[str, Value] = {}
    status = 400
    try:
        found = PROPERTIES.coerced(values)
    except HopliteError as error:
        status = error.http_status
    assert status in (400, 403)
    assert PROPERTIES.coerced(found) == found
