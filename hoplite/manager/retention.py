"""What is kept for how long: a thread that forgets old jobs and removes old logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec
import structlog

from hoplite.exceptions import HopliteError
from hoplite.execution.protocol import Executor
from hoplite.journal.protocol import Change, Happened, JobChanged
from hoplite.manager.job_table import SERVER, JobTable, entry, forgetting
from hoplite.manager.limits import Limits
from hoplite.model.timeline import Happening

_EVERY_S = 60.0
_BATCH = 500

log = structlog.get_logger("hoplite.manager")


class Retention:
    """Applies the rules of :class:`Limits` in the background, in small bites."""

    def __init__(self, table: JobTable, executor: Executor, limits: Limits) -> None:
        self._table = table
        self._executor = executor
        self._limits = limits
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        self._thread = threading.Thread(target=self._run, name="hoplite-retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.sweep()
            except HopliteError as error:
                log.warning("retention put off", error=str(error))
            except Exception as error:
                log.error("retention put off", exc_info=error)
            self._stop.wait(_EVERY_S)

    def sweep(self) -> None:
        """Apply every rule once, to the end."""
        limits, journal = self._limits, self._table.journal
        now = time.time()
        by_age = f"keep_days = {limits.keep_age_s / 86400:g}"
        self._until_none(
            lambda: self._forget(journal.ended_before(now - limits.keep_age_s, _BATCH), by_age)
        )
        by_count = f"keep_jobs = {limits.keep_jobs}"
        self._until_none(
            lambda: self._forget(journal.ended_beyond(limits.keep_jobs, _BATCH), by_count)
        )
        by_bytes = f"keep_log_bytes = {limits.keep_log_bytes}"
        self._until_none(
            lambda: self._remove_logs(journal.logs_beyond(limits.keep_log_bytes, _BATCH), by_bytes)
        )
        journal.forget_keys(now - limits.keep_keys_s)
        journal.forget_consumption(now - limits.keep_consumption_s)
        journal.forget_resource_entries(now - limits.keep_age_s)

    def _until_none(self, bite: Callable[[], int]) -> None:
        while not self._stop.is_set() and bite():
            pass

    def _forget(self, job_ids: list[int], rule: str) -> int:
        """The journal first: files without a job can be swept, a job without files would lie."""
        now = time.time()
        if job_ids:
            with self._table.past:
                jobs = filter(None, map(self._table.journal.job, job_ids))
                changes = [change for job in jobs for change in forgetting(job, SERVER, rule, now)]
                self._table.journal.commit(*changes)
            self._executor.forget(job_ids)
            log.info("forgot jobs", count=len(job_ids), rule=rule)
        return len(job_ids)

    def _remove_logs(self, job_ids: list[int], rule: str) -> int:
        with self._table.past:
            changes = self._without_logs(job_ids, rule)
            self._table.journal.commit(*changes)
        if changes:
            self._executor.forget(job_ids)
        return len(job_ids)

    def _without_logs(self, job_ids: list[int], rule: str) -> list[Change]:
        changes: list[Change] = []
        now = time.time()
        for job_id in job_ids:
            job = self._table.journal.job(job_id)
            if job is None:
                continue
            without = msgspec.structs.replace(job, log_removed_by=rule, version=job.version + 1)
            gone = entry(without, Happening.LOG_REMOVED, SERVER, now, {"rule": rule})
            changes += [JobChanged(without), Happened(gone)]
        return changes
