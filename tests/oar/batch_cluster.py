"""The cluster of the recordings with jobs on it: submitted, watched and looked at by their processes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import psutil

from tests.oar.cluster import Cluster
from tests.server.process import wait_until

OWNER = "kameleon"
Job = dict[str, Any]


class BatchCluster(Cluster):
    """Eight cores on two nodes; jobs are kameleon's unless somebody else is named."""

    def begin(self) -> BatchCluster:
        self.start()
        assert self.url, self.log_text()
        self.make_nodes()
        return self

    def submit(self, command: str = "sleep 300", by: str = OWNER, **keys: Any) -> int:
        """The id of a new job, or of the first one of an array."""
        body = {"resource": "/core=1,walltime=0:10:0", "command": command, **keys}
        if "script" in keys:
            del body["command"]
        job_id: int = self.told("POST", "/jobs.json", by, json=body)["id"]
        return job_id

    def job(self, ref: str | int) -> Job:
        shown: Job = self.told("GET", f"/jobs/{ref}.json")
        return shown

    def until(self, job_id: int, *states: str, within_s: float = 20.0) -> Job:
        """The job as soon as it is in one of the states."""

        def there() -> Job | None:
            job = self.job(job_id)
            return job if job["state"] in states else None

        try:
            found: Job = wait_until(there, f"{states} of {job_id}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.job(job_id)}") from None
        return found

    def act(self, action: str, job_id: int, by: str = "oar") -> Job:
        """``action`` as in the address: "holds/new", "signals/10"."""
        said: Job = self.told("POST", f"/jobs/{job_id}/{action}.json", by)
        return said

    def delete(self, *job_ids: int) -> None:
        """Have the jobs end, whatever they are at, and wait for it."""
        for job_id in job_ids:
            self.ask("DELETE", f"/jobs/{job_id}.json", "oar")
        for job_id in job_ids:
            self.until(job_id, "Error", "Terminated")

    def cores(self, job_id: int) -> set[int]:
        """The resources that it holds or held, or is to hold."""
        items = self.told("GET", f"/jobs/{job_id}/resources.json")["items"]
        return {each["id"] for each in items}

    def file(self, name: str, by: str = OWNER) -> Path:
        """A file in the directory in which the user's jobs run."""
        return self.home(by) / name

    def lines(self, name: str) -> list[str]:
        file = self.file(name)
        return file.read_text().split() if file.exists() else []

    def processes(self, job_id: int) -> list[psutil.Process]:
        """Those of a job, by what they have in their environment."""
        found = []
        for process in self.job_processes():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("OAR_JOB_ID") == str(job_id):
                    found.append(process)
        return found

    def states(self, job_id: int) -> set[str]:
        """As in /proc: "stopped", "sleeping"..."""
        found: set[str] = set()
        for process in self.processes(job_id):
            with contextlib.suppress(psutil.Error):
                found.add(process.status())
        return found

    def queue(self) -> dict[int, tuple[str, int | None]]:
        """State and predicted start of each job in the queue, as ``GET /jobs/details`` tells them."""
        items = self.told("GET", "/jobs/details.json?limit=0")["items"]
        return {each["id"]: (each["state"], each["scheduled_start"]) for each in items}


def date(in_s: float) -> str:
    """The date of a reservation."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + in_s))
