"""A server in a process of its own that takes commands about batch jobs as lines of JSON.

``python -m tests.crash.batch_host DATA_DIR CORES``: it makes so many resources on one node, and
answers each line ``{"do": method, ...}`` with a line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from hoplite.api import create_app
from hoplite.manager.job_manager import JobManager
from hoplite.manager.requests import NewJob
from hoplite.model.batch import Batch
from hoplite.model.caller import Caller, Role
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.oar_state import oar_state
from hoplite.model.resource import ResourceState
from hoplite.model.resource_request_parser import parse_request
from hoplite.model.walltime_change import read_walltime_change
from hoplite.settings import Settings
from tests.server.process import wait_until

ADMIN = Caller("root", Role.ADMIN, "process")
SHELL = "hoplite.plugins.shell_command"


def view(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state.value,
        "outcome": job.outcome.value if job.outcome else None,
        "reason": job.reason,
        "exit_code": job.exit_code,
        "assigned": list(job.assigned),
        "walltime_s": job.walltime_s,
        "resubmitted_as": job.granted.resubmitted_as,
        "fault": job.granted.fault,
        "oar_state": oar_state(job),
    }


def make_cores(manager: JobManager, count: int) -> None:
    """In place of this machine's, once."""
    resources = manager.resources
    if any(one.network_address == "node1" for one in resources.table):
        return
    old = list(resources.table.ids)
    resources.set_state(ADMIN, old, ResourceState.DEAD)
    resources.remove(ADMIN, old)
    resources.add(ADMIN, [{"network_address": "node1", "core": n} for n in range(1, count + 1)])


def answer(manager: JobManager, line: dict[str, Any]) -> Any:
    do = line.pop("do")
    if do == "submit":
        request = parse_request(line.pop("request"), manager.resources.properties)
        config = msgspec.Raw(msgspec.json.encode({"command": line.pop("command")}))
        batch = msgspec.convert(line, Batch)
        batch = msgspec.structs.replace(batch, requests=(request,))
        new = NewJob(plugin=SHELL, config=config, run=True, batch=batch)
        return view(manager.create(ADMIN, new)[0])
    if do == "jobs":
        listed = manager.table.journal.entries(after=0, job_id=None, limit=100_000)
        return [view(manager.job(job_id)) for job_id in sorted({e.job_id for e in listed} - {0})]
    if do == "job":
        return view(manager.job(line["id"]))
    if do == "planned":
        return {job_id: place.bits for job_id, place in manager.batch.predictions().items()}
    if do == "change_walltime":
        ask = read_walltime_change(line["text"])
        return view(manager.batch.change_walltime(ADMIN, str(line["id"]), ask))
    if do == "delete":
        return view(manager.delete(ADMIN, str(line["id"])))
    if do == "dead":
        manager.resources.set_state(ADMIN, line["ids"], ResourceState.DEAD)
        return None
    return view(getattr(manager.batch, do)(ADMIN, str(line["id"])))


def main(data_dir: str, cores: str) -> None:
    path = Path(data_dir)
    app = create_app(settings=Settings(data_dir=path, local_nodes=("node1",)), data_dir=path)
    manager: JobManager = app.extensions["hoplite"].manager
    make_cores(manager, int(cores))
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    out.write(b"ready\n")
    for line in sys.stdin.buffer:
        out.write(msgspec.json.encode(answer(manager, msgspec.json.decode(line))) + b"\n")
    app.extensions["hoplite"].close()


class BatchHost:
    """The process, as a test sees it; ``start`` may be called again after ``kill_9``."""

    def __init__(self, data_dir: Path, cores: int = 2) -> None:
        self.data_dir = data_dir
        self._cores = cores
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, crash_at: str = "") -> BatchHost:
        environ = dict(os.environ)
        environ.pop("HOPLITE_CRASH_AT", None)
        if crash_at:
            environ["HOPLITE_CRASH_AT"] = crash_at
        with self.data_dir.with_name("host.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.data_dir), str(self._cores)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environ,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline()) not in (b"ready\n", b""):
            pass
        self.ready = bool(line)
        return self

    def ask(self, do: str, **fields: Any) -> Any:
        """The answer; None too if the process died before it gave one."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(msgspec.json.encode({"do": do, **fields}) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        while line := self._process.stdout.readline():
            if line[:1] in b"{[n":
                return msgspec.json.decode(line)
        return None

    def until(self, job_id: int, *states: State) -> dict[str, Any]:
        def there() -> Any:
            job = self.ask("job", id=job_id)
            return job if job["state"] in {state.value for state in states} else None

        found: dict[str, Any] = wait_until(there, f"{states} of {self.ask('job', id=job_id)}")
        return found

    def kill_9(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self.died()

    def died(self) -> None:
        assert self._process is not None
        assert self._process.wait(20) == -signal.SIGKILL
        self._close_pipes()

    def _close_pipes(self) -> None:
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)
            self._close_pipes()

    def log_text(self) -> str:
        return self.data_dir.with_name("host.log").read_text()


if __name__ == "__main__":
    main(*sys.argv[1:])
