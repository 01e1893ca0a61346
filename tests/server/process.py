"""A real hoplite-server, in a process of its own, for tests to talk to, kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import requests

PLUGINS = Path(__file__).parents[1] / "plugins_for_tests"
START_S = 20.0


def wait_until(true: Callable[[], Any], what: str, within_s: float = 20.0) -> Any:
    """What ``true()`` gives as soon as it is true; fails with ``what`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s for {what}")
        time.sleep(0.01)
    return found


def _lives(process: psutil.Process) -> bool:
    """A zombie does not: whoever inherited it may take a second to see to it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


class ServerProcess:
    """``start`` and ``kill_9`` may be called again and again, over one data directory."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        environ: Mapping[str, str] = {},
        python: str = sys.executable,
    ) -> None:
        self.data_dir = data_dir
        self.options = options
        self.environ = dict(environ)
        self.python = python
        self.module = "hoplite.cli.server"
        self.url = ""
        self.http = requests.Session()
        self.http.trust_env = False
        self._process: subprocess.Popen[str] | None = None
        self._log = data_dir.with_name(data_dir.name + ".log")

    def start(self, *options: str, crash_at: str | None = None) -> ServerProcess:
        """Start it and wait until it listens (or has died at its crash point)."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("HOPLITE_")}
        paths = [str(PLUGINS), environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        environ["HOME"] = str(self.data_dir.parent)
        environ.update(self.environ)
        if crash_at is not None:
            environ["HOPLITE_CRASH_AT"] = crash_at
        command = [self.python, "-m", self.module, "--port", "0"]
        command += ["--data-dir", str(self.data_dir), *self.options, *options]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environ,
                start_new_session=True,
            )
        self.url = self._read_url()
        return self

    def _read_url(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            line = self._process.stdout.readline()
            if line.startswith("hoplite serves "):
                return line.split()[2]
            if not line:
                break
        if os.environ.get("HOPLITE_TEST_VERBOSE"):
            print(self.log_text(), file=sys.stderr)
        return ""

    def log_text(self) -> str:
        """The server's own log."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def exit_code(self, within_s: float = 20.0) -> int:
        assert self._process is not None
        code = self._process.wait(within_s)
        self._gone()
        return code

    def kill_9(self) -> None:
        """As if the power of this one process went away; its jobs live on."""
        assert self._process is not None
        self._process.kill()
        self._gone()

    def terminate(self, within_s: float = 20.0) -> int:
        """SIGTERM, and the exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(within_s)
        self._gone()
        return code

    def _gone(self) -> None:
        assert self._process is not None
        self._process.wait(20)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.http.close()

    def close(self) -> None:
        """Stop it and everything that it started."""
        wardens = self.job_processes()
        if self._process is not None:
            self.kill_9()
        for process in wardens:
            with contextlib.suppress(psutil.Error):
                process.kill()
        wait_until(lambda: not any(map(_lives, wardens)), "the end of the jobs' processes", 5)
        self.http.close()

    def job_processes(self) -> list[psutil.Process]:
        """Wardens of this data directory and all that runs below them, the server dead or not."""
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208 - names only, often
            with contextlib.suppress(psutil.Error, OSError):
                # A warden's stderr is its log, a job's is below the data directory too.
                stderr = os.readlink(f"/proc/{pid}/fd/2")  # noqa: PTH115 - as above
                if stderr.startswith(f"{self.data_dir}/") and pid != self.pid:
                    process = psutil.Process(pid)
                    found += [process, *process.children(recursive=True)]
        return list(dict.fromkeys(found))

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("timeout", 60)
        return self.http.request(method, self.url + path, **more)

    def get(self, path: str, **more: Any) -> Any:
        """The JSON of a 200 answer."""
        return self._sound(self.request("GET", path, **more))

    def put(self, path: str, **more: Any) -> Any:
        return self._sound(self.request("PUT", path, **more))

    @staticmethod
    def _sound(answer: requests.Response) -> Any:
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()

    def create(self, plugin: str, config: Any = None, **more: Any) -> dict[str, Any]:
        """Create a job; the job as answered."""
        body = {"name": plugin, "config": config or {}, **more}
        job: dict[str, Any] = self._sound(self.request("POST", "/jobs", json=body))["job"]
        return job

    def run(self, plugin: str, config: Any = None, **more: Any) -> dict[str, Any]:
        """Create a job and start it."""
        return self.create(plugin, config, run=True, **more)

    def job(self, ref: str | int) -> dict[str, Any]:
        job: dict[str, Any] = self.get(f"/jobs/{ref}")["job"]
        return job

    def ended(self, ref: str | int, within_s: float = 30.0) -> dict[str, Any]:
        """The job once it has ended."""
        job: dict[str, Any] = self.get(f"/jobs/{ref}?wait={within_s}")["job"]
        assert job["finished"], f"the job has not ended: {job}"
        return job

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
