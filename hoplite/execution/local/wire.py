"""What the server and a warden say to each other: JSON in frames with a length before each."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import msgspec

from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.protocol import Ended, LaunchSpec, RunAs
from hoplite.execution.written import EndedFile

LOOK_AGAIN = signal.SIGURG
"""Has a warden look whether time limits were shortened, also one whose server is gone.  A process
that knows nothing of it is not harmed."""

_LENGTH_BYTES = 4


class Launch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the server: make this job's process."""

    spec: LaunchSpec
    launch: int
    """Which launch of the job this is; its child may claim the job under this number only."""
    directory: str


class _SpecHead(msgspec.Struct, frozen=True):
    job_id: int
    run_as: RunAs | None
    timeout_s: float | None
    kill_grace_s: float


class LaunchHead(msgspec.Struct, frozen=True, tag="Launch"):
    """What a warden itself reads of a launch: nothing that is secret.  The job's own process reads
    the rest, so that no later job, which is a fork of the warden, finds it in its memory."""

    spec: _SpecHead
    launch: int
    directory: str


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the server: the job was sent SIGTERM; SIGKILL to what is left after ``grace_s``."""

    job_id: int
    launch: int
    grace_s: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From a warden, once: it takes launches."""

    warden: ProcessId


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From a warden: the job's process exists."""

    job_id: int
    launch: int
    process: ProcessId
    at: float


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From a warden: the job's process is gone, or could not be made."""

    job_id: int
    launch: int
    ended: Ended


class _FinishedRead(Finished, frozen=True, kw_only=True, tag="Finished"):
    ended: EndedFile


FromServer = Launch | Kill
FromWarden = Ready | Started | Finished

_encoder = msgspec.json.Encoder()
launch_decoder = msgspec.json.Decoder(Launch)
head_decoder: msgspec.json.Decoder[LaunchHead | Kill] = msgspec.json.Decoder(LaunchHead | Kill)
_from_warden_decoder: msgspec.json.Decoder[Ready | Started | _FinishedRead] = msgspec.json.Decoder(
    Ready | Started | _FinishedRead
)


def from_warden(body: bytes) -> FromWarden:
    """The message in a frame that a warden sent."""
    message = _from_warden_decoder.decode(body)
    if not isinstance(message, _FinishedRead):
        return message
    return Finished(job_id=message.job_id, launch=message.launch, ended=message.ended.plain())


def framed(message: FromServer | FromWarden) -> bytes:
    """The bytes to send for ``message``."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Frames:
    """Puts the bytes of a stream together to whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies of the frames that ``data`` completes."""
        self._buffer += data
        while (end := self._end_of_first()) is not None:
            body = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            yield body

    def _end_of_first(self) -> int | None:
        if len(self._buffer) < _LENGTH_BYTES:
            return None
        end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        return end if len(self._buffer) >= end else None


class OneFrame:
    """Reads frames from ``connection`` (which does not block), and never beyond the end of one: what
    comes after it stays with the kernel, and so is not in the memory of a process forked now."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._length = bytearray(_LENGTH_BYTES)
        self._body: bytearray | None = None
        self._filled = 0

    def read(self) -> bytearray | None:
        """The body of the next frame, the caller's to overwrite; None if it is not whole yet.

        Raises EOFError when there will be none.
        """
        if self._body is None:
            if not self._fill(self._length):
                return None
            self._body, self._filled = bytearray(int.from_bytes(self._length, "big")), 0
        if not self._fill(self._body):
            return None
        body, self._body, self._filled = self._body, None, 0
        return body

    def _fill(self, part: bytearray) -> bool:
        while self._filled < len(part):
            try:
                received = self._connection.recv_into(memoryview(part)[self._filled :])
            except BlockingIOError:
                return False
            except OSError:
                received = 0
            if not received:
                raise EOFError
            self._filled += received
        return True


def wipe(secret: bytearray) -> None:
    """Overwrite what it holds."""
    secret[:] = bytes(len(secret))
