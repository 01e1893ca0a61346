"""One job over the OAR dialect of a real server: its keys, its resources, and why it waits."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
import yaml

from hoplite.api.oar.job_shapes import FullJob, JobDetails
from tests.oar.job_world import ADMIN, ALONE, LIVE, ME, OTHER, RUNNING, World

MEDIA = {"json": "application/json", "yaml": "text/yaml", "html": "text/html"}


def test_a_running_job_has_every_key_with_its_type(world: World) -> None:
    job = world.job("wide")
    msgspec.convert(job, JobDetails)
    assert set(job) - ALONE == set(JobDetails.__struct_encode_fields__) - ALONE
    number = job["id"]
    assert job["start_time"] == job["scheduled_start"] >= world.began
    assert (job["stop_time"], job["exit_code"], job["walltime"]) == (0, None, 1200)
    assert (job["state"], job["reservation"], job["type"]) == ("Running", "None", "PASSIVE")
    assert (job["array_id"], job["array_index"], job["resubmit_job_id"]) == (number, 1, 0)
    assert job["cpuset_name"] == f"{ME}_{number}"
    assert (job["stdout_file"], job["stderr_file"]) == (
        f"OAR.{number}.stdout", f"OAR.{number}.stderr",
    )  # fmt: skip
    assert job["message"] == "R=2,W=0:20:0,J=B,P=p (Karma=0.000,quota_ok)"
    wanted = "-l \"{type = 'default'}/network_address=2/core=1,walltime=0:20:0\" "
    assert job["wanted_resources"] == wanted
    assert (job["command"], job["project"], job["events"]) == ("sleep 600", "p", [])


def test_details_have_resources_and_nodes_with_their_status(world: World) -> None:
    job = world.job("wide", more="/details")
    assert set(job) - ALONE == set(FullJob.__struct_encode_fields__) - ALONE
    assert [each["status"] for each in job["resources"]] == ["assigned"] * 2
    assert {each["cpuset"] for each in job["resources"]} <= {"0", "1", "2", "3"}
    assert [(each["network_address"], each["status"]) for each in job["nodes"]] == [
        ("node1", "assigned"), ("node2", "assigned"),
    ]  # fmt: skip
    assert job["nodes"][0]["links"] == [
        {"rel": "self", "href": "/oarapi-priv/resources/nodes/node1"}
    ]
    for name, status, count in (("waits", "scheduled", 8), ("reserved", "reserved", 2)):
        resources = world.page(path=f"/jobs/{world.jobs[name]}/resources")
        assert [each["status"] for each in resources["items"]] == [status] * count
        assert resources["total"] == count
    for name in ("held", "after", "plain"):
        assert world.page(path=f"/jobs/{world.jobs[name]}/nodes")["items"] == []


def test_a_job_that_waits_has_its_predicted_start(world: World) -> None:
    waits, wide = world.job("waits"), world.job("wide")
    assert waits["state"] == "Waiting" and waits["start_time"] == 0
    assert waits["walltime"] == 1200
    assert waits["scheduled_start"] >= wide["start_time"] + 1200
    after = world.job("after")
    assert after["dependencies"] == [world.jobs["held"]]
    assert (after["scheduled_start"], after["walltime"]) == (None, None)
    assert after["message"] == (
        f"Cannot determine scheduling time due to dependency with the job {world.jobs['held']}"
    )
    reserved = world.job("reserved")
    assert reserved["reservation"] == "Scheduled"
    assert reserved["start_time"] == reserved["scheduled_start"] > 2_000_000_000
    assert reserved["message"] == "R=2,W=0:5:0,J=R"


def test_words_for_counts_are_printed_as_words(world: World) -> None:
    held = world.job("held")
    wanted = "-l \"{type = 'default'}/core=BESTHALF,walltime=1:0:0\" "
    assert (held["state"], held["wanted_resources"]) == ("Hold", wanted)
    assert held["message"] == "R=8,W=1:0:0,J=B"


def test_an_ended_job_has_its_wait_status_and_its_times(world: World) -> None:
    job = world.job("ended")
    assert (job["state"], job["exit_code"]) == ("Terminated", 768)
    assert job["stop_time"] >= job["start_time"] >= job["submission_time"] >= world.began
    assert (job["scheduled_start"], job["walltime"]) == (None, 600)
    assert [each["type"] for each in job["events"]] == ["SWITCH_INTO_TERMINATE_STATE"]
    event = job["events"][0]
    assert event["job_id"] == job["id"] and event["to_check"] == "NO"
    assert event["date"] == job["stop_time"]
    kept = world.page(path=f"/jobs/{job['id']}/resources")["items"]
    assert [each["status"] for each in kept] == ["assigned"]


def test_a_job_of_the_other_dialect_is_the_same_job(world: World) -> None:
    job = world.job("plain")
    assert job["command"] == "hoplite.plugins.shell_command"
    assert (job["state"], job["queue"], job["project"]) == ("Hold", "default", "default")
    assert (job["wanted_resources"], job["types"], job["walltime"]) == ("", [], None)
    other = world.server.request("GET", f"/jobs/{world.jobs['array']}", auth=(ME, "kameleon"))
    by_uuid = world.server.told("GET", f"/jobs/{other.json()['uuid']}.json", ME)
    assert by_uuid["id"] == world.jobs["array"]


def test_the_request_is_shown_to_its_owner_and_administrators_only(world: World) -> None:
    asked = world.job("wide")["initial_request"]
    assert asked.startswith("oarsub ") and asked.endswith("'sleep 600'")
    assert world.job("wide", ADMIN)["initial_request"] == asked
    assert world.job("wide", OTHER)["initial_request"] == ""
    for by, shown in ((None, ""), (OTHER, ""), (ME, asked), (ADMIN, asked)):
        for path in ("/jobs/table", "/jobs/details"):
            (item,) = world.page(by, path, ids=world.jobs["wide"])["items"]
            assert item["initial_request"] == shown


def test_a_job_is_for_known_callers_and_its_resources_for_all(world: World) -> None:
    number = world.jobs["wide"]
    for path in (f"/jobs/{number}", f"/jobs/{number}/details", f"/jobs/{number}/why"):
        assert world.server.ask("GET", f"{path}.json").status_code == 401
        assert world.server.ask("GET", f"{path}.json", OTHER).status_code == 200
    for path in (f"/jobs/{number}/resources", f"/jobs/{number}/nodes"):
        assert world.server.ask("GET", f"{path}.json").status_code == 200


def test_what_does_not_exist_is_404_or_has_nothing(world: World) -> None:
    for path in ("/jobs/987654321", "/jobs/987654321/details", "/jobs/987654321/why", "/jobs/00"):
        answer = world.server.ask("GET", f"{path}.json", ME)
        assert (answer.status_code, answer.json()["title"]) == (404, "Job not found")
    unknown = "/jobs/01234567-89ab-cdef-0123-456789abcdef.json"
    assert world.server.ask("GET", unknown, ME).status_code == 404
    assert world.server.ask("GET", "/jobs/nonsense.json", ME).json()["title"] == "Not found"
    for path in ("/jobs/987654321/resources", "/jobs/987654321/nodes"):
        assert world.page(path=path) == {"items": [], "links": [], "offset": 0, "total": 0}


def test_the_structure_of_oarstat(world: World) -> None:
    by_id = world.page(structure="oar")["items"]
    assert sorted(by_id, key=int) == [str(world.jobs[name]) for name in LIVE]
    wide = world.job("wide", structure="oar")
    assert (wide["Job_Id"], wide["job_user"]) == (world.jobs["wide"], ME)
    assert wide["assigned_network_address"] == ["node1", "node2"]
    held = world.page(path=f"/jobs/{world.jobs['wide']}/resources")["items"]
    assert wide["assigned_resources"] == [each["id"] for each in held]
    assert wide["startTime"] == wide["scheduledStart"] and "start_time" not in wide
    waits = world.job("waits", more="/details", structure="oar")
    assert waits["assigned_resources"] == [] and len(waits["resources"]) == 8
    listed = world.page(path="/jobs/details", structure="oar")["items"]
    assert [each["Job_Id"] for each in listed] == [world.jobs[name] for name in LIVE]
    assert listed[0]["links"][0]["href"] == f"/oarapi/jobs/{world.jobs['array']}"


def test_the_list_in_detail_tells_the_same_as_each_job(world: World) -> None:
    listed = world.page(ME, "/jobs/details", state="")["items"]
    for name, item in zip(["ended", "others", *LIVE], listed, strict=True):
        one = world.job(name, more="/details")
        for key in ALONE:
            one.pop(key, None)
        for each in (item, one):
            for part in (each, *each["resources"], *each["nodes"]):
                del part["api_timestamp"]
        assert item == one


@pytest.mark.parametrize("extension", MEDIA)
@pytest.mark.parametrize(
    "path",
    ["/jobs", "/jobs/details", "/jobs/table", "/jobs/{wide}", "/jobs/{waits}/details",
     "/jobs/{wide}/resources", "/jobs/{wide}/nodes", "/jobs/{waits}/why"],
)  # fmt: skip
def test_every_question_is_answered_in_every_format(
    world: World, path: str, extension: str
) -> None:
    path = path.format(**world.jobs)
    answer = world.server.ask("GET", f"{path}.{extension}", ME)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == MEDIA[extension]
    if extension == "yaml":
        as_json = world.server.told("GET", f"{path}.json", ME)
        assert yaml.safe_load(answer.text).keys() == as_json.keys()
    if extension == "html":
        links = {link for link in Links(answer.text).found if "/jobs" in link}
        assert links
        for link in links:
            by = (ME, "kameleon")
            assert world.server.request("GET", link, auth=by).status_code == 200, link


class Links(HTMLParser):
    """The addresses in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "href" and value]


