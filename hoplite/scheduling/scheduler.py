"""The scheduler: told what happens, it keeps a plan and says what to start.

It is pure: time is what the caller says, nothing is read, nothing written.  The same calls give the
same answers.

The plan gives every waiting job that can run a place, and a place is a promise.  Jobs are placed
in the order of priority, ``order`` and id, each where it ends first without moving anybody
(conservative backfilling).  A promised start gets later only for a :class:`Cause`, which is kept.
When something is given back, the jobs that can start now are brought forward at once, in their order.
The other predictions are improved by :meth:`Scheduler.settle`, in steps as large as the caller likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

import msgspec

from hoplite.scheduling import besteffort, holding, starting
from hoplite.scheduling.book import Entry, Running
from hoplite.scheduling.decisions import Cause, Decisions, Delay, Placement, Refusal, Wait
from hoplite.scheduling.demand import Cluster, HeldJob, Limits, WaitingJob
from hoplite.scheduling.planner import Planner
from hoplite.scheduling.settling import Settling
from hoplite.scheduling.taking_over import take_over
from hoplite.scheduling.waiting import why


class Scheduler:
    """One cluster's plan.  Not safe for concurrent calls; ``now`` must not go back."""

    def __init__(
        self,
        now: float,
        cluster: Cluster,
        *,
        held: Iterable[HeldJob] = (),
        waiting: Iterable[WaitingJob] = (),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        promised: Mapping[int, Placement] | None = None,
    ) -> None:
        """``promised``: places of an earlier plan, kept where they are still possible."""
        self._planner = Planner(cluster, limits, now)
        self._settling = Settling(self._planner)
        take_over(self._planner, held, waiting, promised or {})

    @property
    def settled(self) -> bool:
        """Whether :meth:`settle` has nothing left to do."""
        return self._settling.settled

    def submit(self, job: WaitingJob, now: float) -> Refusal | None:
        """Plan a new job, or one that was on hold.

        A reservation that does not fit exactly is refused and not kept.  Raises ValueError for an id
        that is known.
        """
        self._at(now)
        entry = self._planner.entry(job)
        self._planner.book.add(entry)
        if job.starts_at is not None:
            refusal = self._planner.reserve(entry)
            if refusal is not None:
                self._planner.book.remove(entry)
                return refusal
        elif not entry.firm:
            if starting.may_start(self._planner, entry):
                starting.start_besteffort(self._planner, entry)
        else:
            self._planner.place(entry)
        self._planner.wake(self._planner.book.dependents.get(job.id, set()))
        self._planner.fill(self._planner.limits.at_once)
        return None

    def withdraw(self, job_id: int, now: float) -> None:
        """The job does not wait any more: cancelled, or on hold.  Those that come after it wait
        until they are told that it :meth:`ended`."""
        self._at(now)
        self._remove(self._planner.book.waiting[job_id])
        self._planner.fill(self._planner.limits.at_once)

    def started(self, job_id: int, now: float) -> HeldJob:
        """The job was started in the place that :meth:`decide` gave it."""
        self._at(now)
        return holding.started(self._planner, self._planner.book.waiting[job_id])

    def ended(self, job_id: int, now: float, *, succeeded: bool = True) -> None:
        """The job, running or waiting, is over, and those that come after it may run."""
        self._at(now)
        planner = self._planner
        running = planner.book.running.get(job_id)
        if running is not None:
            planner.let_go(running)
        elif job_id in planner.book.waiting:
            self._remove(planner.book.waiting[job_id])
        for other in sorted(planner.book.dependents.pop(job_id, ())):
            self._dependency_over(planner.book.waiting[other], job_id, succeeded)
        planner.fill(planner.limits.at_once)

    def suspended(self, job_id: int, now: float) -> None:
        """The running job gives its resources back.  To resume it, :meth:`submit` it with
        ``exactly`` what it had and the walltime that is left."""
        self._at(now)
        planner = self._planner
        planner.let_go(planner.book.running[job_id])
        for other in sorted(planner.book.dependents.get(job_id, ())):
            planner.displace(planner.book.waiting[other], Cause.DEPENDENCY, job_id)
        planner.fill(planner.limits.at_once)

    def lengthen(self, job_id: int, end: float, now: float, *, displacing: bool) -> float:
        """Have the running job's walltime end at ``end``, or as long before as it must: when the
        first place behind it begins; if it may be ``displacing`` others, the first reservation.
        Answers when it ends now.  Jobs that come after it wait for that."""
        self._at(now)
        planner, running = self._planner, self._planner.book.running[job_id]
        room = holding.room(planner, running, displacing)
        if room < end and planner.book.dependents.get(job_id):
            # They are not in the way: they begin when it ends.
            planner.tell_dependents(job_id, inf)
            room = holding.room(planner, running, displacing)
        end = max(running.held.end, min(end, room))
        self._end_at(running, end)
        return end

    def prolonged(self, job_id: int, end: float, now: float) -> None:
        """The running job's walltime ends later; those behind it make room."""
        self._at(now)
        self._end_at(self._planner.book.running[job_id], end)

    def _end_at(self, running: Running, end: float) -> None:
        planner = self._planner
        running.held = msgspec.structs.replace(running.held, end=end)
        holding.prolong(planner, running, end + planner.limits.gap_s, True)
        planner.tell_dependents(running.held.id, end)
        planner.fill(planner.limits.at_once)

    def shortened(self, job_id: int, end: float, now: float) -> None:
        """The running job's walltime ends earlier; not before that of a job that runs inside it."""
        self._at(now)
        planner, running = self._planner, self._planner.book.running[job_id]
        running.held = msgspec.structs.replace(running.held, end=end)
        holding.curtail(planner, running, max(end, now) + planner.limits.gap_s)
        planner.tell_dependents(job_id, end)
        planner.fill(planner.limits.at_once)

    def changed(
        self, now: float, cluster: Cluster | None = None, limits: Limits | None = None
    ) -> None:
        """Resources or limits are others; sets mean the same as before.

        Promises that are still possible are kept.  This takes as long as a full pass.
        """
        self._at(now)
        before, promised = self._planner, self.plan()
        self._planner = Planner(cluster or before.cluster, limits or before.limits, now)
        self._settling = Settling(self._planner)
        held = [running.held for running in before.book.running.values()]
        waiting = [entry.left() for entry in before.book.waiting.values()]
        take_over(self._planner, held, waiting, promised)
        for job_id, old in before.book.waiting.items():
            entry = self._planner.book.waiting[job_id]
            entry.delay = entry.delay or old.delay
            if old.broken:
                self._break(entry)

    def decide(self, now: float) -> Decisions:
        """What to start and whom to end now.

        Confirm each start by :meth:`started`, or :meth:`withdraw` the job, before the next call.
        """
        self._at(now)
        holding.overdue(self._planner)
        self._planner.fill(self._planner.limits.at_once)
        return starting.decide(self._planner)

    def settle(self, now: float, limit: int = 64) -> bool:
        """Try to improve the places of about ``limit`` jobs; True when nothing is left to gain."""
        self._at(now)
        self._settling.step(limit)
        return self.settled

    def probe(self, job: WaitingJob, now: float) -> Placement | Refusal | None:
        """Where a job would be placed if it were submitted now; nothing is changed.

        For a reservation a :class:`Refusal` if it would be refused; None: no place is possible.
        """
        self._at(now)
        entry = self._planner.entry(job)
        return self._planner.find(entry) if job.starts_at is None else self._planner.grant(entry)

    def why_would(self, job: WaitingJob, now: float) -> Wait:
        """What a job would wait for if it were submitted now; nothing is changed."""
        self._at(now)
        entry, placed = self._planner.entry(job), self.probe(job, now)
        start = placed.start if isinstance(placed, Placement) else None
        entry.planned = placed if isinstance(placed, Placement) else None
        entry.start = float("inf") if start is None else start
        return why(self._planner, entry, start)

    def prediction(self, job_id: int) -> Placement | None:
        """The place planned for a waiting job."""
        return self._planner.book.waiting[job_id].planned

    def delay(self, job_id: int) -> Delay | None:
        return self._planner.book.waiting[job_id].delay

    def plan(self) -> dict[int, Placement]:
        """The place of every waiting job that has one, besteffort jobs without."""
        waiting = self._planner.book.waiting.values()
        return {e.job.id: e.planned for e in waiting if e.planned is not None and e.firm}

    def besteffort_plan(self) -> dict[int, Placement]:
        """What besteffort jobs may hope for; computed anew at each call."""
        return besteffort.predict(self._planner)

    def why(self, job_id: int) -> Wait:
        """What a waiting job waits for."""
        entry = self._planner.book.waiting[job_id]
        planned = entry.planned
        if not entry.firm:
            planned = besteffort.predict(self._planner).get(job_id)
        start = None if planned is None else max(planned.start, self._planner.now)
        return why(self._planner, entry, start)

    def _at(self, now: float) -> None:
        planner = self._planner
        if now < planner.now:
            raise ValueError(f"time went back from {planner.now} to {now}")
        if now > planner.now:
            planner.now = now
            planner.levels.forget(now)

    def _remove(self, entry: Entry) -> None:
        planner, job_id = self._planner, entry.job.id
        planner.lift(entry)
        if entry.job.container:
            planner.close(job_id)
        planner.book.remove(entry)
        for other in sorted(planner.book.dependents.get(job_id, ())):
            planner.displace(planner.book.waiting[other], Cause.DEPENDENCY, job_id)

    def _dependency_over(self, entry: Entry, job_id: int, succeeded: bool) -> None:
        planner = self._planner
        entry.missing.discard(job_id)
        if entry.job.success_only and not succeeded:
            self._break(entry)
        planner.wake({entry.job.id})
        planner.room, planner.freed = min(planner.room, planner.now), True

    def _break(self, entry: Entry) -> None:
        entry.broken = True
        self._planner.displace(entry, Cause.DEPENDENCY, None)
        self._planner.book.broken.add(entry.job.id)
