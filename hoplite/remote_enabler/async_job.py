"""A remote call that is waited for later, or never."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, Literal, NoReturn, TypeVar

from hoplite.client.event_stream import EventStream
from hoplite.client.remote_job import RemoteJob
from hoplite.exceptions import JobFailedError, JobNotStartedError, TimeoutError
from hoplite.remote_enabler.answering import answer, raise_remote
from hoplite.remote_enabler.server import Server, server_at

R = TypeVar("R")


class RemoteAsyncJobWrapper(Future[R], Generic[R]):
    """What a ``remote_async_`` function returns: a call that :meth:`start` begins.

    It is a :class:`concurrent.futures.Future` too, so ``result``, ``exception``, ``add_done_callback``,
    ``concurrent.futures.wait`` and ``asyncio.wrap_future`` work.  A call that was started goes on
    when nobody waits for it; one that was not waits on the server until somebody deletes it.
    """

    def __init__(self, job: RemoteJob, function_name: str, server: Server | None = None) -> None:
        super().__init__()
        self._job = job
        self._function_name = function_name
        self._server = server if server is not None else server_at(job.where)
        self._started = False
        self._starting = threading.Lock()

    def __repr__(self) -> str:
        return f"<RemoteAsyncJobWrapper of {self._function_name}: job {self.uuid} on {self._job.where}>"

    @property
    def job(self) -> RemoteJob:
        """The job that makes the call."""
        return self._job

    @property
    def uuid(self) -> str:
        """That of its job."""
        return self._job.uuid

    def start(self) -> bool:
        """Have it run; True.

        Raises :class:`~hoplite.exceptions.JobAlreadyStartedError` the second time.
        """
        with self._starting:
            self._job.start()
            self._started = True
        name = f"hoplite-call-{self.uuid}"
        threading.Thread(target=self._follow, name=name, daemon=True).start()
        return True

    def _follow(self) -> None:
        try:
            self._wait()
            value = answer(self._job, self._server, self._function_name)
        except BaseException as error:  # noqa: BLE001 - it is told to whoever asks
            self._settle(self.set_exception, error)
        else:
            self._settle(self.set_result, value)

    def _wait(self) -> None:
        # What it failed of is told with the answer.
        with contextlib.suppress(JobFailedError):
            self._job.join()

    @staticmethod
    def _settle(tell: Callable[[Any], None], what: object) -> None:
        try:
            tell(what)
        except concurrent.futures.InvalidStateError:
            return  # it was cancelled meanwhile

    def join(self, remote_timeout: float | None = -1) -> R:
        """Wait for what the function returns, or raise what it raised.

        When ``remote_timeout`` (seconds; negative or None: without end) is over the remote job is
        killed, and :class:`~hoplite.exceptions.TimeoutError` raised; ``result(timeout)`` waits
        without killing.  Raises :class:`~hoplite.exceptions.JobNotStartedError` before :meth:`start`.
        """
        if not self._started and not self.done():
            raise JobNotStartedError(self.uuid)
        limit_s = None if remote_timeout is None or remote_timeout < 0 else remote_timeout
        concurrent.futures.wait([self], limit_s)
        if self.done():
            return self.result()
        from hoplite.remote_enabler.calling import kill_late

        raise kill_late(self._job, TimeoutError(self.uuid))

    def cancel(self) -> bool:
        """Kill its job, or delete it if it was not started; False if it has ended before."""
        if self.done():
            return self.cancelled()
        with self._starting:
            if self._started:
                self._job.kill()
            else:
                self._job.delete()
        # Until here it counts as pending, however long it has run: else it could not be.
        cancelled = super().cancel()
        if cancelled:
            self.set_running_or_notify_cancel()
        return cancelled

    def kill(self, force: bool = False) -> bool:
        """As :meth:`RemoteJob.kill() <hoplite.client.RemoteJob.kill>`; waiting for it raises
        :class:`~hoplite.exceptions.JobKilledError` then."""
        return self._job.kill(force)

    def config(self, force: bool = False) -> dict[str, Any]:
        """The config of its job: an envelope."""
        return self._job.config(force)

    def status(self, force: bool = False) -> dict[str, Any]:
        """What its job has reported; raises what the function raised."""
        try:
            return self._job.status(force)
        except JobFailedError as failed:
            raise_remote(failed, self._server)

    def running(self, force: bool = False) -> bool:
        """Whether its process exists over there."""
        return not self.done() and self._job.running(force)

    def finished(self, force: bool = False) -> bool:
        """Whether it has ended; raises what the function raised."""
        try:
            return self._job.finished(force)
        except JobFailedError as failed:
            raise_remote(failed, self._server)

    @property
    def progress(self) -> dict[str, Any] | None:
        """What the function last said by :func:`~hoplite.remote_enabler.report_progress`."""
        return self._job.info(force=True).get("progress")

    def log(
        self, stream: Literal["all", "stdout", "stderr"] = "all", tail: int | None = None
    ) -> str:
        """What it has printed and logged."""
        return self._job.log(stream, tail)

    def follow_log(self, stream: Literal["stdout", "stderr"] = "stdout") -> Iterator[str]:
        """The same, in pieces as they come, until it has ended."""
        return self._job.follow_log(stream)

    def events(self, after: int | None = None) -> EventStream:
        """What happens to its job."""
        return self._job.events(after)

    def __getstate__(self) -> NoReturn:
        raise TypeError("a call is not pickled: keep its uuid, and ask a RemoteJobManager for it")
