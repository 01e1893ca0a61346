"""Clusters and jobs for the tests and benchmarks of the scheduler."""

from __future__ import annotations

import random
from functools import lru_cache

from msgspec.structs import replace

from hoplite.model.resource import Resource, ResourceState
from hoplite.model.resource_request import CountWord, Level
from hoplite.model.resource_set import ResourceTable
from hoplite.scheduling.demand import Alternative, Asked, Cluster, WaitingJob

CORES = 8
HOSTS_PER_SWITCH = 8


def resource(number: int, cores: int = CORES) -> Resource:
    """The resource with that number from 0: a core of a host behind a switch."""
    host = number // cores
    return Resource(
        id=number + 1,
        network_address=f"node{host}",
        cpuset=number % cores,
        properties={"core": number + 1, "switch": f"switch{host // HOSTS_PER_SWITCH}"},
    )


@lru_cache(maxsize=8)
def cluster(resources: int, cores: int = CORES) -> Cluster:
    return Cluster.of(ResourceTable([resource(number, cores) for number in range(resources)]))


def with_states(of: Cluster, states: dict[int, ResourceState]) -> Cluster:
    """The cluster with some resources, by id, in other states."""
    table = of.table
    changed = [replace(table.resource(id_), state=state) for id_, state in states.items()]
    return Cluster.of(table.changed(*changed))


def asked(of: Cluster, *levels: tuple[str, int | CountWord], allowed: int | None = None) -> Asked:
    here = of.table.all if allowed is None else allowed
    return Asked(tuple(Level(name, count) for name, count in levels), here)


def cores(of: Cluster, count: int, walltime_s: float) -> tuple[Alternative, ...]:
    """``/core=count`` for that long."""
    return (Alternative((asked(of, ("core", count)),), walltime_s),)


def random_jobs(
    of: Cluster, count: int, seed: int, *, round_walltimes: bool = False
) -> list[WaitingJob]:
    """A queue as a cluster's users make it: many small jobs, some wide, some by nodes."""
    rng = random.Random(seed)
    return [
        WaitingJob(id=number, alternatives=random_request(of, rng, round_walltimes=round_walltimes))
        for number in range(1, count + 1)
    ]


def random_request(
    of: Cluster, rng: random.Random, *, round_walltimes: bool
) -> tuple[Alternative, ...]:
    if round_walltimes:
        walltime = float(rng.choice((600, 1800, 3600, 7200, 14400, 43200)))
    else:
        walltime = float(rng.randint(60, 43200))
    kind = rng.random()
    if kind < 0.7:
        return cores(of, int(2 ** rng.uniform(0, 6)), walltime)
    if kind < 0.8:
        levels = [("network_address", rng.randint(1, 6))]
    elif kind < 0.95:
        levels = [("network_address", rng.randint(1, 4)), ("core", rng.randint(1, CORES))]
    else:
        levels = [("switch", 1), ("network_address", rng.randint(1, 6))]
    return (Alternative((asked(of, *levels),), walltime),)
