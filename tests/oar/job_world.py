"""A server with a job of each kind."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from tests.oar.cluster import Cluster
from tests.server.process import wait_until

ME, OTHER, ADMIN = "kameleon", "alice", "oar"


class World(msgspec.Struct):
    """A server, and its jobs by what they are."""

    server: Cluster
    cores: list[int]
    jobs: dict[str, int]
    began: int
    """Seconds since 1970: all of them were submitted then or later."""

    def job(self, name: str, by: str = ME, more: str = "", **query: Any) -> dict[str, Any]:
        path = f"/jobs/{self.jobs[name]}{more}.json"
        found: dict[str, Any] = self.server.told("GET", path, by, params=query)
        return found

    def page(self, by: str | None = None, path: str = "/jobs", **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.server.told("GET", f"{path}.json", by, params=query)
        return found

    def names(self, by: str | None = None, path: str = "/jobs", **query: Any) -> list[str]:
        names = {job_id: name for name, job_id in self.jobs.items()}
        return [names[each["id"]] for each in self.page(by, path, **query)["items"]]


def submitted(server: Cluster, by: str = ME, **body: Any) -> int:
    job_id: int = server.told("POST", "/jobs.json", by, json=body)["id"]
    return job_id


def until(server: Cluster, job_id: int, *states: str) -> None:
    def there() -> bool:
        return server.told("GET", f"/jobs/{job_id}.json", ADMIN)["state"] in states

    wait_until(there, f"job {job_id} to be {' or '.join(states)}")


def make_world(server: Cluster) -> World:
    cores, began = server.make_nodes(), int(time.time())
    jobs = {
        "ended": submitted(server, command="exit 3", resource="/core=1,walltime=0:10"),
        "others": submitted(server, OTHER, command="true", name="hers"),
    }
    for each in jobs.values():
        until(server, each, "Terminated")
    array = submitted(server, command="sleep 600", resource="/core=1,walltime=0:20:0", array=2)
    jobs |= {
        "array": array,
        "array2": array + 1,
        "wide": submitted(
            server, command="sleep 600", resource="/nodes=2/core=1,walltime=0:20:0", project="p"
        ),
        "held": submitted(server, command="true", resource="/core=BESTHALF,walltime=1:0", hold=""),
        "waits": submitted(server, command="true", resource="/core=8,walltime=0:20:0"),
    }
    jobs["after"] = submitted(server, command="true", anterior=jobs["held"])
    jobs["reserved"] = submitted(
        server, command="true", resource="/core=2,walltime=0:5:0", reservation="2037-01-01 01:00:00"
    )
    plain = server.request(
        "POST", "/jobs", json={"name": "hoplite.plugins.shell_command"}, auth=(ME, "kameleon")
    )
    jobs["plain"] = plain.json()["id"]
    for name in ("array", "array2", "wide"):
        until(server, jobs[name], "Running")
    return World(server, cores, jobs, began)


LIVE = ["array", "array2", "wide", "held", "waits", "after", "reserved", "plain"]
RUNNING = ["array", "array2", "wide"]
ALONE = {"walltime-change"}
"""Keys of a job that is asked for by itself, once it was started."""
