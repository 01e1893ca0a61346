"""What starts now."""

from __future__ import annotations

from math import inf

from hoplite.scheduling.book import Entry, Lane, Row, Running
from hoplite.scheduling.decisions import Cause, Decisions, Placement
from hoplite.scheduling.lasting import Lasting
from hoplite.scheduling.placement import Fit
from hoplite.scheduling.planner import Planner


class _Taking:
    """Who is about to start in one decision, and what they take."""

    def __init__(self) -> None:
        self.bits = 0
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        if entry.planned is not None:
            self.bits |= entry.planned.bits
            self._entries.append(entry)

    def collides(self, entry: Entry) -> bool:
        """Whether one of them takes some of the entry's place: it should have ended by now, but
        starts late itself."""
        job, bits = entry.job, entry.planned.bits if entry.planned is not None else 0
        return bits & self.bits != 0 and any(
            other.planned is not None
            and other.planned.bits & bits
            and other.job.inside == job.inside
            and (job.sharing is None or other.job.sharing != job.sharing)
            for other in self._entries
        )


def decide(planner: Planner) -> Decisions:
    """Bring forward what fits now, then tell what is due."""
    planner.besteffort_now = 0
    _regain_reservations(planner)
    _renew_late(planner)
    backfill(planner)
    planner.besteffort_now = 0
    starts: dict[int, Placement] = {}
    preemptions: dict[int, int] = {}
    taking = _Taking()
    for entry in planner.book.due(planner.now):
        if len(starts) >= _places_left(planner):
            break
        if not _has_its_turn(planner, entry, taking):
            continue
        blockers = _blockers(planner, entry)
        preemptions |= {other.held.id: entry.job.id for other in blockers}
        if not blockers and entry.planned is not None:
            taking.add(entry)
            starts[entry.job.id] = entry.planned
    return Decisions(
        starts=starts,
        preemptions=preemptions,
        impossible=tuple(sorted(planner.book.broken)),
        wake_at=_wake_at(planner),
    )


def _has_its_turn(planner: Planner, entry: Entry, taking: _Taking) -> bool:
    """Whether nobody but besteffort jobs is in the way of a due job."""
    if entry.planned is None or not may_start(planner, entry) or not _still_fits(planner, entry):
        return False
    if taking.collides(entry):
        return False
    firm = any(not other.held.besteffort for other in _blockers(planner, entry))
    return not firm or _moved(planner, entry, taking)


def _regain_reservations(planner: Planner) -> None:
    """Reservations that lost their resources get others if there are any, until their time is
    over."""
    for job_id in sorted(planner.book.lost):
        entry = planner.book.waiting[job_id]
        start = entry.job.starts_at or 0.0
        if start + entry.options[0].walltime <= planner.now:
            entry.broken = True
            planner.book.broken.add(job_id)
        elif planner.freed:
            planner.place(entry)


def _renew_late(planner: Planner) -> None:
    """Jobs that could not start when they were to are planned from now on.

    A little lateness is let pass: the job before is just ending.
    """
    latest = planner.now - planner.limits.overrun_s
    late = [
        entry
        for entry in planner.book.due(planner.now)
        if entry.firm and entry.job.starts_at is None and _is_late(entry, latest, planner.now)
    ]
    for entry in late:
        planner.displace(entry, Cause.LATE, None)
    if late:
        planner.fill(len(planner.book.unplaced))


def _is_late(entry: Entry, latest: float, now: float) -> bool:
    planned = entry.planned
    return planned is not None and (planned.start < latest or planned.end <= now)


def _still_fits(planner: Planner, entry: Entry) -> bool:
    """A besteffort job's place is kept for nobody: it is looked for again when it comes."""
    if entry.firm or start_besteffort(planner, entry):
        return True
    planner.book.plan(entry, None)
    return False


def backfill(planner: Planner) -> None:
    """Give jobs that can start now, in their order, a place that starts now.

    Nobody's promised start gets later by it, but of lower priority.  A job that could only be
    brought nearer, not to now, is left to the settling of the plan.
    """
    if not planner.freed:
        return
    planner.freed = False
    for lane in sorted(planner.book.lanes, key=_lane_order):
        _backfill_lane(planner, lane)


def _lane_order(lane: Lane) -> tuple[bool, int, int, tuple[str, str]]:
    inside, besteffort, minus_priority, sharing = lane
    return besteffort, minus_priority, -1 if inside is None else inside, sharing or ("", "")


