"""The configuration of a real server, read and changed over the OAR interface."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from hypothesis import strategies as st

from hoplite.api.factory import create_app
from hoplite.api.oar.config_variables import FACTS, OF_OAR, variables
from hoplite.settings import Settings, describe
from tests.oar.batch_cluster import BatchCluster
from tests.oar.golden import PASSWORD
from tests.oar.media_server import SERVERS, MediaServer
from tests.server.process import wait_until

OAR, ALICE, SUBMITTER = ("oar", PASSWORD), ("alice", PASSWORD), (SERVERS, PASSWORD)
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"


class Configured:
    """A server whose configuration is looked at and changed."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.file = data_dir / "config.toml"
        self.server = MediaServer(data_dir, *options)
        self.server.start()
        assert self.server.url, self.server.log_text()

    def get(self, path: str, by: tuple[str, str] = OAR) -> requests.Response:
        return self.server.request("GET", f"/oarapi-priv{path}", auth=by)

    def value(self, variable: str) -> str:
        (item,) = self.get(f"/config/{variable}.json").json()
        value: str = item["value"]
        return value

    def post(self, variable: str, value: Any, by: tuple[str, str] = OAR) -> requests.Response:
        path = f"/oarapi-priv/config/{variable}.json"
        return self.server.request("POST", path, json={"value": value}, auth=by)

    def change(self, variable: str, value: Any) -> dict[str, Any]:
        answer = self.post(variable, value)
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def happenings(self, by: tuple[str, str] = OAR) -> list[dict[str, Any]]:
        text = self.server.request("GET", "/events?after=0&follow=false", auth=by).text
        lines = [line.removeprefix("data: ") for line in text.splitlines() if "data: " in line]
        return [each for each in map(json.loads, lines) if each["event"] == "setting_changed"]

    def restart(self) -> None:
        self.server.terminate()
        self.server.start()
        assert self.server.url, self.server.log_text()


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Configured]:
    configured = Configured(tmp_path / "data", "--max-array", "50")
    yield configured
    assert "defect" not in configured.server.log_text()
    configured.server.close()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    """One that nothing is changed of."""
    configured = Configured(tmp_path_factory.mktemp("config") / "data")
    yield configured
    assert not configured.file.exists()
    configured.server.close()


def test_every_setting_is_a_variable_of_one_name(unchanged: Configured) -> None:
    items = unchanged.get("/config.json").json()
    assert [each["id"] for each in items] == sorted([*variables(), *FACTS])
    named = {each["setting"] for each in items if "setting" in each}
    assert named == {setting.name for setting in describe()}
    for each in items:
        assert each["links"] == {"rel": "self", "href": f"/oarapi-priv/config/{each['id']}"}
        assert unchanged.get(each["links"]["href"].removeprefix("/oarapi-priv")).json() == [each]


def test_a_variable_is_found_by_oars_name_and_by_the_settings_own(unchanged: Configured) -> None:
    for name in ("API_DEFAULT_MAX_ITEMS_NUMBER", "PAGE_LIMIT", "page_limit"):
        (item,) = unchanged.get(f"/config/{name}.json").json()
        assert (item["id"], item["value"]) == ("API_DEFAULT_MAX_ITEMS_NUMBER", "500")


def test_every_value_is_taken_back_as_it_is_shown(configured: Configured) -> None:
    """But for what the machine's own root alone may change, here where oar is another."""
    for item in configured.get("/config.json").json():
        answer = configured.post(item["id"], item["value"])
        if "setting" not in item:
            assert answer.status_code == 409
        elif answer.status_code != 403 or os.geteuid() != 0:
            assert answer.status_code == 201, answer.text
            assert answer.json()[item["id"]]["value"] == item["value"]


