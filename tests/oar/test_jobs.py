"""Lists of jobs over the OAR dialect of a real server: filters, pages, columns."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from hoplite.api.oar.job_shapes import JobItem, JobRow
from tests.oar.job_world import LIVE, ME, OTHER, RUNNING, World


def test_a_list_has_the_jobs_that_have_not_ended_by_id(world: World) -> None:
    page = world.page()
    assert (page["total"], page["offset"]) == (len(LIVE), 0)
    assert world.names() == LIVE
    first = page["items"][0]
    own = f"/oarapi/jobs/{first['id']}"
    assert first == {
        "id": world.jobs["array"], "state": "Running", "owner": ME, "name": None,
        "queue": "default", "submission": first["submission"], "uri": own,
        "links": [
            {"rel": "self", "href": own},
            {"rel": "collection", "href": f"{own}/resources", "title": "resources"},
            {"rel": "collection", "href": f"{own}/nodes", "title": "nodes"},
        ],
        "api_timestamp": page["api_timestamp"],
    }  # fmt: skip
    assert world.began <= first["submission"] <= page["api_timestamp"]
    assert page["links"] == [{"rel": "self", "href": "/oarapi/jobs.json?offset=0"}]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"state": "Terminated"}, ["ended", "others"]),
        ({"state": "Running,Terminated"}, ["ended", "others", *RUNNING]),
        ({"state": "Hold"}, ["held", "plain"]),
        ({"state": "Error"}, []),
        ({"state": "toAckReservation"}, []),
        ({"state": ""}, ["ended", "others", *LIVE]),
        ({"user": OTHER}, []),
        ({"user": OTHER, "state": "Terminated"}, ["others"]),
        ({"user": "nobody"}, []),
        ({"array": "{array}"}, ["array", "array2"]),
        ({"array": "{array2}"}, []),
        ({"array": "{ended}"}, ["ended"]),
        ({"array": "{plain}"}, ["plain"]),
        ({"array": "{array}", "state": "Terminated"}, []),
        ({"ids": "{ended}:{waits}"}, ["ended", "waits"]),
        ({"ids": "{waits},{others}"}, ["others", "waits"]),
        ({"ids": "{waits}", "array": "{array}"}, []),
        ({"ids": "987654321"}, []),
        ({"from": "{began}"}, ["ended", "others", *LIVE]),
        ({"from": "2000000000"}, ["reserved"]),
        ({"to": "1000"}, []),
        ({"to": "2000000000"}, [*["ended", "others"], *LIVE[:6], "plain"]),
        ({"from": "2000000000", "user": OTHER}, []),
        ({"nonsense": "1"}, LIVE),
    ],
)  # fmt: skip
def test_all_filters_must_hold_and_some_drop_the_default(
    world: World, query: Mapping[str, str], names: list[str]
) -> None:
    known = {**world.jobs, "began": world.began}
    asked = {name: value.format(**known) for name, value in query.items()}
    page = world.page(**asked)
    assert world.names(**asked) == names
    assert page["total"] == len(names)


@pytest.mark.parametrize("path", ["/jobs", "/jobs/details", "/jobs/table"])
@pytest.mark.parametrize("state", ["", "Running,Waiting,Hold", "Terminated,Waiting"])
def test_pages_follow_one_another_and_tell_how_many_there_are(
    world: World, path: str, state: str
) -> None:
    names = world.names(path=path, state=state)
    for limit in (1, 2, 3, 4):
        got: list[str] = []
        for offset in range(0, len(names) + limit, limit):
            page = world.page(path=path, state=state, limit=limit, offset=offset)
            assert page["total"] == len(names)
            got += world.names(path=path, state=state, limit=limit, offset=offset)
        assert got == names
    assert world.names(path=path, state=state, limit=2, offset=3) == names[3:5]
    assert world.names(path=path, state=state, limit=0, offset=1) == names[1:]


@pytest.mark.parametrize(
    "query",
    [{"state": "Runing"}, {"array": "x"}, {"ids": "3:x"}, {"from": "yesterday"}, {"to": "-1"}],
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_name(
    world: World, query: Mapping[str, str]
) -> None:
    answer = world.server.ask("GET", "/jobs.json", params=query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["message"]


def test_the_table_has_the_names_of_oars_columns(world: World) -> None:
    rows = world.page(path="/jobs/table", state="")["items"]
    for row in rows:
        msgspec.convert(row, JobRow)
        assert set(row) == set(JobRow.__struct_fields__)
        assert row["id"] == row["job_id"] == row["Job_Id"]
    by_id = {row["id"]: row for row in rows}
    wide, waits = by_id[world.jobs["wide"]], by_id[world.jobs["waits"]]
    assert (wide["walltime"], wide["stdout_file"]) == (1200, "OAR.%jobid%.stdout")
    assert (waits["walltime"], waits["assigned_moldable_job"]) == (None, 0)
    assert by_id[world.jobs["array2"]]["array_id"] == world.jobs["array"]


def test_items_are_as_declared(world: World) -> None:
    for each in world.page()["items"]:
        msgspec.convert(each, JobItem)
        assert set(each) == set(JobItem.__struct_fields__)
