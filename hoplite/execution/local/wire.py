"""What the server and a warden say to each other: JSON in frames with a length before each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.protocol import Ended, LaunchSpec
from hoplite.execution.written import EndedFile

_LENGTH_BYTES = 4


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """From the server: make this job's process."""

    spec: LaunchSpec
    launch: int
    """Which launch of the job this is; its child may claim the job under this number only."""
    directory: str


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


FromWarden = Ready | Started | Finished

_encoder = msgspec.json.Encoder()
launch_decoder = msgspec.json.Decoder(Launch)
_from_warden_decoder: msgspec.json.Decoder[Ready | Started | _FinishedRead] = msgspec.json.Decoder(
    Ready | Started | _FinishedRead
)


def from_warden(body: bytes) -> FromWarden:
    """The message in a frame that a warden sent."""
    message = _from_warden_decoder.decode(body)
    if not isinstance(message, _FinishedRead):
        return message
    return Finished(job_id=message.job_id, launch=message.launch, ended=message.ended.plain())


def framed(message: Launch | FromWarden) -> bytes:
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
