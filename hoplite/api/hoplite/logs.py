"""``/jobs/<ref>/log``: what a job printed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from flask import Response, g
from msgspec import Meta

from hoplite.api.endpoint import LARGEST, Call, Routes
from hoplite.api.hoplite.job import gone, visible_job
from hoplite.exceptions import (
    InvalidFieldError,
    JobDoesNotExistError,
    LogRemovedError,
    NotAuthorizedError,
    TooManyStreamsError,
)
from hoplite.files.tail import start_of_tail
from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Visibility
from hoplite.model.job import Job

routes = Routes("jobs")

_CHUNK = 64 << 10
_LARGE = 4 << 20
_LOOK_EVERY_S = 0.1
NAMES = ("stdout", "stderr")


class LogQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the log."""

    stream: Annotated[
        Literal["all", "stdout", "stderr"], Meta(description="all: stdout, then stderr.")
    ] = "all"
    tail: (
        Annotated[int, Meta(ge=0, le=LARGEST, description="Only the last lines, this many.")] | None
    ) = None
    offset: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=LARGEST,
                description="From this byte on; needs stream=stdout or stderr, and no tail.",
            ),
        ]
        | None
    ) = None
    follow: Annotated[bool, Meta(description="1: go on until the job ends.")] = False


class LogFile:
    """One output file, opened without following links; a missing one is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def _open(self) -> int | None:
        if self._fd is None:
            try:
                # Without waiting: the job may have put a pipe there.
                fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                return None
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                return None
            self._fd = fd
        return self._fd

    def exists(self) -> bool:
        return self._open() is not None

    def size(self) -> int:
        fd = self._open()
        return 0 if fd is None else os.fstat(fd).st_size

    def read(self, offset: int, size: int = _CHUNK) -> bytes:
        fd = self._open()
        return b"" if fd is None else os.pread(fd, size, offset)

    def start_of_tail(self, lines: int) -> int:
        """The offset of the last ``lines`` lines, of those in the last 64 MiB."""
        return start_of_tail(self.read, self.size(), lines)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


@routes.get(
    "/jobs/<ref>/log",
    query=LogQuery,
    answers={200: "text/plain"},
    answer_headers={"Hoplite-Log-Offset": "Where to go on with `offset`, for one stream."},
    raises=[NotAuthorizedError, JobDoesNotExistError, LogRemovedError, TooManyStreamsError],
)
def get_log(call: Call[LogQuery, None]) -> Response:
    """Read what the job printed, as text.

    `Hoplite-Log-Offset` in the answer is where to go on with `offset` (one stream only).
    """
    job = _job_with_log(call)
    _check(call, job)
    directory = call.service.manager.executor.directory(job.id)
    names = NAMES if call.query.stream == "all" else (call.query.stream,)
    files = [LogFile(directory / name) for name in names]
    try:
        if job.started_at is not None and not all(file.exists() for file in files):
            # Removed since we looked, perhaps.
            _check(call, _job_with_log(call))
        return _answer(call, job, files)
    except BaseException:
        _close(files)
        raise


def _answer(call: Call[LogQuery, None], job: Job, files: list[LogFile]) -> Response:
    starts = [_start(file, call.query) for file in files]
    if call.query.follow:
        parts = list(zip(files, starts, strict=True))
        response = _streamed(call, _followed(call.service.manager, job, parts, gone(call)))
    else:
        response = _as_it_is(call, files, starts)
    response.call_on_close(lambda: _close(files))
    return response


def _as_it_is(call: Call[LogQuery, None], files: list[LogFile], starts: list[int]) -> Response:
    sizes = [max(start, file.size()) for file, start in zip(files, starts, strict=True)]
    parts = list(zip(files, starts, sizes, strict=True))
    length = sum(sizes) - sum(starts)
    # A slow reader of much text holds a thread, as one of a stream does.
    response = _streamed(call, _whole(parts)) if length > _LARGE else _text(_whole(parts))
    response.content_length = length
    if len(parts) == 1:
        response.headers["Hoplite-Log-Offset"] = str(sizes[0])
    return response


def _job_with_log(call: Call[LogQuery, None]) -> Job:
    """The job of the path; a forgotten one's log is gone, and by which rule is still known."""
    try:
        return visible_job(call)
    except JobDoesNotExistError:
        grave = call.service.manager.table.journal.tombstone(call.ref)
        if grave is None or call.service.settings.visibility is Visibility.NONE:
            raise
        raise LogRemovedError(f"job {grave.uuid} and its log are gone: {grave.rule}") from None


def _check(call: Call[LogQuery, None], job: Job) -> None:
    if not call.caller.sees_all_of(job, call.service.settings.visibility):
        raise NotAuthorizedError(
            f"job {job.uuid} belongs to {job.owner}; only {job.owner} and administrators may read its log"
        )
    if job.log_removed_by is not None:
        raise LogRemovedError(
            f"the log of job {job.uuid} was removed by the retention rule {job.log_removed_by}"
        )
    if call.query.offset is not None and call.query.stream == "all":
        raise InvalidFieldError(
            "query parameter offset: needs stream=stdout or stream=stderr", field="offset"
        )
    if call.query.offset is not None and call.query.tail is not None:
        raise InvalidFieldError("query parameter tail: give tail or offset", field="tail")


def _start(file: LogFile, query: LogQuery) -> int:
    if query.tail is not None:
        return file.start_of_tail(query.tail)
    return query.offset or 0


def _text(chunks: Iterator[bytes]) -> Response:
    response = Response(chunks, mimetype="text/plain")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _whole(parts: list[tuple[LogFile, int, int]]) -> Iterator[bytes]:
    """The files from their start to the size that they had: what was announced is what comes."""
    for file, start, end in parts:
        at = start
        while at < end:
            chunk = file.read(at, min(_CHUNK, end - at))
            if not chunk:
                return
            at += len(chunk)
            yield chunk


def _streamed(call: Call[LogQuery, None], chunks: Iterator[bytes]) -> Response:
    """An answer that takes a place for streams."""
    give_back = call.service.streams.take()
    g.long = True
    response = _text(chunks)
    response.call_on_close(give_back)
    return response


def _followed(
    manager: JobManager, job: Job, parts: list[tuple[LogFile, int]], given_up: Callable[[], bool]
) -> Iterator[bytes]:
    offsets = [start for _, start in parts]
    while True:
        # Whether it has ended is asked before the files are read: nothing printed is missed.
        over = _has_ended(manager, job) or manager.stopping or given_up()
        came = False
        for n, (file, _) in enumerate(parts):
            while chunk := file.read(offsets[n]):
                offsets[n] += len(chunk)
                came = True
                yield chunk
        if over:
            return
        if not came:
            yield b""
            time.sleep(_LOOK_EVERY_S)


def _has_ended(manager: JobManager, job: Job) -> bool:
    try:
        return manager.job(job.id).ended
    except JobDoesNotExistError:
        return True


def _close(files: list[LogFile]) -> None:
    for file in files:
        file.close()