def test_a_change_holds_at_once_and_after_a_restart(configured: Configured) -> None:
    job = {"name": "golden.noop", "config": {}}
    for _ in range(3):
        assert configured.server.request("POST", "/jobs", json=job, auth=SUBMITTER).ok
    said = configured.change("API_DEFAULT_MAX_ITEMS_NUMBER", "2")
    assert said["API_DEFAULT_MAX_ITEMS_NUMBER"] == {"value": "2"}
    assert (said["status"], said["effect"]) == ("created", "at once")
    for _ in range(2):
        assert len(configured.get("/jobs.json").json()["items"]) == 2
        assert configured.value("API_DEFAULT_MAX_ITEMS_NUMBER") == "2"
        configured.restart()
    assert tomllib.loads(configured.file.read_text()) == {"page_limit": 2}


def test_what_holds_after_a_restart_says_so(configured: Configured) -> None:
    assert configured.change("THREADS", 8)["effect"] == "after restart"
    (item,) = configured.get("/config/THREADS.json").json()
    assert (item["value"], item["after_restart"]) == ("16", "8")
    assert (item["change_takes_effect"], item["origin"]) == ("after restart", str(configured.file))
    configured.restart()
    (item,) = configured.get("/config/THREADS.json").json()
    assert item["value"] == "8"
    assert "after_restart" not in item


def test_an_option_of_the_start_wins_and_the_answer_says_so(configured: Configured) -> None:
    said = configured.change("MAX_ARRAY", 10)
    assert said["effect"] == f"none: --max-array goes before {configured.file}"
    assert configured.value("MAX_ARRAY") == "50"


def test_limits_visibility_and_states_hold_for_the_next_request(configured: Configured) -> None:
    server = configured.server

    def submitted() -> int:
        body = {"name": "golden.noop", "config": {"text": "x" * 200}}
        return server.request("POST", "/jobs", json=body, auth=SUBMITTER).status_code

    assert submitted() == 201
    configured.change("MAX_CONFIG_BYTES", "100")
    assert submitted() == 413
    seen = server.request("GET", "/oarapi/jobs.json").json()["total"]
    assert seen == 1
    configured.change("VISIBILITY", "none")
    assert server.request("GET", "/oarapi/jobs.json").json()["total"] == 0
    configured.change("VISIBILITY", "state")
    configured.change("API_JOBS_URI_DEFAULT_PARAMS", "state=Running,Terminated")
    assert server.request("GET", "/oarapi/jobs.json").json()["total"] == 0
    assert server.request("GET", "/oarapi/jobs.json?state=Hold").json()["total"] == 1


def test_jobs_that_wait_for_a_place_start_when_there_are_more(configured: Configured) -> None:
    def started() -> int:
        body = {"name": "hoplite.plugins.shell_command", "config": {"command": "sleep 60"}}
        asked = {"json": {**body, "run": True}, "auth": SUBMITTER}
        job: int = configured.server.request("POST", "/jobs", **asked).json()["job"]["id"]
        return job

    def state(job: int) -> str:
        said: str = configured.get(f"/jobs/{job}.json").json()["state"]
        return said

    configured.change("MAX_RUNNING", 1)
    first, second = started(), started()
    wait_until(lambda: state(first) == "Running", "the first job to run")
    assert state(second) == "Waiting"
    configured.change("MAX_RUNNING", 2)
    wait_until(lambda: state(second) == "Running", "the second job to run")


