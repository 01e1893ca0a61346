"""The app in the test's own process, by Flask's test client."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hoplite.api import create_app
from hoplite.exceptions import StorageUnavailableError
from tests.server.process import PLUGINS, wait_until


@pytest.fixture(autouse=True)
def plugins_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(PLUGINS), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app()
    yield app.test_client()
    app.extensions["hoplite"].close()


def test_a_job_runs_and_reports_to_an_app_without_an_address(client: FlaskClient) -> None:
    job = client.post(
        "/jobs", json={"name": "golden.echo", "config": {"a": 1}, "run": True}
    ).get_json()
    assert job["owner"] == pwd.getpwuid(os.getuid()).pw_name
    ended = client.get(f"/jobs/{job['uuid']}?wait=20").get_json()
    assert (ended["outcome"], ended["status"]) == ("succeeded", {"echo": {"a": 1}})


def test_another_group_serves_other_plugins() -> None:
    app = create_app(group_name="hoplite.other_jobs")
    try:
        assert app.test_client().get("/job_plugins").get_json() == {"job_plugins": ["other.noop"]}
    finally:
        app.extensions["hoplite"].close()


def test_a_temporary_store_goes_with_the_app() -> None:
    app = create_app()
    hoplite = app.extensions["hoplite"]
    directory = hoplite.settings.data_dir
    job = app.test_client().post("/jobs", json={"name": "golden.sleep", "run": True}).get_json()
    wait_until(
        lambda: app.test_client().get(f"/jobs/{job['id']}").get_json()["status"], "the status"
    )
    pid = hoplite.manager.job(job["id"]).handle
    assert directory.exists() and pid is not None
    hoplite.close()
    hoplite.close()
    assert not directory.exists()


def test_a_named_store_stays_and_is_locked(tmp_path: Path) -> None:
    app = create_app(data_dir=tmp_path / "store")
    job = app.test_client().post("/jobs", json={"name": "golden.noop"}).get_json()
    with pytest.raises(StorageUnavailableError, match=str(os.getpid())):
        create_app(data_dir=tmp_path / "store")
    app.extensions["hoplite"].close()
    again = create_app(data_dir=tmp_path / "store")
    assert again.test_client().get(f"/jobs/{job['uuid']}").get_json() == job
    again.extensions["hoplite"].close()


def test_streams_work_in_process(client: FlaskClient) -> None:
    uuid = client.post("/jobs", json={"name": "golden.print_output", "run": True}).get_json()[
        "uuid"
    ]
    log = client.get(f"/jobs/{uuid}/log?follow=1&stream=stdout")
    assert log.text.splitlines() == ["line 0", "line 1", "line 2"]
    assert "event: ended" in client.get(f"/jobs/{uuid}/events").text


def test_a_browser_gets_a_page_and_a_program_json(client: FlaskClient) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = client.get("/", headers={"Accept": browser})
    assert page.mimetype == "text/html" and "<h1>hoplite</h1>" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for accept in ("*/*", "application/json", "application/xml", ""):
        assert client.get("/", headers={"Accept": accept}).get_json()["name"] == "hoplite"
    docs = client.get("/docs").text
    assert "<code>PUT /jobs/{ref}/start</code>" in docs and "<code>api_key</code>" in docs
    for link in client.get("/").get_json()["links"].values():
        query = "?follow=0" if link == "/events" else ""
        assert client.get(link + query).status_code == 200
    css = client.get("/static/hoplite.css")
    assert css.mimetype == "text/css"
    css.close()


def test_metrics_count_jobs_and_commits(client: FlaskClient) -> None:
    uuid = client.post("/jobs", json={"name": "golden.noop", "run": True}).get_json()["uuid"]
    client.get(f"/jobs/{uuid}?wait=20")

    def counted() -> bool:
        text = client.get("/metrics").text
        return 'hoplite_jobs{outcome="succeeded",state="Terminated"} 1.0' in text

    wait_until(counted, "the job in the metrics")
    text = client.get("/metrics").text
    assert "hoplite_job_start_latency_seconds_count 1.0" in text
    assert "hoplite_journal_commit_seconds_count" in text
    assert 'route="/jobs",status="201"' in text
    assert "hoplite_jobs_waiting 0.0" in text


def test_health_says_whether_work_is_taken(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {
        "status": "ok",
        "checks": {"journal": "ok", "jobs": "ok", "accepting": "ok"},
    }
    client.application.extensions["hoplite"].manager.begin_stop()
    stopping = client.get("/health")
    assert stopping.status_code == 503 and stopping.get_json()["status"] == "unavailable"
    refused = client.post("/jobs", json={"name": "golden.noop"})
    assert (refused.status_code, refused.get_json()["code"]) == (503, "shutting-down")
    assert client.get("/health/live").get_json() == {"status": "ok"}
