"""What users' own tests get: calls in this process, servers to throw away, fixtures."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from hoplite.client import RemoteJobManager
from hoplite.exceptions import JobFailedError, RemoteCallError
from hoplite.remote_enabler import close_connections
from hoplite.testing import in_process, throw_away_server
from tests.remotify import calls
from tests.remotify.conftest import ROOT
from tests.server.process import wait_until

MODULE: Any = calls


def test_calls_run_in_this_process() -> None:
    pids: list[int] = []
    with in_process():
        assert MODULE.remote_add("nowhere", 1, other=2) == 3
        assert MODULE.remote_give_back("nowhere", (1,)) == (1,)
        counter: Any = calls.Counter(5)
        assert counter.remote_set("nowhere", 9) == 9
        assert counter.value == 5, "on a copy"
        assert counter.remote_double("nowhere", 2) == 4
        assert len(MODULE.remote_large("nowhere", 200_000)) == 200_000
        assert MODULE.remote_length("nowhere", bytes(200_000)) == 200_000
        pids.append(MODULE.remote_give_back("nowhere", os.getpid()))
        assert MODULE.remote_talk("nowhere") == "talked"
    assert pids == [os.getpid()]
    with pytest.raises(ValueError, match="names no host"):
        MODULE.remote_add("no where", 1)


def test_it_finds_what_could_not_travel() -> None:
    with in_process():
        with pytest.raises(RemoteCallError, match="the result cannot be pickled"):
            MODULE.remote_opaque("nowhere")
        with pytest.raises(RemoteCallError, match="returned a generator"):
            MODULE.remote_a_generator("nowhere")
        with pytest.raises(calls.TwoPartsError) as caught:
            MODULE.remote_fail("nowhere", "two parts")
        assert caught.value.part == "left"
        with pytest.raises(JobFailedError, match="ClumsyError"):
            MODULE.remote_fail("nowhere", "clumsy")
        with pytest.raises(RemoteCallError, match="remote_async_add needs a server"):
            MODULE.remote_async_add("nowhere", 1)


def test_as_if_the_server_were_not_trusted() -> None:
    with in_process(trusted=False):
        assert MODULE.remote_give_back("nowhere", [1]) == [1]
        with pytest.raises(RemoteCallError, match="JSON cannot tell"):
            MODULE.remote_give_back("nowhere", (1,))
        with pytest.raises(JobFailedError, match="left"):
            MODULE.remote_fail("nowhere", "two parts")


def test_it_holds_for_all_threads() -> None:
    told: list[int] = []
    with in_process():
        thread = threading.Thread(target=lambda: told.append(MODULE.remote_add("nowhere", 1)))
        thread.start()
        thread.join()
    assert told == [2]


def test_a_server_to_throw_away_leaves_nothing(tmp_path: Path) -> None:
    started = tmp_path / "started"
    tmp_path.chmod(0o777)
    with throw_away_server(environ={"COLOUR": "red"}) as server:
        call = MODULE.remote_async_sleep(server.address, 60, str(started))
        call.start()
        pid = int(wait_until(lambda: started.exists() and started.read_text(), "its start"))
        with RemoteJobManager(server.address) as manager:
            said = manager.run("hoplite.plugins.shell_command", {"command": "echo $COLOUR"}).log()
        assert said == "red\n"
        assert "job ended" in server.log_text()
        folder = Path(server._log).parent
        assert server.address in repr(server)
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its jobs")
    assert not folder.exists()
    close_connections()


def test_a_server_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="did not start .*\n.*no-such-option"),
        throw_away_server("--no-such-option"),
    ):
        pass


TESTS = """
import shopping

def test_in_process(hoplite_in_process):
    assert shopping.remote_price("anywhere", 3) == (6, shopping.os.getpid())

def test_on_a_server(hoplite_server):
    price, pid = shopping.remote_price(hoplite_server.address, 3)
    assert price == 6 and pid != shopping.os.getpid()

def test_on_the_same_server(hoplite_server):
    call = shopping.remote_async_price(hoplite_server.address, 4)
    call.start()
    assert call.join()[0] == 8
"""
SHOPPING = """
import os
from hoplite import remotify

@remotify(__name__)
def price(number):
    return 2 * number, os.getpid()
"""


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "shopping.py").write_text(SHOPPING)
    (tmp_path / "test_shopping.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "hoplite.testing.pytest_plugin", "-q"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_pytest_finds_them_by_itself() -> None:
    declared = (ROOT / "setup.py").read_text()
    assert '"pytest11": ["hoplite = hoplite.testing.pytest_plugin"]' in declared
    for entry in metadata.entry_points(group="pytest11", name="hoplite"):
        assert entry.value == "hoplite.testing.pytest_plugin"


def test_loading_the_plugin_costs_nothing() -> None:
    check = "import hoplite.testing.pytest_plugin, sys; print(*sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert not set(told.stdout.split()) & {"requests", "msgspec", "flask", "hoplite.remote_enabler"}


@pytest.mark.parametrize("line", ["from hoplite import remotify", "import hoplite.remote_enabler"])
def test_a_decorated_module_needs_no_http_library(line: str) -> None:
    check = f"{line}; import sys; print(*sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert not set(told.stdout.split()) & {"requests", "msgspec", "flask", "cloudpickle"}