def _backfill_lane(planner: Planner, lane: Lane) -> None:
    rows = planner.book.lanes[lane]
    first = rows[0][5]
    view = planner.view(first.job)
    if view is None:
        return
    hidden = 0 if first.firm else planner.held
    hopeless: set[Fit] = set()
    while rows:
        lasting = Lasting(view.slots, planner.now, hidden)
        rows = _candidates(rows, lasting.longest(), planner.now)
        moved = next(
            (at for at, row in enumerate(rows) if _comes_now(planner, row, lasting, hopeless)), None
        )
        rows = [] if moved is None else rows[moved + 1 :]


def _candidates(rows: list[Row], longest: list[float], now: float) -> list[Row]:
    """Those that may fit, judged by their count: until their walltime is over, or their own place
    begins."""
    top = len(longest) - 1
    if not top:
        return []
    return [
        row
        for row in rows
        if row[3] <= top and ((most := longest[row[3]]) >= row[4] or most >= row[5].start - now)
    ]


def _comes_now(planner: Planner, row: Row, lasting: Lasting, hopeless: set[Fit]) -> bool:
    """Whether the job of the row was brought forward."""
    entry, fit = row[5], row[6].fit
    if fit in hopeless or entry.start <= planner.now or not may_start(planner, entry):
        return False
    if not fit.choose(lasting.at_once):
        hopeless.add(fit)
        return False
    return _bring_forward(planner, entry, lasting)


def _bring_forward(planner: Planner, entry: Entry, lasting: Lasting) -> bool:
    """Move the entry's place to now if it ends earlier there."""
    if not entry.firm:
        return start_besteffort(planner, entry)
    now, planned = planner.now, entry.planned
    best: Placement | None = None
    for option in entry.options:
        end = min(planned.end if planned else inf, best.end if best else inf)
        if now + option.walltime < end:
            free = lasting.until(now + option.length)
            if planned is not None and option.length <= planned.end - planned.start:
                free |= lasting.until(planned.start) & planned.bits
            if option.fit.choose(free):
                best = planner.placement(option, now, free, avoid=entry.job.inside is None)
    if best is not None:
        planner.lift(entry)
        planner.put(entry, best)
    return best is not None


def start_besteffort(planner: Planner, entry: Entry) -> bool:
    """A besteffort job takes only what is free of everything for all of its walltime."""
    slots = planner.levels.lowest.view(entry.job.sharing).slots
    for option in entry.options:
        free = slots.during(planner.now, planner.now + option.length)
        bits = option.fit.choose(free & ~(planner.held | planner.besteffort_now))
        if bits:
            end = planner.now + option.walltime
            planner.book.plan(entry, Placement(bits, planner.now, end, option.number))
            planner.besteffort_now |= bits
            return True
    return False


def _moved(planner: Planner, entry: Entry, taking: _Taking) -> bool:
    """Whether a due job whose place is not left yet found another that is free now."""
    planned = entry.planned
    view = planner.view(entry.job)
    if planned is None or view is None or not entry.firm or entry.job.inside is not None:
        return False
    if entry.job.starts_at is not None:
        return False
    option = next(o for o in entry.options if o.number == planned.alternative)
    free = view.slots.during(planner.now, planner.now + option.length)
    free &= ~(planner.held | taking.bits)
    bits = option.fit.choose(free)
    if bits:
        end = planner.now + option.walltime
        planner.lift(entry)
        planner.put(entry, Placement(bits, planner.now, end, option.number))
    return bits != 0


def may_start(planner: Planner, entry: Entry) -> bool:
    """Whether only resources can keep the job from starting now."""
    job = entry.job
    if entry.missing or entry.broken or job.not_before > planner.now:
        return False
    if job.queue in planner.limits.stopped_queues:
        return False
    return job.inside is None or job.inside in planner.book.running


def _blockers(planner: Planner, entry: Entry) -> list[Running]:
    """Who holds what a due job is to get."""
    planned, job = entry.planned, entry.job
    if planned is None or (job.inside is None and not planned.bits & planner.held):
        return []
    return [
        other
        for other in planner.book.running.values()
        if other.held.inside == job.inside
        and other.held.bits & planned.bits
        and (job.sharing is None or other.held.sharing != job.sharing)
    ]


def _places_left(planner: Planner) -> float:
    most = planner.limits.running
    return inf if most is None else max(0, most - len(planner.book.running))


def _wake_at(planner: Planner) -> float | None:
    """The next start that is planned, or the next overrun that matters."""
    start = planner.book.next_start()
    now, overrun = planner.now, planner.limits.overrun_s
    ends = [
        running.until + overrun
        for running in planner.book.running.values()
        if running.regions and running.until <= now
    ]
    times = [time for time in (start, *ends) if time is not None and time > now]
    return min(times, default=None)
