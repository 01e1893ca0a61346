"""The options of a submission, however they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import HopliteError, InvalidFieldError
from hoplite.submission.jobs import Submission, read_submission
from hoplite.submission.options import canonical, described, read_options
from tests.submission.around import AROUND

_NAMES = st.sampled_from([*described(), "interactive", "connect", "stagein", "json", "types", "x"])
_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["/core=1", "core=1,walltime=1", "besteffort", "1", "0", "~", "/~/x", "#!/bin/sh"]
    ),
    st.sampled_from(["#!/bin/sh\n#OAR -l /core=2\n", "2030-01-01 00:00:00", "%jobid%", "a\0b"]),
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=5,
)
_ANYTHING = st.dictionaries(_NAMES, _VALUES, max_size=6)


@given(_ANYTHING)
def test_whatever_is_asked_for_is_understood_or_refused_by_name(asked: dict[str, Any]) -> None:
    found: Submission | HopliteError
    try:
        found = read_submission(asked, AROUND)
    except HopliteError as error:
        found = error
    if isinstance(found, HopliteError):
        assert found.http_status in (400, 403)
        assert found.field and str(found)
    else:
        assert found.resubmit is not None or 1 <= len(found.jobs) <= AROUND.max_array


@given(_ANYTHING)
def test_the_spelling_makes_no_difference(asked: dict[str, Any]) -> None:
    def read(given: dict[str, Any]) -> Any:
        try:
            return canonical(given)
        except InvalidFieldError as error:
            return (error.field or "").replace("_", "-")

    assert read(asked) == read({name.replace("-", "_"): value for name, value in asked.items()})


@given(_ANYTHING)
def test_what_is_canonical_stays_as_it_is(asked: dict[str, Any]) -> None:
    try:
        once = canonical(asked)
    except InvalidFieldError:
        return
    assert canonical(once) == once


@pytest.mark.parametrize("on", [1, "1", True, "", "yes", "true", "on", "anything"])
def test_a_flag_is_on(on: Any) -> None:
    assert read_options({"hold": on}).hold


@pytest.mark.parametrize("off", [0, "0", False, "no", "False", "off", None])
def test_a_flag_is_off(off: Any) -> None:
    assert not read_options({"hold": off}).hold


@pytest.mark.parametrize("nothing", ["", None, []])
@pytest.mark.parametrize("name", ["resource", "queue", "type", "anterior", "array", "stagein"])
def test_an_option_without_a_value_is_not_there(name: str, nothing: Any) -> None:
    assert read_options({name: nothing}) == read_options({})


def test_options_may_come_one_by_one_or_in_arrays() -> None:
    one, several = read_options({"type": "a", "anterior": "3"}), {"types": ["a"], "anterior": [3]}
    assert one == read_options(several)
    assert read_options({"resources": ["/core=1", "/core=2"]}).resource == ("/core=1", "/core=2")


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"foo": "bar"}, "foo", "Unknown option: foo"),
        ({"comand": "x"}, "comand", "did you mean command"),
        ({"walltime": "1"}, "walltime", "belongs into resource"),
        ({"interactive": 1}, "interactive", "cannot manage interactive jobs"),
        ({"interactive": ""}, "interactive", "cannot manage interactive jobs"),
        ({"connect": 12}, "connect", "cannot manage interactive jobs"),
        ({"stagein": "x"}, "stagein", "desktop computing"),
        ({"array": "x"}, "array", "expected a whole number, got 'x'"),
        ({"array": True}, "array", "expected a whole number"),
        ({"array": [1, 2]}, "array", "one value is taken, not 2"),
        ({"name": {"a": 1}}, "name", "expected a text"),
        ({"name": "two\nlines"}, "name", "printable"),
        ({"command": "a\0b"}, "command", "NUL"),
        ({"anterior": ["x"]}, "anterior", "expected a whole number"),
        ({"anterior": 0}, "anterior", "from 1 on"),
        ({"property": "x" * 10_001}, "property", "at most 10000"),
        ({"config": "[1]"}, "config", "expected a hash"),
        ({"types": "a", "type": "b"}, "type", "given twice"),
        ({"use-job-key": 1, "use_job_key": 1}, "use_job_key", "given twice"),
    ],
)
def test_what_is_wrong_is_named(asked: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        read_options(asked)
    assert refused.value.field == field
    assert words in str(refused.value)
