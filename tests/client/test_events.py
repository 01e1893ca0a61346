"""Events, from the first to the last, once each, through restarts of the server."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from hoplite.client import Event, EventStream, RemoteJobManager
from hoplite.client.event_stream import messages
from hoplite.exceptions import ConnectionError, JobDoesNotExistError
from tests.client.test_waiting import same_port
from tests.conftest import MakeServer
from tests.server.process import wait_until


def test_the_life_of_a_job(manager: RemoteJobManager) -> None:
    job = manager.run("golden.echo", {"a": 1})
    told = list(job.events())
    assert [event.event for event in told] == [
        "created", "queued", "launched", "started", "status", "ended",
    ]  # fmt: skip
    assert {(event.job, event.job_id) for event in told} == {(job.uuid, job.info()["id"])}
    assert told[-1].detail["outcome"] == "succeeded"
    assert told[0].who == job.info()["owner"]
    assert abs(datetime.now(UTC) - told[0].time) < timedelta(minutes=1)
    assert list(job.events(after=told[2].id)) == told[3:]
    assert list(job.events(after=told[-1].id)) == []
    again = job.events()
    assert next(again) == told[0]
    again.close()
    assert list(again) == []


def test_all_events_from_now_on(manager: RemoteJobManager) -> None:
    before = manager.run("golden.noop")
    told: list[Event] = []
    events = manager.events()
    thread = threading.Thread(target=lambda: told.extend(until_an_end(events)))
    thread.start()
    wait_until(lambda: events._reader.last_id is not None, "the beginning of the stream")
    job = manager.run("golden.noop")
    thread.join(20)
    events.close()
    assert {event.job for event in told} == {job.uuid} != {before.uuid}
    assert [told[0].event, told[-1].event] == ["created", "ended"]
    with manager.events(after=told[-2].id) as rest:
        assert next(rest) == told[-1]


def until_an_end(events: EventStream) -> Iterator[Event]:
    for event in events:
        yield event
        if event.event == "ended":
            return


@pytest.mark.parametrize("ways", ["kill", "stop"])
def test_events_go_on_when_the_server_is_restarted(
    make_server: MakeServer, tmp_path: Path, ways: str
) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url) as manager:
        job = manager.start_job("golden.wait_for_file", {"path": str(tmp_path / "go")})
        told: list[Event] = []
        thread = threading.Thread(target=lambda: told.extend(job.events()))
        thread.start()
        for _ in range(2):
            wait_until(lambda: job.status(force=True), "the job to run")
            if ways == "kill":
                server.kill_9()
            else:
                server.terminate()
            server.start(*same_port(server))
        (tmp_path / "go").touch()
        thread.join(30)
        assert told[-1].event == "ended"
        assert told == list(job.events()) or _but_for_joined_statuses(told, list(job.events()))


def _but_for_joined_statuses(live: list[Event], kept: list[Event]) -> bool:
    """Statuses within a second are one in the journal; who follows live sees each."""
    return [e for e in live if e.event != "status"] == [e for e in kept if e.event != "status"]


def test_nothing_is_missed_when_the_stream_breaks_before_its_first_event(
    make_server: MakeServer,
) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url) as manager, RemoteJobManager(server.url) as other:
        told: list[Event] = []
        events = manager.events()
        thread = threading.Thread(target=lambda: told.append(next(events)))
        thread.start()
        wait_until(lambda: events._reader.last_id is not None, "the beginning of the stream")
        server.kill_9()
        server.start(*same_port(server))
        job = other.create_job("golden.noop")
        thread.join(20)
        events.close()
        assert [event.job for event in told] == [job.uuid]


@pytest.mark.parametrize("ways", ["kill", "stop"])
def test_a_log_is_followed_through_a_restart(
    make_server: MakeServer, tmp_path: Path, ways: str
) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url, retry_s=0) as manager:
        go = tmp_path / "go"
        command = f"echo one; while [ ! -e {go} ]; do sleep 0.05; done; echo two"
        job = manager.start_job("hoplite.plugins.shell_command", {"command": command})
        pieces = job.follow_log()
        told = [next(pieces)]
        thread = threading.Thread(target=lambda: told.extend(pieces))
        thread.start()
        if ways == "kill":
            server.kill_9()
        else:
            server.terminate()
        server.start(*same_port(server))
        go.touch()
        thread.join(30)
        assert "".join(told) == "one\ntwo\n"


def test_no_such_job_and_no_server(manager: RemoteJobManager) -> None:
    job = manager.create_job("golden.noop")
    job.delete()
    with pytest.raises(JobDoesNotExistError):
        next(job.events())
    with (
        RemoteJobManager("127.0.0.1:1", retry_s=0) as nowhere,
        pytest.raises(ConnectionError, match="connection refused"),
    ):
        next(nowhere.events())


def test_an_iterator_that_is_dropped_hangs_up(manager: RemoteJobManager) -> None:
    job = manager.run("hoplite.plugins.shell_command", {"command": "echo hello"})
    gc.collect()
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            before = psutil.Process().num_fds()
            for _ in range(5):
                next(manager.events(after=0))
                next(job.events())
                next(job.follow_log())
            assert psutil.Process().num_fds() <= before + 1, "at most a kept one more"
        assert [str(one.message) for one in said] == []
    finally:
        gc.enable()


def test_messages_in_any_pieces() -> None:
    stream = (
        b"retry: 2000\nid: 7\n\n: still here\n\nid: 8\nevent: x\ndata: {1}\n\n"
        b"id:9\r\ndata:{2: 3}\r\n\r\nid: 10\ndata: cut off"
    )
    for size in (1, 2, 7, len(stream)):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [(one.id, one.data) for one in messages(pieces)] == [
            ("7", ""),
            ("8", "{1}"),
            ("9", "{2: 3}"),
        ]
