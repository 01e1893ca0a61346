"""OAR's job types as they are written."""

from __future__ import annotations

from datetime import datetime

import pytest

from hoplite.exceptions import InvalidFieldError
from hoplite.model.batch_types import BatchTypes, read_types
from hoplite.model.latest_start import latest_start


def test_types_are_read() -> None:
    assert read_types(["besteffort", "idempotent", "cosystem=standby"]) == BatchTypes(
        besteffort=True, idempotent=True
    )
    assert read_types(["noop=standby", "state=permissive"]) == BatchTypes(
        noop=True, permissive=True
    )
    assert read_types(["container=w", "inner=12"]) == BatchTypes(container=True, inner=12)
    assert read_types([]) == BatchTypes()


@pytest.mark.parametrize(
    ("text", "pair"),
    [("user,*", ("user", "*")), ("name,user", ("user", "name")), ("*,*", ("*", "*"))],
)
def test_timesharing_comes_in_either_order(text: str, pair: tuple[str, str]) -> None:
    assert read_types([f"timesharing={text}"]).timesharing == pair


@pytest.mark.parametrize("text", ["2031-02-03 4:05", "2031-02-03 04:05:00"])
def test_a_job_is_postponed_to_a_date_of_this_machine(text: str) -> None:
    wanted = datetime(2031, 2, 3, 4, 5).timestamp()
    assert read_types([f"postpone={text}"]).postpone == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "besteffort=1",
        "inner",
        "inner=x",
        "timesharing",
        "timesharing=user",
        "timesharing=user,me",
        "postpone=soon",
        "postpone=2031-02-31",
        "container=",
        "state=any",
        "expire=tomorrow",
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="is not a type of jobs") as error:
        read_types([text])
    assert error.value.field == "type"


@pytest.mark.parametrize("text", ["placeholder=x", "allowed=x", "token:x=1", "token=1"])
def test_types_that_would_change_nothing_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidFieldError, match=f"'{text}' is not supported") as error:
        read_types([text])
    assert error.value.field == "type"


def test_a_start_has_a_last_moment() -> None:
    types = read_types(["expire=2031-02-03 04:05", "deadline=2031-02-03 05:00"])
    expire, deadline = (datetime(2031, 2, 3, *at).timestamp() for at in ((4, 5), (5, 0)))
    found = [latest_start(types, walltime_s) for walltime_s in (60.0, 7200.0)]
    assert [one.at for one in found if one is not None] == [expire, deadline - 7200.0]
    assert latest_start(read_types(["besteffort"]), 60.0) is None
