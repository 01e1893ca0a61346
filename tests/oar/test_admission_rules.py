"""Admission rules over HTTP, on a real server."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from hoplite.admission.defaults import default_texts
from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD
from tests.server.process import wait_until

GUIDE = Path(__file__).parents[2] / "docs" / "admission-rules.rst"
EXAMPLES = [
    re.sub(r"^   ", "", block, flags=re.MULTILINE)
    for block in re.findall(
        r"\.\. code-block:: starlark\n\n((?:   .*\n|\n)+)", GUIDE.read_text(encoding="utf-8")
    )
]
LOOP = "for i in range(1 << 30):\n    pass\n"


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """For tests that leave it as it is."""
    server = Cluster(tmp_path_factory.mktemp("rules") / "data")
    server.start()
    assert server.url, server.log_text()
    yield server
    assert "defect" not in server.log_text()
    server.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    server = Cluster(tmp_path / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    assert "defect" not in server.log_text()
    server.close()


def submit(cluster: Cluster, by: str = "kameleon", **options: Any) -> requests.Response:
    return cluster.ask("POST", "/jobs.json", by, json={"command": "sleep 60", **options})


def add(cluster: Cluster, rule: str, **more: Any) -> int:
    made: int = cluster.told("POST", "/admission_rules.json", json={"rule": rule, **more})["id"]
    return made


def test_a_rule_is_added_read_changed_and_deleted(cluster: Cluster) -> None:
    made = cluster.ask("POST", "/admission_rules.json", "oar", json={"rule": "# mine\n"})
    assert made.status_code == 201
    new = made.json()
    assert made.headers["Location"] == new["uri"] == f"/oarapi-priv/admission_rules/{new['id']}"
    assert (new["priority"], new["enabled"], new["rule"]) == (100, "YES", "# mine\n")
    for path in ("admission_rules", "admission_rule"):
        (read,) = cluster.told("GET", f"/{path}/{new['id']}.json")
        assert read["rule"] == "# mine\n"
    put = cluster.ask("PUT", f"/admission_rule/{new['id']}.json", "oar", json={"enabled": False})
    assert (put.status_code, put.json()["enabled"]) == (201, "NO")
    posted = cluster.ask(
        "POST", f"/admission_rules/{new['id']}.yaml", "oar", json={"priority": 7, "rule": "# two"}
    )
    assert yaml.safe_load(posted.text)["priority"] == 7
    gone = cluster.ask("DELETE", f"/admission_rule/{new['id']}.yaml", "oar")
    assert gone.status_code == 200
    assert yaml.safe_load(gone.text).items() >= {"id": new["id"], "status": "deleted"}.items()
    assert cluster.ask("GET", f"/admission_rules/{new['id']}.json", "oar").status_code == 404
    assert cluster.ask("DELETE", f"/admission_rules/{new['id']}.json", "oar").status_code == 404
    versions = cluster.told("GET", f"/admission_rules/{new['id']}/versions.json")["items"]
    assert [(each["version"], each["who"], each["deleted"]) for each in versions] == [
        (1, "oar", False),
        (2, "oar", False),
        (3, "oar", False),
        (4, "oar", True),
    ]


def test_a_form_makes_rules_too(cluster: Cluster) -> None:
    form = {"rule": "# by form", "priority": "3", "enabled": "NO"}
    made = cluster.ask("POST", "/admission_rules.html", "oar", data=form)
    assert (made.status_code, "by form" in made.text) == (201, True)
    assert made.headers["Location"].endswith(".html")
    (rule,) = cluster.told("GET", "/admission_rules/16.json")
    assert (rule["priority"], rule["enabled"]) == (3, "NO")
    gone = cluster.ask("POST", "/admission_rules/16.html", "oar", data={"method": "delete"})
    assert gone.status_code == 202


@pytest.mark.parametrize("extension", ["json", "yaml", "html"])
def test_rules_are_listed_in_all_formats(unchanged: Cluster, extension: str) -> None:
    answer = unchanged.ask("GET", f"/admission_rules.{extension}?limit=2", "oar")
    assert answer.status_code == 200 and "Jobs that name no queue" in answer.text
    if extension != "html":
        page = yaml.safe_load(answer.text)
        assert (len(page["items"]), page["total"]) == (2, len(default_texts()))
        assert [link["rel"] for link in page["links"]] == ["self", "next"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "must have a rule field"),
        ({"rule": ""}, "it is empty"),
        ({"rule": "if x"}, "line 1, column 5: Parse error"),
        ({"rule": "# x", "enabled": "perhaps"}, "neither YES nor NO"),
        ({"rule": "# x", "priority": 1 << 40}, "priority"),
        ({"rule": "# x", "priority": "high"}, "priority"),
        ({"rule": ["x"]}, "rule"),
        ({"rule": "# \ud800"}, ""),
    ],
)
def test_what_is_no_rule_is_400(unchanged: Cluster, body: dict[str, Any], why: str) -> None:
    answer = unchanged.ask("POST", "/admission_rules.json", "oar", json=body)
    assert answer.status_code == 400, answer.text
    assert why in answer.json()["message"]
    assert unchanged.told("GET", "/admission_rules.json")["total"] == len(default_texts())


def test_rules_are_for_administrators(unchanged: Cluster) -> None:
    for method, path in (
        ("GET", "/admission_rules.json"),
        ("GET", "/admission_rules/1.json"),
        ("GET", "/admission_rules/1/versions.json"),
        ("POST", "/admission_rules.json"),
        ("POST", "/admission_rules/1.json"),
        ("PUT", "/admission_rules/1.json"),
        ("DELETE", "/admission_rules/1.json"),
        ("POST", "/admission_rules/rehearse.json"),
    ):
        assert unchanged.ask(method, path, json={"rule": "# x"}).status_code == 401
        assert unchanged.ask(method, path, "kameleon", json={"rule": "# x"}).status_code == 403


def test_what_rules_say_and_change_is_in_the_answer_and_in_the_job(cluster: Cluster) -> None:
    add(cluster, 'job["project"] = "p-" + job["user"]\nwarn("Hello " + job["user"])', priority=2)
    answer = submit(cluster, resource="/core=1", hold=1)
    assert answer.status_code == 201, answer.text
    assert answer.json()["cmd_output"].splitlines() == [
        "Hello kameleon",
        "[ADMISSION RULE] Set default walltime to 7200.",
        "[ADMISSION RULE] Modify resource description with type constraints",
        f"OAR_JOB_ID={answer.json()['id']}",
    ]
    job = cluster.told("GET", f"/jobs/{answer.json()['id']}.json", "kameleon")
    assert job["project"] == "p-kameleon"
    assert job["properties"] == "desktop_computing = 'NO'"
    assert job["wanted_resources"] == "-l \"{type = 'default'}/core=1,walltime=2:0:0\" "
    assert job["initial_request"] == "oarsub --resource=/core=1 --hold=1 'sleep 60'"


def test_a_repeat_gets_the_same_answer(cluster: Cluster) -> None:
    headers = {"Idempotency-Key": "once"}
    asked = {"command": "sleep 60", "hold": 1}
    first, second = (
        cluster.ask("POST", "/jobs.json", "kameleon", json=asked, headers=headers) for _ in range(2)
    )
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json()["cmd_output"] == second.json()["cmd_output"]


def test_fail_is_400_and_forbid_403_also_in_a_dry_run_and_in_the_other_dialect(
    cluster: Cluster,
) -> None:
    add(cluster, 'if job["name"] == "bad":\n    fail("no such name", field = "name")')
    add(cluster, 'if job["name"] == "worse":\n    forbid("not you")')
    before = cluster.told("GET", "/jobs.json?limit=0&state=")["total"]
    for dry_run in (0, 1):
        bad = submit(cluster, name="bad", dry_run=dry_run)
        assert (bad.status_code, bad.json()["message"]) == (400, "no such name")
        worse = submit(cluster, name="worse", dry_run=dry_run)
        assert (worse.status_code, worse.json()["message"]) == (403, "not you")
    new = {"name": "hoplite.plugins.shell_command", "config": {"command": "true"}}
    other = cluster.request(
        "POST",
        "/jobs",
        json={**new, "resource": "/core=1", "job_name": "worse"},
        auth=("kameleon", PASSWORD),
    )
    assert (other.status_code, other.json()["error"]) == (403, "not you")
    assert cluster.told("GET", "/jobs.json?limit=0&state=")["total"] == before


def test_while_a_rule_loops_others_are_served(cluster: Cluster) -> None:
    number = add(
        cluster, 'if job["name"] == "loop":\n    ' + LOOP.replace("\n", "\n    "), priority=0
    )
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(
                requests.post(
                    f"{cluster.url}/oarapi-priv/jobs.json",
                    json={"command": "true", "name": "loop"},
                    auth=("kameleon", PASSWORD),
                    timeout=30,
                )
            )
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        cluster.told("GET", "/jobs.json", None)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert slowest < 1.0
    kinds = {answer.status_code for answer in answers}
    assert 403 in kinds and kinds <= {403, 503}
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert f"admission rule {number} cannot judge this job" in refused.json()["message"]
    assert "longer than 1 s (setting admission_time)" in refused.json()["message"]
    assert f"rule={number}" in cluster.log_text()
    busy = next((answer for answer in answers if answer.status_code == 503), None)
    assert busy is None or "Retry-After" in busy.headers
    assert submit(cluster, hold=1).status_code == 201


def test_many_submissions_at_once_wait_for_quick_rules(tmp_path: Path) -> None:
    """Also while the children that judge them are not there yet."""
    server = Cluster(tmp_path / "data")
    server.start()
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(submit(server, hold=1).status_code))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.close()
    assert codes == [201] * 30


def test_rules_outlive_kill_9(cluster: Cluster) -> None:
    add(cluster, "# mine", enabled="NO")
    cluster.told("DELETE", "/admission_rules/13.json")
    before = cluster.told("GET", "/admission_rules.json")["items"]
    cluster.kill_9()
    cluster.start()
    assert cluster.told("GET", "/admission_rules.json")["items"] == before
    answer = submit(cluster, hold=1)
    assert "Set default walltime" not in answer.json()["cmd_output"]
    assert "type constraints" in answer.json()["cmd_output"]


def test_administrators_alone_hear_of_changes(cluster: Cluster) -> None:
    number = add(cluster, "# heard")

    def events(user: str) -> str:
        return cluster.request("GET", "/events?after=0&follow=0", auth=(user, PASSWORD)).text

    assert "rule_added" not in events("kameleon")
    heard = events("oar")
    assert f'"rule":{number}' in heard.replace(" ", "") and '"who":"oar"' in heard.replace(" ", "")


def test_a_rule_is_rehearsed_over_the_last_submissions(cluster: Cluster) -> None:
    def submitted(**options: Any) -> int:
        answer = submit(cluster, hold=1, **options)
        assert answer.status_code == 201, answer.text
        made: int = answer.json()["id"]
        return made

    long = submitted(resource="/core=1,walltime=20")
    short = submitted(resource="/core=1,walltime=0:10", property="mem > 1", name="it's short")
    plain = submitted(array=3)
    rule = (
        'if job["walltime"] == None: fail("say how long")\n'
        'if job["walltime"] > 36000: job["walltime"] = 36000; warn("less")\n'
    )
    before = cluster.told("GET", "/admission_rules.json")["items"]

    def rehearsed(**body: Any) -> Any:
        return cluster.told("POST", "/admission_rules/rehearse.json", json=body)

    told = rehearsed(rule=rule, priority=0)
    assert (told["rehearsed"], told["same"], told["failed"], told["admitted"]) == (3, 1, [], [])
    assert told["refused"] == [
        {"job": plain, "user": "kameleon", "rule": None, "message": "say how long"}
    ]
    (changed,) = told["changed"]
    assert (changed["job"], sorted(changed["changes"])) == (
        long,
        ["cmd_output", "resources", "walltime"],
    )
    assert changed["changes"]["walltime"] == {"without": 72000, "with": 36000}
    assert changed["changes"]["resources"]["with"] == ["{type = 'default'}/core=1,walltime=10:0:0"]
    # After the default walltime is set, nobody fails to say how long.
    assert rehearsed(rule=rule)["refused"] == []
    assert rehearsed(rule="1 // 0", priority=0, limit=1)["failed"][0]["job"] == plain
    broken = rehearsed(rule='job["resources"] = []', priority=0)
    assert {each["job"] for each in broken["failed"]} == {long, short, plain}
    in_place = rehearsed(rule="pass", id=10)
    assert {each["job"] for each in in_place["changed"]} == {long, short, plain}
    assert in_place["changed"][0]["changes"]["properties"]["without"] == "desktop_computing = 'NO'"
    add(cluster, 'fail("closed")', priority=50)
    assert set(rehearsed(rule="pass", id=16)["admitted"]) == {long, short, plain}
    cluster.told("DELETE", "/admission_rules/16.json")
    assert cluster.told("GET", "/admission_rules.json")["items"] == before
    wrong = cluster.ask("POST", "/admission_rules/rehearse.json", "oar", json={"rule": "("})
    assert wrong.status_code == 400
    missing = {"rule": "pass", "id": 999}
    assert (
        cluster.ask("POST", "/admission_rules/rehearse.json", "oar", json=missing).status_code
        == 404
    )


def test_a_rehearsal_of_a_rule_that_loops_ends(cluster: Cluster) -> None:
    for _ in range(3):
        submit(cluster, hold=1)
    body = {"rule": LOOP, "priority": 0}
    told = cluster.told("POST", "/admission_rules/rehearse.json", json=body)
    assert len(told["failed"]) == 3
    assert "longer than" in told["failed"][0]["message"]


def test_the_guides_examples_do_what_it_says(cluster: Cluster) -> None:
    students, express, bigmem, nodes, audit = EXAMPLES
    for each in (students, bigmem, nodes, audit):
        add(cluster, each, priority=0)
    queues = {"value": ["admin=10", "default=2", "besteffort=0", "express=5"]}
    cluster.told("POST", "/config/QUEUES.json", json=queues)
    add(cluster, express, priority=0)
    short = submit(cluster, resource="/core=1,walltime=0:5", hold=1).json()
    assert "it goes into the queue express" in short["cmd_output"]
    assert cluster.told("GET", f"/jobs/{short['id']}.json")["queue"] == "express"
    big = submit(cluster, type="bigmem", property="core > 1", hold=1).json()
    job = cluster.told("GET", f"/jobs/{big['id']}.json")
    assert job["types"] == []
    assert job["properties"] == "((core > 1) AND mem >= 2000) AND desktop_computing = 'NO'"
    assert submit(cluster, resource="/nodes=ALL").json()["message"] == "four nodes at most, please"
    assert submit(cluster, resource="/nodes=5").json()["message"] == "four nodes at most, please"
    assert submit(cluster, resource="/nodes=2", hold=1).status_code == 201
    audited = submit(cluster, project="audit").json()
    assert "released them" in audited["cmd_output"]
    wait_until(
        lambda: cluster.told("GET", f"/jobs/{audited['id']}.json")["state"] == "Hold", "the hold"
    )


def test_the_guide_tells_of_every_shipped_rule() -> None:
    text = GUIDE.read_text(encoding="utf-8").partition("The rules of a new server")[2]
    told = [int(number) for number in re.findall(r"^   \* - (\d+)$", text, flags=re.MULTILINE)]
    assert told == list(range(1, len(default_texts()) + 1))
