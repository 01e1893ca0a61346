"""What the engine tells: processes that exist, processes that ended.

News are put in an inbox and taken out in batches by one thread, so that many ends share a commit
and an engine's thread never waits for the disk.  While the disk refuses, the news stay in the inbox
and are tried again: an end is a fact, and is told when it is written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec
import structlog

from hoplite.crashpoints import crash_point
from hoplite.exceptions import HopliteError
from hoplite.execution.protocol import Ended, Running
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.successors import succession
from hoplite.manager.verdict import Verdict, judge, status_at_end
from hoplite.model.job import Job
from hoplite.model.lifecycle import Event, Outcome, State
from hoplite.model.progress import progress_in
from hoplite.model.timeline import Entry, Happening

_RETRY_S = 1.0
_BATCH = 256

log = structlog.get_logger("hoplite.manager")


class Inbox:
    """The manager's ear: a :class:`~hoplite.execution.protocol.Listener` with a thread behind it."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._news: list[tuple[int, Running | Ended]] = []
        self._come = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._after_ends: Callable[[list[Job]], None] = lambda _jobs: None
        self._on_start: Callable[[Job], None] = lambda _job: None
        self._retry_now = False
        self.trouble: HopliteError | None = None
        """Why the last batch could not be written, while it cannot."""

    def open(
        self, on_start: Callable[[Job], None], after_ends: Callable[[list[Job]], None]
    ) -> None:
        """Begin.  ``on_start`` hears of each job that runs, ``after_ends`` of those that ended (and
        is called again with an empty list after trouble)."""
        self._on_start = on_start
        self._after_ends = after_ends
        self._thread = threading.Thread(target=self._run, name="hoplite-inbox", daemon=True)
        self._thread.start()

    def started(self, job_id: int, running: Running) -> None:
        self._put(job_id, running)

    def ended(self, job_id: int, ended: Ended) -> None:
        self._put(job_id, ended)

    def _put(self, job_id: int, news: Running | Ended) -> None:
        with self._come:
            self._news.append((job_id, news))
            self._come.notify()

    def retry(self) -> None:
        """Something could not be written or launched: look again in a moment."""
        with self._come:
            self._retry_now = True
            self._come.notify()

    def close(self) -> None:
        """Write what has come, then end.  What cannot be written is found again at the next start."""
        with self._come:
            self._closed = True
            self._come.notify()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._come:
                self._come.wait_for(lambda: self._news or self._closed or self._retry_now)
                batch, self._news = self._news[:_BATCH], self._news[_BATCH:]
                retrying, self._retry_now = self._retry_now, False
                if self._closed and not batch:
                    return
            if not self._work(batch, retrying) and not self._pause():
                return

    def _work(self, batch: list[tuple[int, Running | Ended]], retrying: bool) -> bool:
        try:
            ended = self._write(batch)
            if batch:
                self.trouble = None
        except HopliteError as error:
            self._put_back(batch, error)
            return False
        try:
            if ended or retrying:
                self._after_ends(ended)
                self.trouble = None
        except HopliteError as error:
            self._put_back([], error)
            return False
        except Exception as error:
            log.error("defect", after_the_ends_of=[job.id for job in ended], exc_info=error)
        return True

    def _put_back(self, batch: list[tuple[int, Running | Ended]], error: HopliteError) -> None:
        if self.trouble is None:
            log.error("cannot write what the engine told", error=str(error), waiting=len(batch))
        self.trouble = error
        with self._come:
            self._news = batch + self._news
            self._retry_now = True

    def _pause(self) -> bool:
        """Wait before the next try; False if the server stops."""
        with self._come:
            return not self._come.wait_for(lambda: self._closed, _RETRY_S)

    def _write(self, batch: list[tuple[int, Running | Ended]]) -> list[Job]:
        """Commit a batch; the jobs that it ended.  One that cannot be told of by a defect does not
        keep the others from being told of."""
        try:
            return self._write_together(batch) if batch else []
        except HopliteError:
            raise
        except Exception as error:
            if len(batch) > 1:
                return self._write_one_by_one(batch)
            log.error("defect", job=batch[0][0], news=repr(batch[0][1]), exc_info=error)
            return []

    def _write_one_by_one(self, batch: list[tuple[int, Running | Ended]]) -> list[Job]:
        ended: list[Job] = []
        for n, news in enumerate(batch):
            try:
                ended += self._write([news])
            except HopliteError as error:
                self._put_back(batch[n:], error)
                break
        return ended

    def _write_together(self, batch: list[tuple[int, Running | Ended]]) -> list[Job]:
        crash_point("manager.before_news")
        with self._table.locked({job_id for job_id, _ in batch}) as lives:
            moved = {job_id: live.job for job_id, live in lives.items()}
            entries: dict[int, list[Entry]] = {job_id: [] for job_id in lives}
            for job_id, news in batch:
                if job_id in moved and not moved[job_id].ended:
                    moved[job_id], happened = _told(moved[job_id], news)
                    entries[job_id] += happened
            born = self._successors(moved, entries)
            jobs = [job for job_id, job in moved.items() if job is not lives[job_id].job]
            self._table.change_together(
                ((lives[job.id], job, entries[job.id]) for job in jobs), born
            )
            crash_point("manager.after_news")
        for job in jobs:
            if not job.ended:
                self._on_start(job)
        return [job for job in jobs if job.ended]

    def _successors(self, moved: dict[int, Job], entries: dict[int, list[Entry]]) -> list[Job]:
        """Jobs to be made in place of those that ended, which are changed to name them."""
        born = []
        for job in [job for job in moved.values() if job.ended and job.batch is not None]:
            made = succession(job, self._table.next_birth)
            if made is not None:
                moved[job.id] = made.ended
                entries[job.id] += made.entries
                born.append(made.successor)
        return born


def _told(job: Job, news: Running | Ended) -> tuple[Job, list[Entry]]:
    if isinstance(news, Ended):
        return job_at_end(job, news)
    return job_running(job, news)


def job_running(job: Job, running: Running) -> tuple[Job, list[Entry]]:
    """``job`` with its process."""
    if job.state is not State.LAUNCHING:
        return job, []
    moved = job.moved(Event.STARTED, handle=running.handle, started_at=running.started_at)
    return moved, [entry(moved, Happening.STARTED, SERVER, running.started_at)]


def job_at_end(job: Job, ended: Ended) -> tuple[Job, list[Entry]]:
    """``job`` with its outcome."""
    try:
        verdict = judge(job, ended)
        status = status_at_end(job, ended, verdict)
    except Exception as error:
        log.error("defect", job=job.id, exc_info=error)
        verdict = Verdict(Outcome.FAILED, "what it left of its end cannot be understood")
        status = job.status
    moved = job.at_end(
        verdict.outcome,
        max(ended.at, job.created_at),
        status=status,
        progress=progress_in(status),
        exit_code=ended.exit_code,
        signal=ended.signal,
        reason=verdict.reason,
        log_bytes=ended.log_bytes,
        granted=msgspec.structs.replace(job.granted, fault=verdict.fault),
    )
    return moved, [ended_entry(moved, job.kill_by or SERVER, ended)]


def ended_entry(job: Job, who: str, ended: Ended | None = None) -> Entry:
    """The last entry of a job."""
    detail = {
        "outcome": job.outcome,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "reason": job.reason,
        "usage": ended.usage if ended else None,
    }
    return entry(job, Happening.ENDED, who, job.finished_at or time.time(), detail)
