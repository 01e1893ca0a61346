"""Jobs submitted to a real server: they run, as their owners, where and with what was asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests

from hoplite.execution.local.job_files import JobFiles
from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD
from tests.oar.with_accounts import UIDS
from tests.server.process import wait_until

ME = "kameleon"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs jobs of other accounts")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Eight cores on two nodes; jobs of the tests come and go."""
    server = Cluster(tmp_path_factory.mktemp("submission") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


def submit(cluster: Cluster, by: str = ME, **options: Any) -> int:
    """The (first) job's id."""
    asked = {name.replace("_", "-"): value for name, value in options.items()}
    job_id: int = cluster.told("POST", "/jobs.json", by, json=asked)["id"]
    return job_id


def ended(cluster: Cluster, job_id: int) -> dict[str, Any]:
    """The job in detail, once it has ended."""
    answer = cluster.request("GET", f"/jobs/{job_id}?wait=30", auth=("oar", PASSWORD)).json()
    assert answer["finished"], answer
    job: dict[str, Any] = cluster.told("GET", f"/jobs/{job_id}.json")
    return job


def written(cluster: Cluster, job_id: int, by: str = ME, stream: str = "stdout") -> str:
    """What the job, which has no name, has written to its file in the owner's home."""
    job = ended(cluster, job_id)
    file = cluster.home(by) / f"OAR.{job_id}.{stream}"
    assert file.exists(), f"the job left no {file.name}: {job}\n{cluster.log_text()[-2000:]}"
    return file.read_text()


def refused(cluster: Cluster, by: str = ME, **options: Any) -> tuple[int, str, str]:
    answer = cluster.ask("POST", "/jobs.json", by, json=options)
    said = answer.json()
    assert said["code"] == answer.status_code
    return answer.status_code, said["title"], said["message"]


def number_of_jobs(cluster: Cluster) -> int:
    total: int = cluster.told("GET", "/jobs.json?state=&limit=1")["total"]
    return total


def test_a_command_runs_in_the_home_of_its_owner(cluster: Cluster) -> None:
    job_id = submit(cluster, command="pwd; id -u; echo trouble >&2; exit 3", resource="/core=1")
    home = cluster.home(ME)
    lines = written(cluster, job_id).splitlines()
    assert lines[0] == str(home)
    assert lines[1] == str(UIDS[ME] if os.geteuid() == 0 else os.geteuid())
    assert written(cluster, job_id, stream="stderr") == "trouble\n"
    assert ended(cluster, job_id)["exit_code"] == 3 << 8
    if os.geteuid() == 0:
        assert (home / f"OAR.{job_id}.stdout").stat().st_uid == UIDS[ME]


def test_a_job_finds_what_it_was_given(cluster: Cluster) -> None:
    job_id = submit(
        cluster,
        command="env; echo; cat $OAR_NODEFILE; echo; cat $OAR_RESOURCE_PROPERTIES_FILE",
        resource="/nodes=2/core=2,walltime=0:10:0",
        name="many",
        project="p",
        stdout="%jobname%.%jobid%",
    )
    ended(cluster, job_id)
    text = (cluster.home(ME) / f"many.{job_id}").read_text()
    env, nodes, properties = text.split("\n\n")
    variables = dict(line.split("=", 1) for line in env.splitlines() if "=" in line)
    assert variables.items() >= {
        "OAR_JOB_ID": str(job_id), "OAR_JOBID": str(job_id), "OAR_ARRAY_ID": str(job_id),
        "OAR_ARRAY_INDEX": "1", "OAR_JOB_NAME": "many", "OAR_PROJECT_NAME": "p", "OAR_USER": ME,
        "OAR_WORKDIR": str(cluster.home(ME)), "OAR_JOB_WALLTIME": "0:10:0",
        "OAR_JOB_WALLTIME_SECONDS": "600", "OAR_STDOUT": f"many.{job_id}",
    }.items()  # fmt: skip
    assert nodes.split() == ["node1", "node1", "node2", "node2"]
    assert properties.count("network_address = 'node2'") == 2


def test_the_command_is_expanded_when_it_runs(cluster: Cluster) -> None:
    job_id = submit(cluster, command="""echo "$HOME" `echo x` '$HOME' "dq \\"in\\"" $OAR_JOB_ID""")
    home = cluster.home(ME)
    assert written(cluster, job_id) == f'{home} x $HOME dq "in" {job_id}\n'


def test_a_job_runs_where_it_was_asked_to_and_appends_its_output(
    cluster: Cluster, tmp_path: Path
) -> None:
    place = tmp_path / "a place"
    place.mkdir()
    place.chmod(0o777)
    tmp_path.chmod(0o711)
    for number in (1, 2):
        options = {"workdir": str(tmp_path), "directory": "a place", "stdout": "out"}
        ended(cluster, submit(cluster, command=f"echo {number} $PWD", stderr="out", **options))
    assert (place / "out").read_text() == f"1 {place}\n2 {place}\n"


def test_a_directory_that_is_not_there_fails_the_job(cluster: Cluster) -> None:
    job = ended(cluster, submit(cluster, command="true", directory="/nonexistent/dir"))
    assert job["state"] == "Error"


def test_a_script_is_run_by_what_its_first_line_says_and_is_nobody_elses(cluster: Cluster) -> None:
    script = "#!/bin/cat\nsecret of the script\n"
    job_id = submit(cluster, script=script)
    assert written(cluster, job_id) == script
    file = Path(JobFiles.of(cluster.data_dir, job_id).directory) / "script"
    assert stat.S_IMODE(file.stat().st_mode) == 0o700
    shown = cluster.ask("GET", f"/jobs/{job_id}/details.json", "alice").text
    assert "secret" not in shown
    cluster.request("DELETE", f"/jobs/{job_id}", auth=("oar", PASSWORD)).raise_for_status()
    assert not file.exists()


def test_a_script_without_a_first_line_is_the_shells(cluster: Cluster) -> None:
    assert written(cluster, submit(cluster, script="echo from $0 | grep -o script")) == "script\n"


def test_directives_of_a_script_are_options(cluster: Cluster) -> None:
    script = "#!/bin/bash\n#OAR -n scanned\n#OAR -l /core=2,walltime=0:05:00\n#OAR --project gold\n"
    job = ended(cluster, submit(cluster, script=script + "exit 0\n", scanscript=1))
    assert (job["name"], job["project"], job["walltime"]) == ("scanned", "gold", 300)
    assert "/core=2,walltime=0:5:0" in job["wanted_resources"]


def test_the_file_of_a_script_is_read_with_the_callers_rights(cluster: Cluster) -> None:
    home = cluster.home(ME)
    script = home / "run.sh"
    script.write_text("#!/bin/sh\n#OAR -n from-the-file\necho ran $1\n")
    script.chmod(0o755)
    job_id = submit(cluster, script_path="~/run.sh x", scanscript=1)
    assert ended(cluster, job_id)["name"] == "from-the-file"
    assert (home / f"OAR.from-the-file.{job_id}.stdout").read_text() == "ran x\n"


@as_root
def test_what_the_caller_may_not_read_is_not_read_for_him(cluster: Cluster) -> None:
    hidden = cluster.home("alice") / "hidden"
    hidden.write_text("secret\n")
    hidden.chmod(0o600)
    os.chown(hidden, UIDS["alice"], UIDS["alice"])
    asked = {"command": "echo", "array-param-file": str(hidden)}
    status, title, message = refused(cluster, **asked)
    assert (status, title) == (400, "Bad query")
    assert message.startswith("array-param-file: ") and "Permission denied" in message
    assert written(cluster, submit(cluster, "alice", **asked), "alice") == "secret\n"


def test_an_array_is_made_whole(cluster: Cluster) -> None:
    answer = cluster.ask("POST", "/jobs.json", ME, json={
        "command": "echo $OAR_ARRAY_INDEX of $OAR_ARRAY_ID:", "param_file": "a\n# no\n\n'b c' d\n",
        "stdout": "of-array.%jobid%",
    })  # fmt: skip
    first = answer.json()["id"]
    assert answer.headers["Location"] == f"/oarapi-priv/jobs/{first}"
    lines = answer.json()["cmd_output"].splitlines()[-4:]
    assert lines == ["Simple array job submission is used", f"OAR_JOB_ID={first}",
                     f"OAR_JOB_ID={first + 1}", f"OAR_ARRAY_ID={first}"]  # fmt: skip
    said = []
    for job_id in (first, first + 1):
        ended(cluster, job_id)
        said.append((cluster.home(ME) / f"of-array.{job_id}").read_text())
    assert said == [f"1 of {first}: a\n", f"2 of {first}: b c d\n"]


def test_a_key_makes_an_array_once(cluster: Cluster) -> None:
    def again(command: str) -> requests.Response:
        asked = {"command": command, "array": 2}
        return cluster.ask("POST", "/jobs.json", ME, json=asked, headers={"Idempotency-Key": "k"})

    first, second, other = again("true"), again("true"), again("false")
    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["cmd_output"] == second.json()["cmd_output"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_dry_run_tells_what_would_happen_and_makes_nothing(cluster: Cluster) -> None:
    blocker = submit(cluster, command="sleep 60", resource="/nodes=2/core=4,walltime=0:1:0")
    wait_until(
        lambda: cluster.told("GET", f"/jobs/{blocker}.json")["state"] == "Running", "the blocker"
    )
    before = number_of_jobs(cluster)
    asked = {"command": "true", "resource": "/nodes=1/core=3,walltime=0:2:0"}
    for told in (
        cluster.told("POST", "/jobs.json", ME, json={**asked, "dry_run": 1}),
        cluster.told("POST", "/jobs.json?dry_run=1", ME, json=asked),
    ):
        assert (told["starts_at_once"], told["waits_for"]) == (False, "resources")
        assert told["scheduled_start"] > told["api_timestamp"] + 30
        assert (told["walltime"], len(told["resources"]), len(told["nodes"])) == (120, 3, 1)
    assert refused(cluster, **asked, dry_run=1, queue="nosuch")[0] == 400
    held = cluster.told("POST", "/jobs.json", ME, json={**asked, "hold": 1, "dry-run": ""})
    assert held["waits_for"] == "hold"
    after = cluster.told(
        "POST", "/jobs.json", ME, json={**asked, "anterior": blocker, "dry-run": 1}
    )
    assert after["waits_for"] == "dependency"
    assert number_of_jobs(cluster) == before
    cluster.told("DELETE", f"/jobs/{blocker}.json", ME)
    ended(cluster, blocker)
    now = cluster.told("POST", "/jobs.json?dry_run=1", ME, json=asked)
    assert (now["starts_at_once"], now["waits_for"]) == (True, None)


def test_a_job_may_be_submitted_on_hold(cluster: Cluster) -> None:
    job_id = submit(cluster, command="true", hold=1)
    assert cluster.told("GET", f"/jobs/{job_id}.json")["state"] == "Hold"
    cluster.told("POST", f"/jobs/{job_id}/resumptions/new.json", ME)
    assert ended(cluster, job_id)["state"] == "Terminated"


def test_an_ended_job_is_submitted_again(cluster: Cluster) -> None:
    first = submit(cluster, script="#!/bin/sh\necho again\n")
    assert written(cluster, first) == "again\n"
    second = submit(cluster, resubmit=first, command="passed over")
    assert second != first
    assert written(cluster, second) == "again\n"
    key = {"Idempotency-Key": "again"}
    answers = [
        cluster.ask("POST", "/jobs.json", ME, json={"resubmit": first}, headers=key)
        for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"] != second
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert refused(cluster, resubmit=99_999)[:2] == (400, "Bad query")
    assert refused(cluster, "alice", resubmit=first)[0] == 403


def test_a_plugin_runs_with_resources(cluster: Cluster) -> None:
    config = {"command": "cat $OAR_NODEFILE"}
    job_id = submit(
        cluster, plugin="hoplite.plugins.shell_command", config=config, resource="/nodes=2/core=1"
    )
    ended(cluster, job_id)
    log = cluster.request("GET", f"/jobs/{job_id}/log", auth=(ME, PASSWORD)).text
    assert log == "node1\nnode2\n"
    assert refused(cluster, plugin="nosuch")[2] == "Job plugin 'nosuch' does not exist"


def test_a_reservation_is_answered_at_once(cluster: Cluster) -> None:
    asked = {"resource": "/nodes=2/core=4,walltime=1", "command": "true"}
    answer = cluster.ask(
        "POST", "/jobs.json", ME, json={**asked, "reservation": "2036-05-04 10:00:00"}
    )
    assert answer.status_code == 201 and answer.elapsed.total_seconds() < 1
    status, title, message = refused(cluster, **asked, reservation="2036-05-04 10:30:00")
    assert (status, title) == (400, "Bad query")
    assert "from 2036-05-04 11:00:0" in message
    cluster.told("DELETE", f"/jobs/{answer.json()['id']}.json", ME)


def test_a_user_has_few_reservations_at_once(cluster: Cluster) -> None:
    asked = {"resource": "/core=1,walltime=1", "command": "true"}
    days = [f"2037-01-0{day} 00:00:00" for day in (1, 2, 3)]
    made = [submit(cluster, "alice", **asked, reservation=day) for day in days[:2]]
    status, _, message = refused(cluster, "alice", **asked, reservation=days[2])
    assert status == 403 and message.startswith("reservation: alice has 2 waiting")
    made.append(submit(cluster, "oar", **asked, reservation=days[2]))
    for job_id in made:
        cluster.told("DELETE", f"/jobs/{job_id}.json")


def test_the_example_of_the_document(cluster: Cluster, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    body = f"""---
stdout: {tmp_path}/outfile
command: /usr/bin/id -u;echo "OK"
resource: /nodes=2/cpu=1
workdir: {tmp_path}
type:
- besteffort
use-job-key: 1
"""
    headers = {"Content-Type": "text/yaml"}
    answer = cluster.ask("POST", "/jobs.yaml", ME, data=body, headers=headers)
    assert answer.status_code == 201 and "No job key is made" in answer.text
    job_id = int(answer.headers["Location"].rpartition("/")[2])
    assert ended(cluster, job_id)["queue"] == "besteffort"
    assert (tmp_path / "outfile").read_text().endswith("\nOK\n")


def test_what_is_refused_leaves_nothing(cluster: Cluster) -> None:
    before = number_of_jobs(cluster)
    for wrong in (
        {"resource": "/nodes=9"}, {"property": "mem >"}, {"type": "inner=1"}, {"queue": "nosuch"},
        {"anterior": 99_999}, {"array": 1_000_000}, {"reservation": "1973-06-03 18:00:00"},
        {"signal": "KILL"},
    ):  # fmt: skip
        status, title, message = refused(cluster, command="true", **wrong)
        assert (status, title) == (400, "Bad query")
        assert message.startswith(next(iter(wrong)))
    assert number_of_jobs(cluster) == before


def test_the_longest_command_runs(cluster: Cluster) -> None:
    command = "echo ran #".ljust(131_071, "x")
    assert written(cluster, submit(cluster, command=command)) == "ran\n"


def test_a_script_outlives_the_server(tmp_path: Path) -> None:
    server = Cluster(tmp_path / "data")
    server.start()
    job_id = submit(server, script="#!/bin/cat\n", param_file="/dev/null\n", hold=1)
    server.kill_9()
    server.start()
    server.told("POST", f"/jobs/{job_id}/resumptions/new.json", ME)
    assert written(server, job_id) == "#!/bin/cat\n"
    server.close()
    assert "defect" not in server.log_text()


class Form(HTMLParser):
    """The form of a page: where it goes, what its fields hold, and which fields have labels."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.values: dict[str, str] = {}
        self.ids: set[str] = set()
        self.labelled: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert found["method"] == "post"
            self.action = found["action"]
        elif tag == "label":
            self.labelled.add(found["for"])
        elif tag in ("input", "textarea", "select"):
            self.ids.add(found["id"])
            if found.get("type") != "checkbox":
                self.values[found["name"]] = found.get("value", "")


@pytest.mark.parametrize("path", ["/jobs/form.html", "/form.html", "/jobs/form"])
def test_the_form_can_be_sent_as_a_browser_does(cluster: Cluster, path: str) -> None:
    answer = cluster.ask("GET", path, ME)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text.lower()
    form = Form(answer.text)
    assert form.ids == form.labelled
    filled = {**form.values, "script": "#!/bin/sh\r\necho $OAR_JOB_NAME\r\n", "name": "<b>n</b>"}
    origin = {"Origin": cluster.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html,*/*"}
    by = {"auth": (ME, PASSWORD), "headers": origin}
    sent = cluster.request("POST", form.action, data=filled, allow_redirects=False, **by)
    assert sent.status_code == 303, sent.text
    job_id = int(sent.headers["Location"].rpartition("/")[2].removesuffix(".html"))
    assert sent.headers["Location"] == f"/oarapi-priv/jobs/{job_id}.html"
    shown = cluster.request("GET", sent.headers["Location"], cookies=sent.cookies, **by)
    assert f"OAR_JOB_ID={job_id}" in shown.text and "<b>n</b>" not in shown.text
    ended(cluster, job_id)
    assert (cluster.home(ME) / f"OAR.<b>n<_b>.{job_id}.stdout").read_text() == "<b>n</b>\n"


def test_who_asks_for_a_page_by_himself_gets_the_answer_as_a_page(cluster: Cluster) -> None:
    """As OAR does: 201, and the new job in the page."""
    sent = cluster.ask("POST", "/jobs.html", ME, data={"command": "true"})
    assert sent.status_code == 201
    job_id = int(sent.headers["Location"].rpartition("/")[2].removesuffix(".html"))
    assert f'href="/oarapi-priv/jobs/{job_id}.html"' in sent.text
    as_json = cluster.ask("POST", "/jobs.json?then=page", ME, data={"command": "true"})
    assert as_json.status_code == 201 and as_json.json()["id"] > job_id


def test_a_page_from_elsewhere_cannot_send_the_form(cluster: Cluster) -> None:
    before = number_of_jobs(cluster)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Referer": f"{cluster.url}/oarapi/jobs/form.html"},
        {"Referer": "https://evil.example/page"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for path in ("/jobs.html", "/jobs.html?then=page", "/jobs/1.html?method=delete&then=page"):
            answer = cluster.ask("POST", path, ME, data={"command": "true"}, headers=headers)
            assert answer.status_code == 403 and "may not send this request" in answer.text
    assert number_of_jobs(cluster) == before


def test_an_error_of_the_form_is_a_page_that_says_it_safely(cluster: Cluster) -> None:
    data = {"command": "true", "queue": "<script>alert(1)</script>"}
    answer = cluster.ask("POST", "/jobs.html", ME, data=data)
    assert answer.status_code == 400
    assert "<script>" not in answer.text and "&lt;script&gt;" in answer.text


def test_strangers_see_the_form_and_submit_nothing(cluster: Cluster) -> None:
    assert cluster.ask("GET", "/jobs/form.html").status_code == 200
    assert cluster.ask("GET", "/jobs/form.json").status_code == 406
    answer = cluster.ask("POST", "/jobs.html", data={"command": "true"})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"]
