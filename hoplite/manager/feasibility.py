"""Whether and until when a job could ever start, whatever else runs: no matter of the plan."""

from __future__ import annotations

from threading import Lock

from hoplite.manager.batch_demand import Demand
from hoplite.manager.limits import Limits
from hoplite.manager.resources import Resources
from hoplite.manager.this_machine import LocalNodes
from hoplite.model.batch import Batch
from hoplite.model.batch_types import read_types
from hoplite.model.latest_start import LatestStart, latest_start
from hoplite.model.resource_set import ResourceTable


class Feasibility:
    """All methods may be called from any thread.  Nothing here waits for the plan."""

    def __init__(self, resources: Resources, limits: Limits) -> None:
        self._resources = resources
        self._limits = limits
        self._lock = Lock()
        self._local = LocalNodes(limits.local_nodes)
        self._known: tuple[ResourceTable, Demand] | None = None

    def limits_changed(self) -> None:
        """Queues, the default walltime or the nodes of this machine are others."""
        with self._lock:
            self._local = LocalNodes(self._limits.local_nodes)
            self._known = None

    def new_demand(self) -> Demand:
        """Over the resources of this machine, as they are now."""
        return self._demand_over(self._local.of(self._resources.table))

    def is_possible(self, batch: Batch) -> bool:
        """Whether such a job could be granted what it asks for if nothing else ran."""
        with self._lock:
            return self._demand().is_possible(batch)

    def latest_start(self, batch: Batch, walltime_s: float | None = None) -> LatestStart | None:
        """Until when such a job can start, with that walltime or its shortest; None: at any time."""
        if not batch.types:
            return None
        if walltime_s is None:
            default_s = self._limits.default_walltime_s
            asked = (request.walltime_s for request in batch.requests)
            walltime_s = min(default_s if each is None else each for each in asked)
        return latest_start(read_types(batch.types), walltime_s)

    def elsewhere(self, batch: Batch) -> set[str]:
        """The nodes, none of them this machine, without which such a job is impossible; empty if
        they would not help."""
        table = self._resources.table
        strangers = {
            one.network_address for one in table if not self._local.has(one.network_address)
        }
        if not strangers or not self._demand_over(table).is_possible(batch):
            return set()
        return strangers

    def _demand(self) -> Demand:
        """What was read of requests for these resources is kept until they are others."""
        table = self._resources.table
        if self._known is None or self._known[0] is not table:
            self._known = (table, self.new_demand())
        return self._known[1]

    def _demand_over(self, table: ResourceTable) -> Demand:
        return Demand(table, self._limits.queues, self._limits.default_walltime_s)
