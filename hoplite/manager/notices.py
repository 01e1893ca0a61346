"""Tells whom a job's owner named of what happens to the job.

Threads of its own wait for the programs that are run for it; a slow one delays no job, and no more
than some other notices.  A notice is sent once at most: one that is under way when the server dies is
not sent again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
import structlog

from hoplite.exceptions import HopliteError, InvalidFieldError
from hoplite.execution.outside_program import run_program
from hoplite.manager.job_table import JobTable
from hoplite.manager.launching import Owners
from hoplite.model.job import Job
from hoplite.model.notify import Notify, Tag, read_notify
from hoplite.model.oar_state import oar_state
from hoplite.model.timeline import Entry, Happening

_THREADS = 4
_WAITING = 10_000
_PATIENCE_S = 30.0
_LAST_S = 1.0
_TAGS = {
    Happening.STARTED: Tag.RUNNING,
    Happening.SUSPENDED: Tag.SUSPENDED,
    Happening.RESUMING: Tag.RESUMING,
    Happening.KILL_REQUESTED: Tag.INFO,
    Happening.CHECKPOINT_REQUESTED: Tag.INFO,
    Happening.WALLTIME_CHANGED: Tag.INFO,
}
"""But for the end, which is told by the job's state."""

log = structlog.get_logger("hoplite.manager")


def check_notify(text: str | None, sendmail: str | None) -> None:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` for what would tell nobody."""
    if text is not None and read_notify(text).mail is not None and sendmail is None:
        raise InvalidFieldError(
            "notify: this machine has no sendmail, so no mail can be sent; use exec:, or have the "
            "setting sendmail name a program that sends mails",
            field="notify",
        )


class Notices:
    """Hears all entries of the timeline."""

    def __init__(self, table: JobTable, owners: Owners, sendmail: str | None) -> None:
        self._table = table
        self._owners = owners
        self._sendmail = sendmail
        self._asked: set[int] = set()
        """Living jobs somebody wants to hear of."""
        self._queues: list[queue.Queue[Entry | None]] = [
            queue.Queue(_WAITING) for _ in range(_THREADS)
        ]
        self._threads = [
            threading.Thread(
                target=self._run, args=(entries,), name=f"hoplite-notices-{nth}", daemon=True
            )
            for nth, entries in enumerate(self._queues)
        ]
        self._closed = threading.Event()

    def watch(self, jobs: Iterable[Job]) -> None:
        """These jobs live; they need not have been heard of."""
        self._asked.update(job.id for job in jobs if _asks(job))

    def open(self, jobs: Iterable[Job]) -> None:
        """Begin; ``jobs`` are those of the last server."""
        self.watch(jobs)
        self._table.journal.on_entries(self._heard)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Tell what waits to be told, for a moment, and then no more."""
        deadline = time.monotonic() + _LAST_S
        for entries in self._queues:
            with suppress(queue.Full):
                entries.put_nowait(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._closed.set()

    def _heard(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.what is Happening.CREATED:
                live = self._table.find_live(entry.job_id)
                if live is not None and _asks(live.job):
                    self._asked.add(entry.job_id)
            elif entry.job_id in self._asked:
                self._put(entry)
                if entry.what is Happening.ENDED:
                    self._asked.discard(entry.job_id)

    def _put(self, entry: Entry) -> None:
        if entry.what is not Happening.ENDED and entry.what not in _TAGS:
            return
        try:
            # Those of one job in their order.
            self._queues[entry.job_id % _THREADS].put_nowait(entry)
        except queue.Full:
            log.error("too many notices wait; one is not sent", job=entry.job_id)

    def _run(self, entries: queue.Queue[Entry | None]) -> None:
        while (entry := entries.get()) is not None and not self._closed.is_set():
            try:
                self._tell(entry)
            except (HopliteError, OSError) as error:
                log.warning("a notice was not sent", job=entry.job_id, error=str(error))
            except Exception as error:
                if self._closed.is_set():
                    return
                log.error("defect", in_the_notice_of=entry.job_id, exc_info=error)

    def _tell(self, entry: Entry) -> None:
        job = self._table.get(entry.job_id)
        if job.batch is None or job.batch.notify is None:
            return
        asked = read_notify(job.batch.notify)
        tag = _TAGS.get(entry.what) or (Tag.END if oar_state(job) == "Terminated" else Tag.ERROR)
        if tag not in asked.tags:
            return
        told = _words(job, entry)
        if asked.mail is None:
            argv = [*asked.exec, str(job.id), job.batch.name or "", tag.value, told]
            code = run_program(argv, self._owners.run_as(job.owner), "", _PATIENCE_S)
        else:
            code = self._mail(asked, job, tag, told)
        if code != 0:
            why = "it took too long" if code is None else f"exit code {code}"
            log.warning("a notice was not sent", job=job.id, tag=tag.value, error=why)

    def _mail(self, asked: Notify, job: Job, tag: Tag, told: str) -> int | None:
        assert asked.mail is not None
        if self._sendmail is None:
            raise FileNotFoundError("there is no sendmail any more")
        name = f" ({job.batch.name})" if job.batch is not None and job.batch.name else ""
        subject = f"Job {job.id}{name}: {tag.value}".replace("\n", " ").replace("\r", " ")
        text = f"To: {asked.mail}\nSubject: {subject}\n\n{told}\n"
        run_as = self._owners.run_as(job.owner)
        return run_program([self._sendmail, "-oi", "--", asked.mail], run_as, text, _PATIENCE_S)


def _asks(job: Job) -> bool:
    return job.batch is not None and job.batch.notify is not None


class _Detail(msgspec.Struct):
    outcome: str | None = None


def _words(job: Job, entry: Entry) -> str:
    """One line: arguments of programs are seen by everybody on the machine."""
    detail = _Detail() if entry.detail is None else msgspec.json.decode(entry.detail, type=_Detail)
    words = f"job {job.id} {entry.what.value.replace('_', ' ')}"
    return words if detail.outcome is None else f"{words}: {detail.outcome}"
