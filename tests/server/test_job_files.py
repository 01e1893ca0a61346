"""The input and the result of jobs, over real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoplite.execution.local.job_files import JobFiles
from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until
from tests.server.test_who import NOBODY, as_root, ask_as, cli

Headers = dict[str, str]


def put(server: ServerProcess, ref: str, data: Any, **headers: str) -> tuple[int, Any]:
    given = {"Content-Type": "application/octet-stream", **headers}
    answer = server.request("PUT", f"/jobs/{ref}/input", data=data, headers=given)
    return answer.status_code, answer.json()


def result(server: ServerProcess, ref: str, **headers: str) -> tuple[int, bytes | str]:
    """The status, with the bytes or the error's code."""
    answer = server.request("GET", f"/jobs/{ref}/result", headers=headers)
    return answer.status_code, answer.content if answer.ok else answer.json()["code"]


def ran(server: ServerProcess, how: str, **config: Any) -> dict[str, Any]:
    return server.ended(server.run("files", {"how": how, **config})["uuid"])


@pytest.mark.parametrize("data", [b"", b"\0\xff text", os.urandom(20_000_000)], ids=len)
def test_what_is_put_is_read_and_what_is_left_is_got(server: ServerProcess, data: bytes) -> None:
    uuid = server.create("files")["uuid"]
    assert put(server, uuid, b"an earlier one") == (200, {"uuid": uuid, "bytes": 14})
    assert put(server, uuid, data) == (200, {"uuid": uuid, "bytes": len(data)})
    server.put(f"/jobs/{uuid}/start")
    job = server.ended(uuid)
    assert job["outcome"] == "succeeded", job
    answer = server.request("GET", f"/jobs/{uuid}/result")
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_body_without_a_length_is_taken_too(server: ServerProcess) -> None:
    uuid = server.create("files")["uuid"]
    pieces: Iterator[bytes] = iter([b"one", b"two"])
    assert put(server, uuid, pieces) == (200, {"uuid": uuid, "bytes": 6})
    server.request("DELETE", f"/jobs/{uuid}")


def test_the_last_result_counts(server: ServerProcess) -> None:
    assert result(server, ran(server, "twice")["uuid"]) == (200, b"the last")


def test_inputs_are_put_before_the_start(server: ServerProcess) -> None:
    job = server.run("files", {"how": "wait"})
    assert put(server, job["uuid"], b"x")[1]["code"] == "job-already-started"
    assert result(server, job["uuid"]) == (409, "job-not-ended")
    server.put(f"/jobs/{job['uuid']}/kill")
    server.ended(job["uuid"])
    assert put(server, job["uuid"], b"x")[1]["code"] == "job-ended"
    assert put(server, "no-such-job", b"x")[0] == 404
    assert result(server, "no-such-job") == (404, "job-does-not-exist")


def test_an_input_of_another_type(server: ServerProcess) -> None:
    uuid = server.create("files")["uuid"]
    status, error = put(server, uuid, b"{}", **{"Content-Type": "application/json"})
    assert (status, error["code"]) == (415, "unsupported-media-type")
    server.request("DELETE", f"/jobs/{uuid}")


def test_a_job_without_files(server: ServerProcess) -> None:
    job = ran(server, "echo")
    assert job["status"]["exception"]["type"] == "FileNotFoundError"
    assert result(server, job["uuid"]) == (404, "result-does-not-exist")