def test_resources_tell_their_jobs_with_links(world: World) -> None:
    (held, *_) = world.page(path=f"/jobs/{world.jobs['wide']}/resources")["items"]
    (job,) = world.page(path=f"/resources/{held['id']}/jobs")["items"]
    own = f"/oarapi/jobs/{world.jobs['wide']}"
    assert [each["href"] for each in job["links"]] == [own, f"{own}/resources", f"{own}/nodes"]


def why(world: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.job(name, more="/why")
    other = world.server.request("GET", f"/jobs/{world.jobs[name]}/why", auth=(ME, "kameleon"))
    same = other.json()
    for key in ("id", "waits_for", "message", "jobs", "free_now", "sooner"):
        assert same[key] == found[key]
    return found


def test_why_a_job_waits_for_resources(world: World) -> None:
    found = why(world, "waits")
    running = [world.jobs[name] for name in RUNNING]
    assert (found["state"], found["waits_for"]) == ("Waiting", "resources")
    assert sorted(found["jobs"]) == running and found["free_now"] == 4
    first, second, third = found["jobs"]
    assert found["message"] == (
        "4 resources are free of those that it may use, not enough; the others are held by jobs "
        f"{first}, {second} and {third}"
    )
    assert found["predicted_start"] == world.job("waits")["scheduled_start"]
    assert world.began <= found["since"] <= found["api_timestamp"]
    assert "a request for at most 4 resources, if they suit it" in found["sooner"]


def test_why_jobs_wait_for_other_reasons(world: World) -> None:
    after, held, reserved = (why(world, name) for name in ("after", "held", "reserved"))
    assert (after["waits_for"], after["jobs"]) == ("dependency", [world.jobs["held"]])
    assert after["predicted_start"] is None
    assert (held["waits_for"], held["message"]) == ("hold", f"on hold, by {ME}")
    assert held["sooner"] == ["its release"]
    assert (reserved["waits_for"], reserved["message"]) == (
        "reservation", "its date has not come: 2037-01-01 01:00:00",
    )  # fmt: skip
    assert why(world, "plain")["message"] == "nobody has started it yet"
    assert why(world, "wide")["waits_for"] == "nothing"
    assert why(world, "ended")["message"].startswith("it has ended (failed): ")
