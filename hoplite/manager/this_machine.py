"""The machine that the server runs on, as resources: what there is before anybody adds any."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from hoplite.model.resource import Value
from hoplite.model.resource_property import PropertyType
from hoplite.model.resource_set import ResourceTable

THIS_MACHINES_PROPERTIES = {
    "host": PropertyType.STRING,
    "cpu": PropertyType.INTEGER,
    "core": PropertyType.INTEGER,
}
"""The properties that OAR's own set-up adds as well."""

_PACKAGE = "/sys/devices/system/cpu/cpu{}/topology/physical_package_id"


def this_machine() -> list[dict[str, Value]]:
    """One resource for each logical core that this process may use.

    ``cpuset`` is the kernel's number of the core; ``core`` counts from 1; ``cpu`` numbers the
    sockets from 1 (all cores are of one socket where the kernel does not tell).
    """
    host = socket.gethostname() or "localhost"
    cores = _usable_cores()
    sockets = {package: n for n, package in enumerate(sorted({*map(_package, cores)}), 1)}
    return [
        {
            "network_address": host,
            "host": host,
            "cpu": sockets[_package(number)],
            "core": nth,
            "cpuset": number,
        }
        for nth, number in enumerate(cores, 1)
    ]


class LocalNodes:
    """Which nodes are this machine: those of its own names, and of ``names`` (``*``: all)."""

    def __init__(self, names: Iterable[str]) -> None:
        host = socket.gethostname()
        self._names = {"localhost", host, host.partition(".")[0], *names} - {""}

    def has(self, node: str) -> bool:
        return node in self._names or "*" in self._names

    def of(self, table: ResourceTable) -> ResourceTable:
        """What of the resources is of this machine; ``table`` itself if all are."""
        if all(self.has(str(node)) for node in table.by_value("network_address")):
            return table
        return ResourceTable(one for one in table if self.has(one.network_address))


def _usable_cores() -> list[int]:
    """Their numbers; a container or ``taskset`` may leave only some of the machine's."""
    try:
        return sorted(psutil.Process().cpu_affinity() or [0])
    except AttributeError:  # macOS does not tell
        return list(range(psutil.cpu_count() or 1))


def _package(core: int) -> int:
    try:
        return int(Path(_PACKAGE.format(core)).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
