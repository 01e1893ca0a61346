"""What is raised here when something goes wrong there."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psutil
import pytest

from hoplite.client import RemoteJobManager
from hoplite.exceptions import (
    ConnectionError,
    JobFailedError,
    JobKilledError,
    NotAuthenticatedError,
    NotAuthorizedError,
    RemoteCallError,
    TimeoutError,
    VersionMismatchError,
)
from hoplite.remote_enabler import Server, envelope, remote
from hoplite.remote_enabler.target import prepare, target_of
from tests.remotify import calls
from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess, wait_until
from tests.server.test_who import cli

MODULE: Any = calls


def test_the_original_exception_is_raised_with_where_it_was(address: str) -> None:
    with pytest.raises(calls.TwoPartsError) as caught:
        MODULE.remote_fail(address, "two parts")
    assert (caught.value.part, caught.value.number) == ("left", 2)
    cause = caught.value.__cause__
    assert isinstance(cause, JobFailedError)
    assert "raise errors[how]" in cause.remote_traceback
    shown = "".join(traceback.format_exception(caught.value))
    assert "calls.py" in shown and "raise errors[how]" in shown


@pytest.mark.parametrize(
    ("how", "kind", "args"),
    [
        ("key", KeyError, ("missing",)),
        ("os", FileNotFoundError, (2, "No such file or directory")),
        ("timeout", __builtins__["TimeoutError"], ("of its own",)),  # type: ignore[index] # a dict here
        ("chained", ValueError, ("second",)),
    ],
)
def test_built_in_exceptions(
    address: str, how: str, kind: type[Exception], args: tuple[object, ...]
) -> None:
    with pytest.raises(kind) as caught:
        MODULE.remote_fail(address, how)
    assert type(caught.value) is kind
    assert caught.value.args == args


def test_the_chain_of_the_original_is_seen(address: str) -> None:
    with pytest.raises(ValueError, match="second") as caught:
        MODULE.remote_fail(address, "chained")
    assert "KeyError: 'first'" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("clumsy", "ClumsyError: left 2"),
        ("local class", "LocalError: nobody can"),
        ("huge", "ValueError: xxx"),
        ("deep", "ValueError: "),
    ],
)
def test_an_exception_that_cannot_travel(address: str, how: str, words: str) -> None:
    with pytest.raises(JobFailedError, match=words) as caught:
        MODULE.remote_fail(address, how)
    assert caught.value.remote_traceback


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("killed", "ProcessSignalled", "died of SIGKILL"),
        ("os exit", "ProcessExited", "exited with code 0 before run returned"),
        ("0", "ProcessExited", "die ended its process, by sys.exit, before it returned"),
        ("3", "SystemExit", "3"),
    ],
)
def test_a_process_that_dies_is_named(address: str, how: str, kind: str, words: str) -> None:
    with pytest.raises(JobFailedError, match=words) as caught:
        MODULE.remote_die(address, how)
    assert caught.value.remote_type == kind


def test_a_failure_within_a_failure(address: str) -> None:
    with pytest.raises(calls.TwoPartsError) as caught:
        MODULE.remote_nested(address, address, "two parts")
    assert isinstance(caught.value.__cause__, JobFailedError)
    assert "remote_fail(address, how)" in caught.value.__cause__.remote_traceback


def test_remote_timeout_kills_the_remote_process(address: str, tmp_path: Path) -> None:
    started = tmp_path / "started"
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="it was killed") as caught:
        MODULE.remote_sleep(address, 60, str(started), remote_timeout=1)
    assert time.monotonic() - began < 10
    pid = int(wait_until(started.exists, "its start") and started.read_text())
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its process")
    with RemoteJobManager(address) as manager:
        job = manager.get_job(str(caught.value.uuid))
        job.join(20)
        assert job.outcome == "killed"
        assert job.info()["timeout"] == 6, "the server would have ended it without us"


@pytest.mark.parametrize("limit", [None, 0, -1, 30, 30.5])
def test_a_remote_timeout_that_is_not_over(address: str, limit: float | None) -> None:
    assert MODULE.remote_add(address, 1, remote_timeout=limit) == 2


def test_a_remote_timeout_that_is_no_number(address: str) -> None:
    with pytest.raises(TypeError, match="remote_timeout is a number of seconds, not 'x'"):
        MODULE.remote_add(address, 1, remote_timeout="x")


def test_who_kills_the_job_ends_the_call(address: str, tmp_path: Path) -> None:
    started = tmp_path / "started"

    def kill() -> None:
        wait_until(lambda: started.exists() and started.read_text(), "its start")
        with RemoteJobManager(address) as manager:
            (running,) = (
                job for job in manager.get_running_jobs() if "remote_enabler" in job["name"]
            )
            manager.get_job(running["uuid"]).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(JobKilledError, match="killed by"):
        MODULE.remote_sleep(address, 60, str(started))
    killer.join()


@pytest.mark.parametrize("answer", ["it came", "x" * 1_000_000], ids=["small", "large"])
def test_a_call_outlives_its_server(start_server: Any, tmp_path: Path, answer: str) -> None:
    server: ServerProcess = start_server()
    port = server.url.rpartition(":")[2]
    came, told = tmp_path / "came", []
    caller = threading.Thread(
        target=lambda: told.append(MODULE.remote_wait_for(f"127.0.0.1:{port}", str(came)))
    )
    caller.start()
    wait_until(lambda: server.get("/jobs/running")["jobs"], "the job's start")
    server.kill_9()
    (tmp_path / "coming").write_text(answer)
    (tmp_path / "coming").rename(came)
    wait_until(lambda: not server.job_processes(), "the end of the job, with nobody there")
    server.start("--port", port)
    caller.join(30)
    assert told == [answer]


def test_a_large_result_outlives_its_server(start_server: Any) -> None:
    server: ServerProcess = start_server()
    wrapper = MODULE.remote_async_large(server.url.removeprefix("http://"), 1_000_000)
    wrapper.start()
    assert len(wrapper.join()) == 1_000_000
    port = server.url.rpartition(":")[2]
    server.kill_9()
    server.start("--port", port)
    assert len(wrapper.job.result()) > 1_000_000


def test_nobody_is_there() -> None:
    with pytest.raises(ConnectionError, match="connection refused"):
        remote(calls.add)("127.0.0.1:1", 1)


def test_a_module_that_the_server_cannot_import(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from hoplite import remotify\n@remotify(__name__)\ndef f():\n    return 1\n"
    (tmp_path / "only_the_client_has_this.py").write_text(source)
    (tmp_path / "it_has_another_class.py").write_text("class Other:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import it_has_another_class  # type: ignore[import-not-found] # made above
    import only_the_client_has_this  # type: ignore[import-not-found] # made above

    words = "'only_the_client_has_this' cannot be imported by the server's Python.*install its pack"
    with pytest.raises(RemoteCallError, match=words):
        only_the_client_has_this.remote_f(address)
    words = "the arguments cannot be unpickled here: ModuleNotFoundError: No module named 'it_has"
    with pytest.raises(RemoteCallError, match=words):
        MODULE.remote_give_back(address, it_has_another_class.Other())


def test_a_function_that_the_server_does_not_have(address: str) -> None:
    def later() -> int:
        return 1

    later.__qualname__ = later.__name__ = "later"
    later.__module__ = calls.__name__
    MODULE.later = later
    try:
        with pytest.raises(RemoteCallError, match="has no 'later' on the server: is it the same"):
            remote(later)(address)
    finally:
        del MODULE.later


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"remotify": 99}, "the envelope has version 99, and this side .* reads version 1"),
        (
            {"python": "cpython 2.7"},
            "it was pickled by 'cpython 2.7', and this side has 'cpython 3",
        ),
        ({"cloudpickle": "1.0"}, "the caller has cloudpickle 1.0, and this side has cloudpickle"),
        (
            {"package": {"name": "requests", "version": "0.1"}},
            "the caller has requests 0.1, and this side has requests .*same version on both sides",
        ),
    ],
)
def test_versions_that_do_not_fit(
    address: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str
) -> None:
    packed, package_of = envelope.packed, envelope.package_of

    def otherwise(value: object, what: str) -> Any:
        head, data = packed(value, what)
        return {**head, **change}, data

    monkeypatch.setattr(envelope, "packed", otherwise)
    monkeypatch.setattr(
        envelope, "package_of", lambda name: change.get("package", package_of(name))
    )
    with pytest.raises(VersionMismatchError, match=words):
        MODULE.remote_add(address, 1)


def test_a_package_of_which_only_one_side_knows_the_version(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        envelope, "package_of", lambda name: {"name": "no-such-package", "version": "1"}
    )
    assert MODULE.remote_add(address, 1) == 2


def test_the_package_of_a_module_is_known() -> None:
    assert envelope.package_of("requests.sessions") == {
        "name": "requests",
        "version": envelope.version_of("requests"),
    }
    assert envelope.package_of("__main__") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"module_name": ""}, "config.module_name must be a name"),
        ({"function_name": 1}, "config.function_name must be a name"),
        ({"data": "no base64!"}, "no base64"),
        ({"data": None}, "holds no data"),
        ({"data": "AAAA"}, "the arguments cannot be unpickled here"),
        ({"codec": "marshal"}, "the codec 'marshal' is not known"),
        ({"remotify": None}, "the envelope has version None"),
        ({"input": {"bytes": 1, "sha256": ""}}, "input"),
    ],
)
def test_envelopes_that_nobody_made(address: str, change: dict[str, Any], words: str) -> None:
    prepared = prepare(target_of(calls.nothing), (), {}, False)
    with RemoteJobManager(address) as manager, pytest.raises(JobFailedError, match=words):
        manager.run(prepared.plugin, {**prepared.config, **change})


def test_ctrl_c_kills_the_remote_job(address: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    started = tmp_path / "started"
    script.write_text(
        f"from tests.remotify import calls\ncalls.remote_sleep({address!r}, 60, {str(started)!r})\n"
    )
    import signal
    import subprocess

    caller = subprocess.Popen(
        [sys.executable, str(script)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    pid = int(wait_until(lambda: started.exists() and started.read_text(), "its start"))
    caller.send_signal(signal.SIGINT)
    _, said = caller.communicate(timeout=20)
    assert "KeyboardInterrupt" in said
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its process")


def test_credentials_that_are_not_taken_are_looked_for_again(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server: ServerProcess = start_server("--auth", "users")
    address = server.url.removeprefix("http://")
    cli(server, "user", "add", "ann", "--role", "user", "--password-stdin", stdin="secret-word\n")
    file = tmp_path / "client.toml"
    monkeypatch.setenv("HOPLITE_CLIENT_CONFIG", str(file))
    for word in ("wrong-word", "secret-word"):
        file.touch(0o600)
        file.write_text(f'[servers."{address}"]\nuser = "ann"\npassword = "{word}"\n')
        if word == "wrong-word":
            with pytest.raises(NotAuthenticatedError):
                MODULE.remote_add(address, 1)
    if os.geteuid() == 0:
        # A root server runs jobs as their owners, and there is no such account here.
        with pytest.raises(NotAuthorizedError, match="ann has no Unix account"):
            MODULE.remote_add(address, 1)
    else:
        assert MODULE.remote_add(address, 1) == 2


def test_who_may_only_read_has_nothing_unpickled(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server: ServerProcess = start_server("--auth", "users")
    cli(server, "user", "add", "bob", "--role", "reader", "--password-stdin", stdin="secret-word\n")
    reader = Server(server.url, credentials=("bob", "secret-word"))
    with pytest.raises(NotAuthorizedError):
        MODULE.remote_add(reader, 1)
    assert list(reader.manager.jobs()) == []
    reader.close()


@pytest.mark.timeout(120)
def test_many_calls_leak_nothing(start_server: Any) -> None:
    server: ServerProcess = start_server()
    address, own = server.url.removeprefix("http://"), psutil.Process()
    there = psutil.Process(server.pid)
    for n in range(20):
        assert MODULE.remote_add(address, n) == n + 1
    before = own.num_fds(), own.num_threads(), there.num_fds(), there.num_threads()
    for n in range(300):
        assert MODULE.remote_add(address, n) == n + 1
    after = own.num_fds(), own.num_threads(), there.num_fds(), there.num_threads()
    assert all(late <= early + 4 for early, late in zip(before, after, strict=True)), (
        before,
        after,
    )


def test_packages_of_different_versions(
    environment: ServerEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from hoplite import remotify\n\n"
        "def run(config, status):\n    pass\n\n"
        "@remotify(__name__)\ndef version():\n    return {version!r}\n"
    )
    name = "remotely_versioned"
    environment.install(name, "1.0", code.format(version="1.0"))
    environment.add(
        name, version="2.0", entry_points={}, files={f"{name}.py": code.format(version="here")},
        site=tmp_path / "here",
    )  # fmt: skip
    (tmp_path / "here" / f"{name}-2.0.dist-info" / "top_level.txt").write_text(f"{name}\n")
    monkeypatch.syspath_prepend(tmp_path / "here")
    for cached in (envelope.package_of, envelope._distributions):
        cached.cache_clear()
    module: Any = importlib.import_module(name)
    server = ServerProcess(tmp_path / "data", python=environment.python).start()
    try:
        words = f"the caller has {name} 2.0, and this side has {name} 1.0: install the same"
        with pytest.raises(VersionMismatchError, match=words):
            module.remote_version(server.url)
        environment.install(name, "2.0", code.format(version="2.0"))
        server.put("/reload")
        assert module.remote_version(server.url) == "2.0"
        environment.uninstall(name)
        server.put("/reload")
        with pytest.raises(RemoteCallError, match=f"'{name}' cannot be imported by the server's"):
            module.remote_version(server.url)
    finally:
        server.close()
        for cached in (envelope.package_of, envelope._distributions):
            cached.cache_clear()
