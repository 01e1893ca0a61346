"""What every route needs, in one place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from hoplite.api.kept_answers import KeptAnswers
from hoplite.api.metrics import Metrics
from hoplite.exceptions import TooManyStreamsError
from hoplite.files.files import Files
from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Caller
from hoplite.settings import Settings
from hoplite.settings.configuration import Configuration

Environ = Mapping[str, Any]


class Identify(Protocol):
    """Says who asks; None: nobody knows.  Raises
    :class:`~hoplite.exceptions.NotAuthenticatedError` for wrong credentials."""

    def identify(self, environ: Environ) -> Caller | None: ...

    def challenges(self) -> list[str]: ...


class Streams:
    """The places for long polls and streams.  Each holds a thread of the server, so they are
    counted apart from the threads that answer everything else."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free = threading.BoundedSemaphore(places)
        self.taken = 0

    def take(self) -> Callable[[], None]:
        """A place, and the call that gives it back (once; later calls do nothing)."""
        if not self._free.acquire(blocking=False):
            raise TooManyStreamsError(
                f"all {self.places} places for long polls and streams are taken (setting "
                "max_streams); try again soon"
            )
        self.taken += 1
        lock = threading.Lock()

        def give_back() -> None:
            if lock.acquire(blocking=False):
                self.taken -= 1
                self._free.release()

        return give_back

    @contextmanager
    def place(self) -> Iterator[None]:
        give_back = self.take()
        try:
            yield
        finally:
            give_back()


class Service:
    """The parts of one server, for its routes."""

    def __init__(
        self,
        configuration: Configuration,
        manager: JobManager,
        identify: Identify,
        check_origin: Callable[[Environ], None],
        metrics: Metrics,
    ) -> None:
        self.configuration = configuration
        self.manager = manager
        self.authenticators = identify
        self.check_origin = check_origin
        self.metrics = metrics
        self.streams = Streams(self.settings.max_streams)
        self.kept_answers = KeptAnswers()
        self.files = Files(self.settings.media_roots)

    @property
    def settings(self) -> Settings:
        """Those in force now."""
        return self.configuration.settings
