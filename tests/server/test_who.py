"""Who gets in, and what they may do, against real servers."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
NOBODY = "nobody"
Answer = tuple[int, Any]
Ask = Callable[..., Answer]


def ask_as(user: str, url: str, method: str, path: str, body: Any = None) -> Answer:
    """Status and JSON of a request that a process of another user made.

    The process is a fork that becomes the user: the interpreter may not be readable for him.
    """
    account = pwd.getpwnam(user)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        os.write(write, json.dumps([answer.status, answer.read().decode()]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        status, text = json.loads(told.read())
    os.waitpid(child, 0)
    return status, json.loads(text)


def cli(server: ServerProcess, *arguments: str, stdin: str = "") -> str:
    """What ``hoplite-server ARGUMENTS`` prints, over the server's data directory."""
    command = [sys.executable, "-m", "hoplite.cli.server", "--data-dir", str(server.data_dir)]
    done = subprocess.run(
        [*command, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def root_server(make_server: MakeServer, tmp_path: Path) -> ServerProcess:
    """A root server whose data directory other users can pass through."""
    tmp_path.chmod(0o711)
    return make_server().start()


@as_root
def test_another_user_owns_his_jobs_and_they_run_as_him(root_server: ServerProcess) -> None:
    url, nobody = root_server.url, pwd.getpwnam(NOBODY)
    body = {"name": "golden.tell_surroundings", "run": True}
    status, job = ask_as(NOBODY, url, "POST", "/jobs", body)
    assert (status, job["owner"]) == (201, NOBODY)
    ended = root_server.ended(job["uuid"])
    assert ended["outcome"] == "succeeded", ended
    seen = ended["status"]
    assert (seen["uid"], seen["gid"]) == (nobody.pw_uid, nobody.pw_gid)
    assert 0 not in seen["groups"]
    assert seen["env"]["HOME"] == nobody.pw_dir
    assert seen["env"]["USER"] == NOBODY
    assert ask_as(NOBODY, url, "GET", f"/jobs/{job['uuid']}")[1]["status"] == seen
    assert ask_as(NOBODY, url, "DELETE", f"/jobs/{job['uuid']}")[0] == 200


@as_root
def test_others_see_that_a_job_exists_and_its_state(root_server: ServerProcess) -> None:
    job = root_server.run("golden.sleep", {"secret": "hunter2"}, env={"PASSWORD": "hunter2"})
    url, uuid = root_server.url, job["uuid"]
    status, seen = ask_as(NOBODY, url, "GET", f"/jobs/{uuid}")
    assert (status, seen["state"], seen["owner"]) == (200, root_server.job(uuid)["state"], "root")
    assert seen["config"] is seen["status"] is seen["env"] is None
    listed = ask_as(NOBODY, url, "GET", "/jobs")[1]
    events = ask_as_text(url, f"/jobs/{uuid}/events?follow=0")
    assert "hunter2" not in json.dumps([seen, listed]) + events
    assert ask_as(NOBODY, url, "GET", f"/jobs/{uuid}/log")[0] == 403
    for method, path in [("PUT", "/kill"), ("PUT", "/start"), ("DELETE", "")]:
        status, error = ask_as(NOBODY, url, method, f"/jobs/{uuid}{path}")
        assert (status, error["code"]) == (403, "not-authorized")
        assert "root" in error["error"]
    assert root_server.job(uuid)["running"]


def ask_as_text(url: str, path: str) -> str:
    """The text that nobody gets."""
    account = pwd.getpwnam(NOBODY)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(account.pw_uid)
        connection.request("GET", path)
        os.write(write, connection.getresponse().read())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


@as_root
def test_jobs_of_others_can_be_hidden(make_server: MakeServer) -> None:
    server = make_server("--visibility", "none").start()
    job = server.create("golden.noop")
    assert ask_as(NOBODY, server.url, "GET", f"/jobs/{job['uuid']}")[0] == 404
    assert ask_as(NOBODY, server.url, "PUT", f"/jobs/{job['uuid']}/kill")[0] == 404
    assert ask_as(NOBODY, server.url, "GET", "/jobs")[1]["jobs"] == []
    assert len(server.get("/jobs")["jobs"]) == 1


@pytest.fixture
def users_server(make_server: MakeServer) -> ServerProcess:
    """A server with passwords and tokens, and accounts of each role."""
    server = make_server("--auth", "users")
    server.data_dir.mkdir(mode=0o711)
    me = pwd.getpwuid(os.getuid()).pw_name
    for name, role in [(me, "user"), ("boss", "admin"), ("eve", "user"), ("looker", "reader")]:
        cli(server, "user", "add", name, "--role", role, "--password-stdin",
            stdin=f"password of {name}\n")  # fmt: skip
    return server.start()


def password(name: str) -> tuple[str, str]:
    return name, f"password of {name}"


def test_passwords_and_roles(users_server: ServerProcess) -> None:
    server = users_server
    body = {"name": "golden.noop"}
    nobody = server.request("GET", "/jobs")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not-authenticated")
    assert "Basic" in nobody.headers["WWW-Authenticate"]
    wrong = server.request("GET", "/jobs", auth=("boss", "wrong"))
    assert (wrong.status_code, wrong.json()["exception"]) == (401, "NotAuthenticatedError")
    assert server.request("GET", "/jobs", auth=password("looker")).status_code == 200
    refused = server.request("POST", "/jobs", json=body, auth=password("looker"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-authorized")
    assert server.request("PUT", "/reload", auth=password("looker")).status_code == 403
    for public in ("/", "/health", "/health/live", "/openapi.json"):
        assert server.request("GET", public).status_code == 200
    assert server.request("GET", "/metrics").status_code == 401


def test_strangers_are_not_told_which_jobs_there_are(users_server: ServerProcess) -> None:
    server = users_server
    body = {"name": "golden.noop"}
    me = pwd.getpwuid(os.getuid()).pw_name
    admit = ("boss", "password of boss") if me != "root" else None
    if admit is not None:
        server.request("POST", "/jobs", json=body, auth=admit)
    answers = [
        server.request("PUT", f"/jobs/{ref}", json={"status": {}, "api_key": "guess"})
        for ref in ("1", "999", "no-uuid")
    ]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(403, "wrong-api-key")}


def test_a_job_reports_without_an_account(users_server: ServerProcess) -> None:
    server = users_server
    me = pwd.getpwuid(os.getuid()).pw_name
    # A root server starts jobs as their owners' Unix accounts; root's rights are for admins only.
    who = password(me) if os.geteuid() else password("boss")
    body = {"name": "golden.echo", "config": {"a": 1}, "run": True}
    answer = server.request("POST", "/jobs", json=body, auth=who)
    if os.geteuid() == 0:
        assert (answer.status_code, answer.json()["code"]) == (403, "not-authorized")
        assert "boss has no Unix account" in answer.json()["error"]
        answer = server.request("POST", "/jobs", json=body, auth=password(me))
        assert "only administrators" in answer.json()["error"]
        return
    uuid = answer.json()["uuid"]
    job = server.request("GET", f"/jobs/{uuid}?wait=20", auth=who).json()
    assert job["status"] == {"echo": {"a": 1}}
    assert server.request("PUT", f"/jobs/{uuid}/kill", auth=password("eve")).status_code == 403


def test_tokens_come_and_go_at_once(users_server: ServerProcess) -> None:
    server = users_server
    token = next(
        word
        for word in cli(server, "token", "create", "--user", "eve", "--expires", "1d").split()
        if word.startswith("hop_")
    )
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.request("GET", "/jobs", headers=bearer).status_code == 200
    assert token not in server.log_text()
    cli(server, "user", "remove", "eve")
    assert server.request("GET", "/jobs", headers=bearer).status_code == 401
    assert server.request("GET", "/jobs", auth=password("eve")).status_code == 401


def test_a_proxy_names_the_user(make_server: MakeServer) -> None:
    server = make_server("--auth", "proxy", "--behind-proxy", "127.0.0.1",
                         "--proxy-admins", "boss").start()  # fmt: skip
    me = pwd.getpwuid(os.getuid()).pw_name
    named = server.request("GET", "/jobs", headers={"X-Remote-User": "boss"})
    assert named.status_code == 200
    assert server.request("GET", "/jobs").status_code == 401
    job = server.request(
        "POST", "/jobs", json={"name": "golden.noop"}, headers={"X-Remote-User": me}
    )
    assert job.status_code == (403 if os.geteuid() == 0 else 201)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_a_page_from_elsewhere_gets_nothing_done(
    server: ServerProcess, headers: dict[str, str]
) -> None:
    newest = server.get("/jobs?limit=1")
    answer = server.request("POST", "/jobs", json={"name": "golden.noop"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert server.get("/jobs?limit=1") == newest


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--host", "0.0.0.0"], "auth"),
        (["--host", "0.0.0.0", "--auth", "users"], "insecure_http"),
        (["--auth", "proxy"], "behind_proxy"),
        (["--max-running", "none"], "max_running"),
        (["--tls-cert", "x.pem"], "tls_key"),
    ],
)
def test_an_unsafe_start_is_refused(
    make_server: MakeServer, options: list[str], named: str
) -> None:
    server = make_server().start(*options)
    assert server.url == ""
    assert server.exit_code() == 2
    assert named in server.log_text()
    assert len(server.log_text().splitlines()) == 1


def test_no_key_is_in_any_answer_log_or_process_list(own_server: ServerProcess) -> None:
    job = own_server.run("golden.expose_key")
    uuid = job["uuid"]
    key = wait_until(lambda: own_server.job(uuid)["status"].get("key"), "the key")
    own_server.put(f"/jobs/{uuid}", json={"status": {}, "api_key": key})
    places = [own_server.log_text(), own_server.request("GET", "/metrics").text]
    places += [own_server.request("GET", path).text for path in ("/jobs", f"/jobs/{uuid}", "/")]
    places.append(own_server.request("GET", f"/jobs/{uuid}/events?follow=0").text)
    for process in own_server.job_processes():
        places += [" ".join(process.cmdline()), str(process.environ())]
    for place in places:
        assert key not in place
    for path in own_server.data_dir.rglob("*"):
        if path.is_file() and "journal" not in path.name:
            assert key.encode() not in path.read_bytes(), path