def test_what_the_job_has_put_in_the_place_of_a_result(
    server: ServerProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    for how in ("symlink", "hard link", "pipe", "directory"):
        job = ran(server, how, path=str(secret))
        if how == "hard link" and job["outcome"] != "succeeded":
            continue  # the temporary directories are on two file systems
        assert job["outcome"] == "succeeded", job
        assert result(server, job["uuid"]) == (404, "result-does-not-exist"), how


def test_a_result_that_cannot_be_written_fails_the_job(server: ServerProcess) -> None:
    job = ran(server, "no space")
    assert job["status"]["exception"]["type"] == "FileNotFoundError"


def test_both_have_their_limits(make_server: MakeServer) -> None:
    server = make_server("--max-upload-bytes", "2000", "--max-result-bytes", "1000").start()
    uuid = server.create("files")["uuid"]
    for body in (bytes(2001), iter([bytes(2001)]), bytes(200_000)):
        status, error = put(server, uuid, body)
        assert (status, error["code"]) == (413, "too-large")
        assert "max_upload_bytes" in error["error"]
    assert put(server, uuid, bytes(2000))[0] == 200
    server.put(f"/jobs/{uuid}/start")
    said = server.ended(uuid)["status"]["exception"]
    assert said["type"] == "hoplite.exceptions.TooLargeError"
    assert said["message"] == "the result has 2000 bytes; the setting max_result_bytes allows 1000"
    assert result(server, ran(server, "large", bytes=1000)["uuid"]) == (200, bytes(1000))
    assert result(server, ran(server, "forged", bytes=1001)["uuid"])[0] == 404


def test_both_outlive_the_server_and_go_with_the_log(make_server: MakeServer) -> None:
    server = make_server().start()
    uuid = server.create("files")["uuid"]
    assert put(server, uuid, bytes(50_000))[0] == 200
    server.kill_9()
    server.start()
    server.put(f"/jobs/{uuid}/start")
    assert server.ended(uuid)["outcome"] == "succeeded"
    server.kill_9()
    server.start()
    assert result(server, uuid) == (200, bytes(50_000))
    server.terminate()
    server.start("--keep-log-bytes", "90000")
    wait_until(lambda: result(server, uuid) == (410, "log-removed"), "the rule to be applied")
    assert not list(server.data_dir.glob("jobs/*/*/input"))


def test_a_job_that_is_deleted_takes_its_input_along(own_server: ServerProcess) -> None:
    uuid = own_server.create("files")["uuid"]
    put(own_server, uuid, b"x")
    assert list(own_server.data_dir.glob("jobs/*/*/input"))
    assert own_server.request("DELETE", f"/jobs/{uuid}").status_code == 200
    wait_until(lambda: not list(own_server.data_dir.glob("jobs/*/*/input")), "its files to go")


@as_root
def test_they_are_of_the_owner(make_server: MakeServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    server = make_server().start()
    mine = ran(server, "twice")["uuid"]
    held = server.create("files")["uuid"]
    assert ask_as(NOBODY, server.url, "GET", f"/jobs/{mine}/result")[0] == 403
    assert ask_as(NOBODY, server.url, "PUT", f"/jobs/{held}/input")[0] == 403
    _, his = ask_as(NOBODY, server.url, "POST", "/jobs", {"name": "files"})
    # An administrator may act for him; the job reads and writes as him all the same.
    assert put(server, his["uuid"], b"for nobody")[0] == 200
    server.put(f"/jobs/{his['uuid']}/start")
    ended = server.ended(his["uuid"])
    assert ended["status"]["uid"] != 0, ended
    assert result(server, his["uuid"]) == (200, b"for nobody")


def test_the_key_of_a_job_opens_its_result_and_no_other(make_server: MakeServer) -> None:
    server = make_server("--auth", "users", "--auth", "kernel").start()
    job, other = ran(server, "key"), ran(server, "key")
    server.terminate()
    server.options = ("--auth", "users")
    server.start()
    key = {"Authorization": f"Bearer {job['status']['key']}"}
    assert result(server, job["uuid"], **key) == (200, b"by its key")
    assert result(server, other["uuid"], **key) == (403, "wrong-api-key")
    assert result(server, "no-such-job", **key) == (403, "wrong-api-key")
    assert result(server, job["uuid"]) == (401, "not-authenticated")
    cli(server, "user", "add", "ann", "--role", "reader", "--password-stdin", stdin="secret-word\n")
    ann = {"Authorization": "Basic YW5uOnNlY3JldC13b3Jk"}
    assert result(server, job["uuid"], **ann) == (403, "not-authorized")


def test_an_input_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    files = JobFiles.of(tmp_path, 7)

    def broken() -> Iterator[bytes]:
        yield b"the beginning"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.write_input(broken())
    assert not list(Path(files.directory).iterdir())
    files.write_input([b"all", b" of it"])
    assert Path(files.input).read_bytes() == b"all of it"
    with pytest.raises(ConnectionResetError):
        files.write_input(broken())
    assert Path(files.input).read_bytes() == b"all of it", "what was there stays"
