"""Gives waiting jobs their places, and takes them away where a stronger claim needs them."""

from __future__ import annotations

from math import inf

from hoplite.scheduling.book import Book, Entry, Option, Running
from hoplite.scheduling.decisions import Cause, Placement, Refusal
from hoplite.scheduling.demand import Cluster, HeldJob, Limits, WaitingJob
from hoplite.scheduling.groups import Requests
from hoplite.scheduling.levels import Levels
from hoplite.scheduling.placement import Compiler
from hoplite.scheduling.plane import Plane, Region, View


class Planner:
    """The plan and the only ways to change it.  ``now`` never goes back."""

    def __init__(self, cluster: Cluster, limits: Limits, now: float) -> None:
        self.cluster, self.limits, self.now = cluster, limits, now
        self.exists = cluster.table.possible
        self.requests = Requests(Compiler(cluster.table))
        self.levels = Levels(now, cluster.usable, cluster.upto)
        self.book = Book()
        self.held = 0
        """What is held in the cluster, whatever the plan says."""
        self.room = inf
        """From when on something was given back since the plan was last gone through."""
        self.freed = True
        """Whether something was given back since the last look for jobs to start."""
        self.besteffort_now = 0
        """What besteffort jobs are about to start on; no plane knows it."""

    def entry(self, job: WaitingJob) -> Entry:
        """The job compiled for this cluster."""
        usable = job.alternatives[:1] if job.starts_at is not None else job.alternatives
        return Entry(
            job,
            tuple(
                Option(
                    number, self.requests.fit(one, self.exists), one.walltime_s, self.limits.gap_s
                )
                for number, one in enumerate(usable)
            ),
        )

    def own_plane(self, job: WaitingJob) -> Plane | None:
        """What the job sees; None: its container has no place."""
        if job.inside is not None:
            return self.levels.containers.get(job.inside)
        return self.levels.lowest if job.besteffort else self.levels.plane(job.priority)

    def view(self, job: WaitingJob) -> View | None:
        plane = self.own_plane(job)
        return None if plane is None else plane.view(job.sharing)

    def planes(self, job: WaitingJob | HeldJob, *, fixed: bool = False) -> list[Plane]:
        """Where the job's region stands; ``fixed``: it holds it, or has it reserved."""
        if job.inside is not None:
            inner = self.levels.containers.get(job.inside)
            return [] if inner is None else [inner]
        if job.besteffort:
            return []
        return self.levels.all() if fixed else self.levels.from_(job.priority)

    def not_before(self, entry: Entry) -> float | None:
        """When the job may start by its dates and dependencies; None: unknown."""
        job = entry.job
        begin = max(self.now, job.not_before)
        if entry.broken or job.queue in self.limits.stopped_queues:
            return None
        for other in entry.missing:
            end = self.predicted_end(other)
            if end is None:
                return None
            begin = max(begin, end + self.limits.gap_s)
        return begin

    def predicted_end(self, job_id: int) -> float | None:
        """When a job ends at the latest, as far as is known."""
        running = self.book.running.get(job_id)
        if running is not None:
            return max(running.held.end, self.now)
        entry = self.book.waiting.get(job_id)
        return None if entry is None or entry.planned is None else entry.planned.end

    def find(self, entry: Entry, view: View | None = None) -> Placement | None:
        """The place in which the job ends first; nothing is changed."""
        begin = self.not_before(entry)
        view = view or self.view(entry.job)
        if begin is None or view is None:
            return None
        best: Placement | None = None
        for option in entry.options:
            latest = inf if best is None else best.end - option.walltime
            found = view.earliest(option.fit, option.length, begin, latest)
            if found is not None and (best is None or found[0] + option.walltime < best.end):
                best = self.placement(option, *found, avoid=entry.job.inside is None)
        return best

    def find_earlier(self, entry: Entry, latest: float = inf) -> Placement | None:
        """A place in which the job ends earlier than in the one it has; nothing is changed."""
        begin, view, planned = self.not_before(entry), self.view(entry.job), entry.planned
        if begin is None or view is None or planned is None:
            return None
        own = self.region(entry, planned)
        best: Placement | None = None
        for option in entry.options:
            end = planned.end if best is None else best.end
            last = min(latest, end - option.walltime)
            found = view.earlier(option.fit, option.length, begin, last, own)
            if found is not None and found[0] + option.walltime < end:
                best = self.placement(option, *found, avoid=entry.job.inside is None)
        return best

    def placement(self, option: Option, start: float, free: int, *, avoid: bool) -> Placement:
        """The option at ``start`` out of ``free``; at once, rather where nobody is yet."""
        bits = 0
        if avoid and start <= self.now and self.held & free:
            bits = option.fit.choose(free & ~self.held)
        bits = bits or option.fit.choose(free)
        return Placement(bits, start, start + option.walltime, option.number)

    def region(self, entry: Entry, placement: Placement) -> Region:
        end = placement.end + self.limits.gap_s
        return Region(placement.bits, placement.start, end, entry.job.sharing)

    def put(self, entry: Entry, placement: Placement) -> None:
        """Take the place for the job, from jobs of lower priority if it must be."""
        job = entry.job
        if entry.firm:
            region = self.region(entry, placement)
            planes = self.planes(job, fixed=job.starts_at is not None)
            cause = Cause.PRIORITY if job.starts_at is None else Cause.RESERVATION
            self.clear(region, planes, cause, job.id)
            for plane in planes:
                plane.occupy(region)
        self.book.plan(entry, placement)
        if entry.delay is not None and placement.start <= entry.delay.promised:
            entry.delay = None
        if job.container:
            self._contain(job.id, placement.bits, placement.start, placement.end)
        self.tell_dependents(job.id, placement.end)

    def lift(self, entry: Entry) -> None:
        """Take the job's place away; the caller gives it another or none."""
        placement = entry.planned
        if placement is None:
            return
        if entry.firm:
            region = self.region(entry, placement)
            for plane in self.planes(entry.job, fixed=entry.job.starts_at is not None):
                plane.release(region)
            self.room_from(region.start)
        self.book.plan(entry, None)

    def displace(self, entry: Entry, cause: Cause, by: int | None) -> None:
        """The job loses its place and what was promised to it."""
        entry.lost(cause, by)
        self.lift(entry)
        job_id = entry.job.id
        if entry.job.container:
            self.close(job_id)
        self.tell_dependents(job_id, inf)

    def clear(self, region: Region, planes: list[Plane], cause: Cause, by: int | None) -> None:
        """Displace those whose planned places in these planes meet the region."""
        if all(plane.free(region) for plane in planes):
            return
        container = next((c for c, p in self.levels.containers.items() if p in planes), None)
        for entry in list(self.book.firm_in(container)):
            planned = entry.planned
            if planned is None or entry.job.starts_at is not None:
                continue
            meets = planned.start < region.end and planned.end + self.limits.gap_s > region.start
            shares = region.sharing is not None and region.sharing == entry.job.sharing
            if meets and not shares and planned.bits & region.bits:
                self.displace(entry, cause, by)

    def close(self, container: int) -> None:
        """The container has no place (any more)."""
        for job_id in list(self.book.inner.get(container, ())):
            inner = self.book.waiting[job_id]
            if inner.planned is not None:
                self.displace(inner, Cause.CONTAINER, container)
        self.levels.containers.pop(container, None)

    def hold(self, running: Running) -> None:
        """Put what a job holds into the planes where it is not yet."""
        for region in running.regions:
            for plane in self.planes(running.held, fixed=True):
                if not plane.free(region):
                    raise ValueError(f"job {running.held.id} holds what another job holds")
                plane.occupy(region)
        if running.held.inside is None:
            self.held |= running.held.bits
        self.book.running[running.held.id] = running

    def let_go(self, running: Running) -> None:
        """The job holds nothing any more."""
        held = running.held
        for region in running.regions:
            for plane in self.planes(held, fixed=True):
                plane.release(region)
        del self.book.running[held.id]
        if held.inside is None:
            self.held = 0
            for other in self.book.running.values():
                if other.held.inside is None:
                    self.held |= other.held.bits
        if held.container:
            self.close(held.id)
        self.room_from(self.now)

    def reserve(self, entry: Entry) -> Refusal | None:
        """Give a reservation its place at exactly its start, or say why not."""
        answer = self.grant(entry)
        if isinstance(answer, Refusal):
            return answer
        self.put(entry, answer)
        return None

    def grant(self, entry: Entry) -> Placement | Refusal:
        """The place of a reservation at exactly its start; nothing is changed."""
        job, option = entry.job, entry.options[0]
        start = job.starts_at if job.starts_at is not None else self.now
        planes = self._open_to(job)
        for plane in planes:
            free = plane.view(job.sharing).slots.during(start, start + option.length)
            bits = option.fit.choose(free & option.fit.mask)
            if bits and start + option.walltime > self.now:
                return Placement(bits, start, start + option.walltime)
        could: float | None = None
        for plane in planes[-1:]:
            begin = max(self.now, start)
            found = plane.view(job.sharing).earliest(option.fit, option.length, begin)
            could = None if found is None else found[0]
        return Refusal(could)

    def place(self, entry: Entry) -> bool:
        """Give a job without a place one; False: there is none as things are."""
        if entry.job.starts_at is not None:
            placed = self.reserve(entry) is None
        else:
            found = self.find(entry)
            placed = found is not None
            if found is not None:
                self.put(entry, found)
        if not placed:
            self.book.park(entry)
        return placed

    def fill(self, limit: int) -> int:
        """Place up to ``limit`` firm jobs that have no place, in their order."""
        if not self.book.unplaced:
            return 0
        waiting = self.book.waiting
        entries = [waiting[job_id] for job_id in self.book.unplaced if waiting[job_id].firm]
        entries.sort(key=lambda entry: (entry.job.starts_at is None, entry.rank))
        for entry in entries[:limit]:
            if entry.planned is None:
                self.place(entry)
        return min(limit, len(entries))

    def _open_to(self, job: WaitingJob) -> list[Plane]:
        """Where a reservation may be granted: rather without displacing anybody."""
        if job.inside is not None:
            return self.planes(job)
        return [self.levels.plane(job.priority), self.levels.above(job.priority)]

    def _contain(self, container: int, bits: int, start: float, end: float) -> None:
        self.close(container)
        self.levels.contain(container, bits, start, end)
        self.wake(self.book.inner.get(container, set()))

    def tell_dependents(self, job_id: int, end: float) -> None:
        """Those that come after a job must not start before its end."""
        dependents = self.book.dependents.get(job_id, set())
        for other in list(dependents):
            entry = self.book.waiting[other]
            if entry.start < end + self.limits.gap_s:
                self.displace(entry, Cause.DEPENDENCY, job_id)
        if end < inf:
            self.wake(dependents)
            if dependents:
                self.room_from(end)

    def wake(self, job_ids: set[int]) -> None:
        """Those of them for whom there was no place are looked at again."""
        woken = job_ids & self.book.parked
        self.book.parked -= woken
        self.book.unplaced |= woken

    def room_from(self, time: float) -> None:
        """Something was given back from then on."""
        self.room = min(self.room, time)
        self.freed = True