def test_every_change_is_told_to_administrators_and_to_nobody_else(configured: Configured) -> None:
    configured.change("USERS_ALLOWED_HOLD_RESUME", "yes")
    (told,) = configured.happenings()
    assert told["who"] == "oar"
    assert told["detail"] == {
        "setting": "users_may_suspend",
        "before": "no",
        "value": "yes",
        "effect": "at once",
    }
    assert configured.happenings(ALICE) == []
    configured.post("USERS_ALLOWED_HOLD_RESUME", "perhaps")
    configured.change("USERS_ALLOWED_HOLD_RESUME", "yes")
    assert configured.happenings() == [told]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("API_DEFAULT_MAX_ITEMS_NUMBER", "abc", "a whole number from 1 to 1000"),
        ("API_DEFAULT_MAX_ITEMS_NUMBER", 10**300, "a whole number from 1 to 1000"),
        ("API_JOBS_URI_DEFAULT_PARAMS", "state=Bogus", "a list of Hold, Waiting"),
        ("KILL_GRACE", "2 weeks", "a time like 30s or 10min"),
        ("KILL_GRACE", {"s": 1}, "a time like 30s or 10min"),
        ("VISIBILITY", "some", "state, full or none"),
        ("QUEUES", "default=2,default=3,besteffort=0", "names default twice"),
        ("MAX_RUNNING", "", "a whole number"),
    ],
)
def test_what_is_wrong_is_400_and_says_what_is_right(
    unchanged: Configured, variable: str, value: Any, says: str
) -> None:
    answer = unchanged.post(variable, value)
    assert answer.status_code == 400
    assert says in answer.json()["message"]


def test_who_may_not_is_told(unchanged: Configured) -> None:
    for path in ("/config", "/config/file", "/config/DB_TYPE"):
        assert unchanged.get(f"{path}.json", ALICE).status_code == 403
        assert unchanged.server.request("GET", f"/oarapi{path}.json").status_code == 401
    assert unchanged.post("PORT", 1, ALICE).status_code == 403
    assert unchanged.post("NO_SUCH", 1).status_code == 404
    assert unchanged.post("DB_TYPE", "Pg").status_code == 409


@pytest.mark.skipif(os.geteuid() != 0, reason="where the server is not root, nobody gains by it")
def test_an_administrator_does_not_become_root_by_a_setting(unchanged: Configured) -> None:
    answer = unchanged.post("SENDMAIL", "/home/oar/mine")
    assert answer.status_code == 403
    assert "root alone" in answer.json()["message"]


def test_the_file_is_shown_as_it_is(configured: Configured) -> None:
    shown = configured.get("/config/file.yaml")
    assert shown.status_code == 200
    configured.file.write_text("# mine\nthreads = 9 # few\n")
    configured.change("KILL_GRACE", "1min")
    text = '# mine\nthreads = 9 # few\nkill_grace = "1min"\n'
    said = configured.get("/config/file.json").json()
    assert said == {"path": str(configured.file), "file": text}


def test_a_file_that_is_not_sound_is_409_and_stays(configured: Configured) -> None:
    configured.file.write_text("thread = 9\n")
    answer = configured.post("KILL_GRACE", "1min")
    assert answer.status_code == 409
    assert "did you mean threads" in answer.json()["message"]
    assert configured.file.read_text() == "thread = 9\n"


def test_yaml_and_forms_are_taken_as_the_document_has_them(configured: Configured) -> None:
    path = "/oarapi-priv/config/API_JOBS_URI_DEFAULT_PARAMS"
    states = "state=Running,Waiting,Terminated"
    for media, body in (("text/yaml", f"---\nvalue: '{states}'\n"), (None, {"value": states})):
        headers = {"Content-Type": media} if media else {}
        answer = configured.server.request(
            "POST", f"{path}.yaml", data=body, headers=headers, auth=OAR
        )
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"] == path
    assert configured.value("API_JOBS_URI_DEFAULT_PARAMS") == states


def test_pages_lead_from_one_to_the_other(unchanged: Configured) -> None:
    page = unchanged.get("/config.html").text
    assert 'href="/oarapi-priv/config/API_DEFAULT_MAX_ITEMS_NUMBER.html"' in page
    assert unchanged.get("/config/API_DEFAULT_MAX_ITEMS_NUMBER.html").status_code == 200
    assert unchanged.get("/config/file.html").status_code == 200


