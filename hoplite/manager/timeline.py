"""The timeline as it grows: recent entries in memory, older ones from the journal."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hoplite.journal.protocol import Happened, Journal
from hoplite.model.timeline import NO_JOB, Entry, Happening

_RECENT = 4096
_PAGE = 256


def jobless_entry(what: Happening, who: str, at: float, detail: Mapping[str, Any]) -> Entry:
    """An entry that concerns no job; ``detail`` is what JSON can say."""
    return Entry(
        job_id=NO_JOB,
        uuid="",
        owner="",
        at=at,
        what=what,
        who=who,
        version=0,
        detail=msgspec.Raw(msgspec.json.encode(detail)),
    )


class Timeline:
    """What readers of event streams follow."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._recent: deque[Entry] = deque(maxlen=_RECENT)
        self._last = journal.last_ids()[1]
        self._floor = self._last
        self._grown = threading.Condition()
        self._closed = False
        journal.on_entries(self._heard)

    @property
    def last_seq(self) -> int:
        return self._last

    def _heard(self, entries: Sequence[Entry]) -> None:
        with self._grown:
            for entry in entries:
                if len(self._recent) == _RECENT:
                    self._floor = self._recent[0].seq
                self._recent.append(entry)
                self._last = entry.seq
            self._grown.notify_all()

    def tell(self, who: str, what: Happening, **detail: Any) -> None:
        """An entry that concerns no job; ``detail`` is what JSON can say.  It is on disk when this
        returns."""
        self._journal.commit(Happened(jobless_entry(what, who, time.time(), detail)))

    def after(self, seq: int, job_id: int | None) -> tuple[list[Entry], int]:
        """Entries with a higher ``seq``, in order, and the ``seq`` up to which was looked."""
        with self._grown:
            floor, last = self._floor, self._last
            recent = [e for e in self._recent if e.seq > seq] if seq >= floor else None
        if recent is not None:
            return [e for e in recent if job_id in (None, e.job_id)], last
        entries = self._journal.entries(after=seq, job_id=job_id, limit=_PAGE)
        if len(entries) == _PAGE:
            return entries, entries[-1].seq
        return entries, max(floor, entries[-1].seq if entries else floor)

    def wait_past(self, seq: int, timeout_s: float) -> bool:
        """Wait for an entry after ``seq``; False if none came in time or the server stops."""
        with self._grown:
            self._grown.wait_for(lambda: self._last > seq or self._closed, timeout_s)
            return self._last > seq

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End all streams."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()
