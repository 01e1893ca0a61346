from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.exceptions import StorageUnavailableError
from hoplite.manager.lock import DataDirLock, holder

_HOLD = """
import sys
from pathlib import Path
from hoplite.manager.lock import DataDirLock
lock = DataDirLock(Path(sys.argv[1]))
lock.acquire()
lock.announce("http://127.0.0.1:5000")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_server_is_refused_and_told_who_is_there(
    server: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(StorageUnavailableError) as caught:
        DataDirLock(tmp_path).acquire()
    who = f"hoplite-server pid {server.pid} (http://127.0.0.1:5000)"
    assert f"is in use by {who}" in caught.value.message
    assert str(holder(tmp_path)) == who


def test_the_lock_of_a_killed_server_is_free(server: subprocess.Popen[str], tmp_path: Path) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert holder(tmp_path) is None
    with DataDirLock(tmp_path) as lock:
        assert lock.held


def test_taking_and_giving_back_twice_is_the_same_as_once(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.release()
    lock.acquire()
    lock.acquire()
    found = holder(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()
    lock.release()
    lock.release()
    assert holder(tmp_path) is None
    DataDirLock(tmp_path).acquire()


def test_looking_at_the_lock_neither_makes_a_file_nor_keeps_a_server_out(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_neither_a_program_executed_nor_a_forked_child_holds_it_on(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.acquire()
    told, tell = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False
    ) as executed:
        child = os.fork()
        if child == 0:
            os.close(tell)
            os.read(told, 1)
            os._exit(0)
        try:
            lock.release()
            with DataDirLock(tmp_path):
                pass
        finally:
            os.close(tell)
            os.waitpid(child, 0)
            os.close(told)
            executed.communicate(b"\n")


def test_the_file_is_closed_to_others(tmp_path: Path) -> None:
    with DataDirLock(tmp_path) as lock:
        assert lock.path.stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match="none cannot be locked: No such file"):
        DataDirLock(tmp_path / "none").acquire()
