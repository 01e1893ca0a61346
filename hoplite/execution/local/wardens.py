"""The warden that gets the launches, and those that only have their last jobs to see out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hoplite.execution.local.event_loop import EventLoop
from hoplite.execution.local.live_jobs import LiveJob
from hoplite.execution.local.warden_link import WardenLink
from hoplite.execution.local.wire import FromWarden, Launch, Ready

_FAILED_STARTS = 3


class Wardens:
    """``heard`` and ``gone`` are called in the loop's thread.

    ``gone`` gets why no other warden can be had, if that is so.
    """

    def __init__(
        self,
        data_dir: Path,
        python: str,
        loop: EventLoop,
        heard: Callable[[WardenLink, FromWarden], None],
        gone: Callable[[WardenLink, str | None], None],
    ) -> None:
        self._data_dir = data_dir
        self._python = python
        self._loop = loop
        self._heard = heard
        self._gone = gone
        self._lock = threading.Lock()
        self._current: WardenLink | None = None
        self._links: set[WardenLink] = set()
        self._failed_starts = 0

    def start(self) -> None:
        """Have one; raises OSError."""
        with self._lock:
            self._have_one()

    def launch(self, job: LiveJob) -> None:
        """Have a warden make the job's process; raises OSError if none can be started."""
        assert job.spec is not None  # adopted jobs are not launched
        launch = Launch(spec=job.spec, launch=job.launch, directory=job.files.directory)
        with self._lock:
            link = job.link = self._have_one()
        while not link.send(launch):
            # It got no whole launch.  A current one is dead, and that is handled where its death is
            # noticed; one that was retired meanwhile may live long.
            with self._lock:
                if job.link is not link or link is self._current:
                    return
                link = job.link = self._have_one()

    def replace(self) -> None:
        """Start another for all later launches; the present one ends after its last job."""
        with self._lock:
            retired, self._current = self._current, None
            try:
                self._have_one()
            except OSError:
                self._current = retired
                raise
        if retired is not None:
            retired.retire()

    def close(self) -> None:
        """Leave all to themselves; the loop must have been stopped."""
        with self._lock:
            links, self._links, self._current = self._links, set(), None
        for link in links:
            link.close()

    def _have_one(self) -> WardenLink:
        if self._current is None:
            link = self._current = WardenLink(self._data_dir, self._python)
            self._links.add(link)
            self._loop.call_soon(lambda: self._watch(link))
        return self._current

    def _watch(self, link: WardenLink) -> None:
        self._loop.watch(link.fileno(), lambda: self._read(link))

    def _read(self, link: WardenLink) -> None:
        try:
            for message in link.messages():
                if isinstance(message, Ready):
                    link.became_ready()
                    self._failed_starts = 0
                self._heard(link, message)
        except EOFError:
            self._lost(link)

    def _lost(self, link: WardenLink) -> None:
        self._loop.unwatch(link.fileno())
        with self._lock:
            was_current = self._current is link
            if was_current:
                self._current = None
            self._links.discard(link)
        link.close()
        if was_current and not link.ready:
            self._failed_starts += 1
        self._gone(link, self._trouble(link))

    def _trouble(self, link: WardenLink) -> str | None:
        if self._failed_starts < _FAILED_STARTS:
            return None
        return f"no process to fork jobs from could be started: {link.last_words()}"
