"""OAR's job types as they are written."""

from __future__ import annotations

from datetime import datetime

import pytest

from hoplite.exceptions import InvalidFieldError
from hoplite.model.batch_types import BatchTypes, read_types


def test_types_are_read() -> None:
    assert read_types(["besteffort", "idempotent", "cosystem=standby"]) == BatchTypes(
        besteffort=True, idempotent=True
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
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="is not a type of jobs") as error:
        read_types([text])
    assert error.value.field == "type"