def test_a_death_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    configured = Configured(tmp_path / "data")
    configured.change("KILL_GRACE", "1min")
    before = configured.file.read_text()
    configured.server.terminate()
    configured.server.start(crash_at="settings.before_replace")
    with pytest.raises(requests.ConnectionError):
        configured.post("KILL_GRACE", "2min")
    assert configured.file.read_text() == before
    configured.server.exit_code()
    configured.server.start()
    assert configured.value("KILL_GRACE") == "1min"
    configured.change("KILL_GRACE", "3min")
    assert "3min" in configured.file.read_text()
    configured.server.close()


def test_the_batch_system_goes_by_what_is_changed(tmp_path: Path) -> None:
    server = BatchCluster(tmp_path / "data")
    nodes = server.options.index("--local-nodes")
    server.options = server.options[:nodes] + server.options[nodes + 2 :]
    server.begin()

    def change(variable: str, value: Any) -> None:
        said = server.told("POST", f"/config/{variable}.json", json={"value": value})
        assert said["effect"] == "at once"

    def submitted(**keys: Any) -> requests.Response:
        body = {"resource": "/core=1", "command": "sleep 300", **keys}
        return server.ask("POST", "/jobs.json", "kameleon", json=body)

    try:
        assert submitted().status_code == 400, "the nodes are other machines"
        change("LOCAL_NODES", "node1,node2")
        assert submitted(queue="express").status_code == 400
        change("QUEUES", "admin=10,express=5,default=2,besteffort=0")
        change("DEFAULT_WALLTIME", "30min")
        answer = submitted(queue="express")
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        assert server.until(job, "Running")["walltime"] == 1800
        hold = f"/jobs/{job}/rholds/new.json"
        assert server.ask("POST", hold, "kameleon").status_code == 403
        change("USERS_ALLOWED_HOLD_RESUME", "yes")
        assert server.ask("POST", hold, "kameleon").status_code == 202
        server.until(job, "Suspended")
        change("LOCAL_NODES", [])
        assert submitted().status_code == 400
        assert "defect" not in server.log_text()
    finally:
        server.close()


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
WORDS = st.sampled_from(
    ["1", "2s", "1 GiB", "yes", "-1", "a=1", "state=", "default=1,besteffort=0"]
)


def test_whatever_is_set_is_taken_or_refused_and_the_server_starts_again(tmp_path: Path) -> None:
    configured = Configured(tmp_path / "data")
    changed = set()

    @hypothesis.settings(max_examples=400, derandomize=True, database=None, deadline=None)
    @hypothesis.given(st.sampled_from([*variables(), *FACTS]), JSON_VALUES | WORDS)
    def set_it(variable: str, value: Any) -> None:
        answer = configured.post(variable, value)
        assert answer.status_code in (201, 400, 403, 409), answer.text
        if answer.status_code == 201:
            changed.add(variable)
            assert configured.get("/config.json").status_code == 200

    set_it()
    assert len(changed) > 10
    assert "defect" not in configured.server.log_text()
    values = tomllib.loads(configured.file.read_text())
    configured.restart()
    shown = {each.get("setting"): each for each in configured.get("/config.json").json()}
    assert all("after_restart" not in shown[name] for name in values)
    configured.server.close()


def test_an_embedding_program_keeps_its_settings(tmp_path: Path) -> None:
    app = create_app(settings=Settings(data_dir=tmp_path / "data"))
    try:
        client = app.test_client()
        assert client.get("/oarapi/config/file.json").status_code == 404
        assert client.get("/oarapi/config/PORT.json").json[0]["value"] == "5000"  # type: ignore[index] # it is JSON
        answer = client.post("/oarapi/config/KILL_GRACE.json", json={"value": "1s"})
        assert answer.status_code == 409
    finally:
        app.extensions["hoplite"].close()


@pytest.mark.parametrize("setting", OF_OAR)
def test_the_table_of_names_in_the_documentation_is_whole(setting: str) -> None:
    assert f"``{OF_OAR[setting][0]}``\n     - :ref:`{setting} <setting-{setting}>`" in (
        DOCS.read_text(encoding="utf-8")
    )
