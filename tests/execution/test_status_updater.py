"""How a job tells its status: merging, retrying, being refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import hoplite.client
from hoplite.client.status_updater import JobFileNames, MockStatusUpdater, StatusUpdater
from hoplite.exceptions import (
    ConnectionError,
    HopliteError,
    JobEndedError,
    TooLargeError,
    WrongApiKeyError,
)
from tests.execution.status_server import StatusServer, serving


@pytest.fixture
def server() -> Iterator[StatusServer]:
    with serving() as server:
        yield server


@pytest.fixture
def updater(server: StatusServer) -> Iterator[StatusUpdater]:
    updater = StatusUpdater(server.address, "the-uuid", "the-key", retry_s=5)
    yield updater
    updater.close()


def test_updates_are_merged_and_the_whole_status_is_sent(
    server: StatusServer, updater: StatusUpdater
) -> None:
    updater.update({"a": 1, "b": {"c": [1, None]}})
    updater.update({"a": "ü"})
    assert server.put == [
        ("/jobs/the-uuid", {"status": {"a": 1, "b": {"c": [1, None]}}, "api_key": "the-key"}),
        ("/jobs/the-uuid", {"status": {"a": "ü", "b": {"c": [1, None]}}, "api_key": "the-key"}),
    ]
    assert updater.status == {"a": "ü", "b": {"c": [1, None]}}
    assert updater.unacknowledged is None
    assert len(server.connections) == 1


def test_the_status_is_a_copy(updater: StatusUpdater) -> None:
    inner = [1]
    updater.update({"a": inner})
    inner.append(2)
    updater.status["a"].append(3)
    assert updater.status == {"a": [1]}


def test_progress_is_part_of_the_status(server: StatusServer, updater: StatusUpdater) -> None:
    updater.progress(3, 10, "counting")
    assert server.put[0][1]["status"] == {"progress": {"done": 3, "total": 10, "text": "counting"}}


def test_what_is_for_the_end_is_not_sent(server: StatusServer, updater: StatusUpdater) -> None:
    updater.update({"a": 1})
    updater.update_at_end({"b": 2})
    assert len(server.put) == 1
    assert updater.unacknowledged == {"a": 1, "b": 2}
    with pytest.raises(TypeError, match="'c'"):
        updater.update_at_end({"c": object()})
    updater.update({"d": 4})
    assert server.put[1][1]["status"] == {"a": 1, "b": 2, "d": 4}


@pytest.mark.parametrize("status", [502, 503, 504, 507])
def test_a_server_that_cannot_now_is_asked_again(
    server: StatusServer, updater: StatusUpdater, status: int
) -> None:
    server.answers = [(status, b"busy"), (status, {"error": "busy", "code": "unavailable"})]
    updater.update({"a": 1})
    assert len(server.put) == 3
    assert updater.unacknowledged is None


def test_a_refusal_is_raised_and_the_status_stays_what_it_was(
    server: StatusServer, updater: StatusUpdater
) -> None:
    updater.update({"a": 1})
    server.answers = [
        (403, {"error": "wrong key", "code": "wrong-api-key"}),
        (403, {"error": "it has ended", "code": "job-ended"}),
        (404, b"<html>"),
        (500, {"error": "no code"}),
    ]
    for expected, words in [
        (WrongApiKeyError, "wrong key"),
        (JobEndedError, "it has ended"),
        (HopliteError, "answered 404"),
        (HopliteError, "answered 500"),
    ]:
        with pytest.raises(expected, match=words):
            updater.update({"a": 2, "b": 3})
    assert updater.status == {"a": 1}
    assert updater.unacknowledged is None


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", float("nan"), "half \udc80", {("a",): 1}]
)
def test_what_is_no_json_is_a_type_error_that_names_the_key(
    server: StatusServer, updater: StatusUpdater, value: object
) -> None:
    with pytest.raises(TypeError, match="status\\['wrong'\\]"):
        updater.update({"right": 1, "wrong": value})
    assert server.put == []
    assert updater.status == {}


def test_keys_are_strings(updater: StatusUpdater) -> None:
    with pytest.raises(TypeError, match="not int"):
        updater.update({1: 2})  # type: ignore[dict-item]  # that is the case
    with pytest.raises(TypeError, match="not list"):
        updater.update([1])  # type: ignore[arg-type]  # that is the case


def test_an_unreachable_server_is_told_and_the_status_is_kept() -> None:
    with serving() as server:
        address = server.address
    updater = StatusUpdater(address, "the-uuid", "the-key", retry_s=0.1)
    with pytest.raises(ConnectionError, match=address):
        updater.update({"a": 1})
    assert updater.status == updater.unacknowledged == {"a": 1}
    updater.close()


def test_a_server_that_comes_back_elsewhere_is_found(tmp_path: Path) -> None:
    address_file = tmp_path / "address"
    with serving() as first:
        updater = StatusUpdater(
            f"http://{first.address}", "the-uuid", "the-key", retry_s=20, address_file=address_file
        )
        updater.update({"a": 1})
    sender = threading.Thread(target=updater.update, args=({"b": 2},))
    sender.start()
    with serving() as second:
        address_file.write_text(f"http://{second.address}\n")
        sender.join(20)
        assert second.put[0][1]["status"] == {"a": 1, "b": 2}
    assert updater.unacknowledged is None
    updater.close()


def test_threads_may_report_at_once(server: StatusServer, updater: StatusUpdater) -> None:
    threads = [
        threading.Thread(target=updater.update, args=({f"of-{number}": number},))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert updater.status == {f"of-{number}": number for number in range(8)}
    assert server.put[-1][1]["status"] == updater.status


def test_the_mock_prints_and_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    mock = MockStatusUpdater()
    mock.update({"a": 1})
    mock.progress(1, 2)
    mock.update_at_end({"b": 2})
    assert mock.status == {"a": 1, "progress": {"done": 1, "total": 2, "text": ""}, "b": 2}
    assert capsys.readouterr().out.startswith("{'a': 1}\n")
    assert (mock.addr, mock.uuid) == ("0.0.0.0:5000", "{0}")
    mock.input = b"put before"
    assert mock.read_input() == b"put before"
    mock.write_result(b"left")
    assert mock.result == b"left"


def test_files_are_where_the_server_says(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"put before")
    files = JobFileNames(str(tmp_path / "input"), str(tmp_path / "result"), 10)
    status = StatusUpdater("127.0.0.1:9", "u", "k", files=files)
    assert status.read_input() == b"put before"
    status.write_result(b"left")
    with pytest.raises(TooLargeError, match="has 11 bytes; the setting max_result_bytes allows 10"):
        status.write_result(bytes(11))
    assert (tmp_path / "result").read_bytes() == b"left"
    (tmp_path / "result.new").mkdir()
    with pytest.raises(IsADirectoryError):
        status.write_result(b"nowhere")
    assert (tmp_path / "result").read_bytes() == b"left", "what was there stays"


def test_without_a_server_there_are_no_files() -> None:
    status = StatusUpdater("127.0.0.1:9", "u", "k")
    with pytest.raises(FileNotFoundError, match="no file was put"):
        status.read_input()
    with pytest.raises(RuntimeError, match="only where a server runs the job"):
        status.write_result(b"")


def test_the_package_offers_both() -> None:
    assert hoplite.client.StatusUpdater is StatusUpdater
    assert hoplite.client.MockStatusUpdater is MockStatusUpdater
    with pytest.raises(AttributeError, match="Nothing"):
        _ = hoplite.client.Nothing
