"""``/jobs/<ref>/input`` and ``/jobs/<ref>/result``: what a job is given, and leaves, as files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from flask import Response, g
from msgspec import Meta
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from hoplite.api.answers import json_answer
from hoplite.api.endpoint import Call, Routes
from hoplite.api.hoplite.job import WRITES, visible_job
from hoplite.api.serving.uploads import AROUND_UPLOAD_BYTES
from hoplite.exceptions import (
    InvalidRequestError,
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotEndedError,
    LogRemovedError,
    NotAuthorizedError,
    ResultDoesNotExistError,
    TooLargeError,
    TooManyStreamsError,
    UnsupportedMediaTypeError,
    WrongApiKeyError,
)
from hoplite.execution.protocol import RESULT_FILE
from hoplite.model.job import Job

routes = Routes("jobs")

_BYTES = "application/octet-stream"
_PIECE = 256 << 10
_LARGE = 4 << 20


class InputAnswer(msgspec.Struct, frozen=True):
    """What was taken."""

    uuid: str
    bytes: Annotated[int, Meta(description="The size of the file.")]


@routes.put(
    "/jobs/<ref>/input",
    body_files={_BYTES: {"type": "string", "format": "binary"}},
    answers={200: InputAnswer},
    raises=[
        InvalidRequestError,
        NotAuthorizedError,
        JobAlreadyStartedError,
        JobEndedError,
        JobDoesNotExistError,
        TooLargeError,
        UnsupportedMediaTypeError,
        *WRITES,
    ],
)
def put_input(call: Call[Any, None]) -> Response:
    """Give a job that was not started yet a file: the body, `application/octet-stream`.

    The job reads it by `status.read_input()`. A second one takes the place of the first.
    """
    job = visible_job(call)
    if call.request.mimetype not in ("", _BYTES):
        raise UnsupportedMediaTypeError(
            f"Content-Type: {call.request.mimetype}; the input of a job is {_BYTES}"
        )
    pieces = _Pieces(call)
    call.service.manager.put_input(call.caller, job.uuid, pieces)
    return json_answer(InputAnswer(job.uuid, pieces.taken))


class _Pieces:
    """The body, counted."""

    def __init__(self, call: Call[Any, None]) -> None:
        self._largest = call.service.settings.max_upload_bytes
        self._request = call.request
        self._request.max_content_length = self._largest + AROUND_UPLOAD_BYTES
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._read():
            self.taken += len(piece)
            if self.taken > self._largest:
                raise self._too_large()
            yield piece

    def _read(self) -> bytes:
        try:
            return self._request.stream.read(_PIECE)
        except ClientDisconnected:
            raise InvalidRequestError("the body is shorter than was announced") from None
        except RequestEntityTooLarge:
            raise self._too_large() from None

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the input is larger than {self._largest} bytes, the setting max_upload_bytes"
        )


@routes.get(
    "/jobs/<ref>/result",
    answers={200: _BYTES},
    public=True,
    raises=[
        NotAuthorizedError,
        WrongApiKeyError,
        JobDoesNotExistError,
        ResultDoesNotExistError,
        JobNotEndedError,
        LogRemovedError,
        TooManyStreamsError,
    ],
)
def get_result(call: Call[Any, None]) -> Response:
    """Read the file that an ended job has left by `status.write_result()`.

    For its owner and administrators, and for whoever has the job's key (`Authorization: Bearer`).
    """
    job = _job_with_rights(call)
    if not job.ended:
        raise JobNotEndedError(
            f"Job UUID: {job.uuid} is {job.state.value}; its result is there when it has ended"
        )
    if job.log_removed_by is not None:
        raise LogRemovedError(
            f"the result of job {job.uuid} was removed, with its log, by the retention rule "
            f"{job.log_removed_by}"
        )
    directory = call.service.manager.executor.directory(job.id)
    descriptor = _opened(directory, call.service.settings.max_result_bytes, job)
    return _sent(call, descriptor)


def _job_with_rights(call: Call[Any, None]) -> Job:
    if call.known is None:
        # Strangers are not told which jobs there are.
        manager = call.service.manager
        scheme, _, key = call.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            _ = call.caller
        try:
            job = manager.job(call.ref)
        except JobDoesNotExistError:
            raise WrongApiKeyError("the api_key is that of no job here", field="api_key") from None
        manager.check_key(job, key.strip())
        return job
    job = visible_job(call)
    if not call.caller.sees_all_of(job, call.service.settings.visibility):
        raise NotAuthorizedError(
            f"job {job.uuid} belongs to {job.owner}; only {job.owner} and administrators may read "
            "its result"
        )
    return job


def _opened(directory: Path, largest: int, job: Job) -> int:
    """The result file, if it is one that the job itself has made."""
    path = directory / RESULT_FILE
    try:
        owner = path.parent.lstat().st_uid
        # Without waiting: the job may have put a pipe there.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags)
    except OSError:
        raise _none(job, "it left none") from None
    found = os.fstat(descriptor)
    # A second name of a file may be that of a stranger's, which the job could not read itself.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != owner:
        os.close(descriptor)
        raise _none(job, "what is in its place was not made by status.write_result")
    if found.st_size > largest:
        os.close(descriptor)
        raise _none(job, f"it is larger than {largest} bytes, the setting max_result_bytes")
    return descriptor


def _none(job: Job, why: str) -> ResultDoesNotExistError:
    return ResultDoesNotExistError(f"job {job.uuid} has no result file: {why}")


def _sent(call: Call[Any, None], descriptor: int) -> Response:
    size = os.fstat(descriptor).st_size
    response = Response(_pieces(descriptor, size), mimetype=_BYTES)
    response.call_on_close(lambda: os.close(descriptor))
    if size > _LARGE:
        # A slow reader holds a thread, as one of a stream does.
        try:
            response.call_on_close(call.service.streams.take())
        except TooManyStreamsError:
            response.close()
            raise
        g.long = True
    response.content_length = size
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "attachment"
    response.headers["Cache-Control"] = "no-store"
    return response


def _pieces(descriptor: int, size: int) -> Iterator[bytes]:
    at = 0
    while at < size:
        piece = os.pread(descriptor, min(_PIECE, size - at), at)
        if not piece:
            return
        at += len(piece)
        yield piece
