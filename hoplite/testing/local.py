"""Remote calls made in this process, through the same envelopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hoplite.exceptions import JobFailedError
from hoplite.remote_enabler.answering import original_of, value_of
from hoplite.remote_enabler.calling import instead
from hoplite.remote_enabler.performing import RAISED, RETURNED, perform
from hoplite.remote_enabler.target import Prepared


@contextmanager
def in_process(*, trusted: bool = True) -> Iterator[None]:
    """Within the block, ``remote_`` functions run in this process, whatever their address.

    Arguments, results and exceptions are pickled and unpickled as on their way to a server and back
    (or, if not ``trusted``, results told as JSON), so what could not travel is found here too.
    ``remote_async_`` functions need a server: :func:`throw_away_server`.
    """
    with instead(lambda prepared: _perform(prepared, trusted), by_json=not trusted):
        yield


class _Status:
    """The status of a job that is none."""

    def __init__(self, argument_file: bytes | None) -> None:
        self._input = argument_file
        self.status: dict[str, Any] = {}
        self.result = b""

    def update(self, status: Mapping[str, Any]) -> None:
        self.status.update(status)

    def update_at_end(self, status: Mapping[str, Any]) -> None:
        self.status.update(status)

    def write_result(self, data: bytes) -> None:
        self.result = data

    def read_input(self) -> bytes:
        assert self._input is not None
        return self._input


def _perform(prepared: Prepared, trusted: bool) -> Any:
    status = _Status(prepared.argument_file)
    try:
        perform(prepared.config, status)
    except Exception as error:
        original = original_of(status.status.get(RAISED), lambda: trusted)
        if original is not None:
            raise original from error
        record = {"type": status.status[RAISED]["type"], "message": str(error)}
        raise JobFailedError("this process", "in-process", None, record) from error
    return value_of(status.status[RETURNED], lambda: status.result, lambda: trusted)
