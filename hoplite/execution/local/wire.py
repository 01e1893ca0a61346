"""What the server and a warden say to each other: JSON in frames with a length before each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.protocol import Ended, LaunchSpec

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


FromWarden = Ready | Started | Finished

_encoder = msgspec.json.Encoder()
launch_decoder = msgspec.json.Decoder(Launch)
from_warden_decoder: msgspec.json.Decoder[FromWarden] = msgspec.json.Decoder(FromWarden)


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
