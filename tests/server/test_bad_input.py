"""Bad input gets a clear error in JSON and costs nothing."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from hoplite import exceptions
from tests.server.process import ServerProcess

UNKNOWN = "8b7fea59-2c0d-4afa-8109-2bc0a26ec865"
BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "blank": (b"  \n", 400),
    "malformed": (b'{"name": ', 400),
    "array": (b'["golden.noop"]', 400),
    "null": (b"null", 400),
    "string": (b'"golden.noop"', 400),
    "number": (b"3", 400),
    "invalid UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "lone surrogate": (b'{"name": "\\ud800"}', 400),
    "huge number": (b'{"name": "golden.noop", "config": {"n": 1e999}}', 400),
    "NaN": (b'{"name": "golden.noop", "config": {"n": NaN}}', 400),
    "deep": (b'{"name": "golden.noop", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "too deep for others": (
        b'{"name": "golden.noop", "config": ' + b'{"a":' * 201 + b"1" + b"}" * 201 + b"}",
        400,
    ),
    "deep object": (b'{"name": "golden.noop", "config": ' + b'{"a":' * 50_000, 400),
    "unknown key": (b'{"name": "golden.noop", "timout": 3}', 400),
    "name null": (b'{"name": null}', 400),
    "name number": (b'{"name": 5}', 400),
    "no name": (b"{}", 400),
    "unknown plugin": (b'{"name": "Bad Name"}', 404),
    "config null": (b'{"name": "golden.noop", "config": null}', 400),
    "config string": (b'{"name": "golden.noop", "config": "a string"}', 400),
    "config array": (b'{"name": "golden.noop", "config": []}', 400),
    "run number": (b'{"name": "golden.noop", "run": 1}', 400),
    "run word": (b'{"name": "golden.noop", "run": "yes"}', 400),
    "run against running": (b'{"name": "golden.noop", "run": true, "running": false}', 400),
    "timeout negative": (b'{"name": "golden.noop", "timeout": -1}', 400),
    "timeout text": (b'{"name": "golden.noop", "timeout": "1"}', 400),
    "env number": (b'{"name": "golden.noop", "env": {"A": 1}}', 400),
    "env equals sign": (b'{"name": "golden.noop", "env": {"A=B": "1"}}', 400),
    "env NUL": (b'{"name": "golden.noop", "env": {"A": "a\\u0000b"}}', 400),
    "workdir relative": (b'{"name": "golden.noop", "workdir": "here"}', 400),
    "workdir NUL": (b'{"name": "golden.noop", "workdir": "/a\\u0000b"}', 400),
    "config too large": (
        b'{"name": "golden.noop", "config": {"a": "' + b"x" * (1 << 20) + b'"}}',
        413,
    ),
    "body too large": (b'{"name": "' + b"x" * (17 << 20) + b'"}', 413),
}


def checked(answer: Any) -> dict[str, Any]:
    """The error, which every error answer must be."""
    assert answer.headers["Content-Type"] == "application/json", answer.text
    error: dict[str, Any] = answer.json()
    assert error["error"] and "Traceback" not in answer.text
    kind = getattr(exceptions, error["exception"])
    assert kind.code == error["code"]
    assert kind.http_status == answer.status_code
    assert str(exceptions.from_answer(error["code"], error["error"])) == error["error"]
    return error


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_makes_no_job(server: ServerProcess, case: str) -> None:
    body, status = BODIES[case]
    newest = server.get("/jobs?limit=1")
    headers = {"Content-Type": "application/json"}
    answer = server.request("POST", "/jobs", data=body, headers=headers)
    assert answer.status_code == status, answer.text
    checked(answer)
    assert server.get("/jobs?limit=1") == newest


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": "golden.noop", "config": "x"}, "config"),
        ({"name": "golden.noop", "timeout": "x"}, "timeout"),
        ({"name": "golden.noop", "timout": 1}, "timout"),
        ({}, "name"),
        ({"name": "unheard of"}, "name"),
    ],
)
def test_the_error_names_the_field(server: ServerProcess, body: Any, field: str) -> None:
    error = checked(server.request("POST", "/jobs", json=body))
    assert error["field"] == field
    assert field in error["error"] or body.get("name", "") in error["error"]


@pytest.mark.parametrize("case", ["malformed", "array", "null", "invalid UTF-8", "deep", "empty"])
def test_a_bad_status_body_is_refused(server: ServerProcess, case: str) -> None:
    job = server.create("golden.noop")
    answer = server.request("PUT", f"/jobs/{job['uuid']}", data=BODIES[case][0])
    assert answer.status_code in (400, 403), answer.text
    checked(answer)
    assert server.job(job["uuid"]) == job


def test_a_body_of_another_type_is_read_if_it_is_json(server: ServerProcess) -> None:
    body = json.dumps({"name": "golden.noop"})
    types = ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"]
    for content_type in types:
        headers = {"Content-Type": content_type}
        assert server.request("POST", "/jobs", data=body, headers=headers).status_code == 201
    assert server.request("POST", "/jobs", data=body.encode(), headers={}).status_code == 201
    form = server.request("POST", "/jobs", data={"name": "golden.noop"})
    assert form.status_code == 415
    assert "application/json" in checked(form)["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PUT", ""), ("PUT", "/start"), ("PUT", "/kill"), ("DELETE", ""),
        ("GET", "/log"), ("GET", "/events"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "ref", [UNKNOWN, "nope", "999999999999999", "0", "-1", "9" * 40, "%00", "%FF", "x" * 2000]
)
def test_an_unknown_job_is_404(server: ServerProcess, method: str, path: str, ref: str) -> None:
    body = {"status": {}, "api_key": "k"} if (method, path) == ("PUT", "") else None
    answer = server.request(method, f"/jobs/{ref}{path}", json=body)
    assert answer.status_code == 404
    assert checked(answer)["code"] == "job-does-not-exist"
    if ref == UNKNOWN:
        assert answer.json()["error"] == f"Job with UUID: {UNKNOWN} does not exist"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=1001", "limit=abc", "limit=", "limit=1.5", "state=Sleeping", "since=soon",
        "cursor=abc", "cursor=-1", "nonsense=1", "since=-5", "since=", "state=", "limit=null",
        "limit=1&limit=2", "=1",
    ],
)  # fmt: skip
def test_a_bad_list_query_is_400(server: ServerProcess, query: str) -> None:
    answer = server.request("GET", f"/jobs?{query}")
    assert answer.status_code == 400, answer.text
    assert checked(answer)["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "query", ["wait=abc", "wait=-1", "for=ever", "since=x", "wait=nan", "wait=1e999", "x=1"]
)
def test_a_bad_wait_query_is_400(server: ServerProcess, query: str) -> None:
    job = server.create("golden.noop")
    answer = server.request("GET", f"/jobs/{job['uuid']}?{query}")
    assert answer.status_code == 400, answer.text
    checked(answer)


@pytest.mark.parametrize("query", ["stream=x", "tail=-1", "offset=-1", "offset=1", "follow=maybe"])
def test_a_bad_log_query_is_400(server: ServerProcess, query: str) -> None:
    job = server.create("golden.noop")
    assert server.request("GET", f"/jobs/{job['uuid']}/log?{query}").status_code == 400


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "null"])
def test_a_bad_place_in_the_events_is_400(server: ServerProcess, after: str) -> None:
    answer = server.request("GET", f"/events?after={after}")
    assert (answer.status_code, checked(answer)["field"]) == (400, "after")


@pytest.mark.parametrize("last", ["x", "-1", "1e3", "9" * 30])
def test_a_bad_last_event_id_is_400(server: ServerProcess, last: str) -> None:
    answer = server.request("GET", "/events", headers={"Last-Event-ID": last})
    assert answer.status_code == 400
    checked(answer)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/jobs", {"GET", "POST"}),
        ("GET", "/reload", {"PUT"}),
        ("POST", f"/jobs/{UNKNOWN}", {"GET", "PUT", "DELETE"}),
        ("POST", f"/jobs/{UNKNOWN}/start", {"PUT"}),
        ("PATCH", "/job_plugins", {"GET"}),
        ("PUT", "/jobs/running", {"GET"}),
    ],
)
def test_a_wrong_method_is_405(
    server: ServerProcess, method: str, path: str, allowed: set[str]
) -> None:
    answer = server.request(method, path)
    assert answer.status_code == 405
    checked(answer)
    assert set(answer.headers["Allow"].split(", ")) >= allowed


@pytest.mark.parametrize("path", ["/nope", "/jobs/", "/jobs/a/b/c", "/static/../x", "/static/no"])
def test_an_unknown_path_is_404_in_json(server: ServerProcess, path: str) -> None:
    answer = server.request("GET", path)
    assert answer.status_code == 404
    checked(answer)


def test_nesting_is_bounded_before_it_hurts_anybody(server: ServerProcess) -> None:
    """Whether or not a key has the body looked at once more."""
    for depth, status in [(150, 201), (201, 400), (981, 400), (50_000, 400)]:
        config = b'{"a":' * depth + b'"[{"' + b"}" * depth
        body = b'{"name": "golden.noop", "config": ' + config + b"}"
        for headers in ({}, {"Idempotency-Key": f"deep-{depth}"}):
            answer = server.request("POST", "/jobs", data=body, headers=headers)
            assert answer.status_code == status, (depth, answer.text)


def test_a_range_that_no_file_has_is_the_clients_error(server: ServerProcess) -> None:
    headers = {"Range": "bytes=99999999-"}
    answer = server.request("GET", "/static/hoplite.css", headers=headers)
    assert answer.status_code == 400
    checked(answer)


def test_options_and_head_work(server: ServerProcess) -> None:
    assert "GET" in server.request("OPTIONS", "/jobs").headers["Allow"]
    head = server.request("HEAD", "/jobs")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "text",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 400_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_in_json(server: ServerProcess, text: bytes) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as raw:
        raw.sendall(text)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"431")
    assert b"application/json" in head
    assert json.loads(body)["code"]
