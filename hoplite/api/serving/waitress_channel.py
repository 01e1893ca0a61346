"""One connection of waitress: JSON for its own errors, and an end to clients that stall.

waitress bounds neither the time that a request takes to arrive nor the time that a client takes
to read its answer; :meth:`Channel.cut_off_if_stalled`, called about once a second, does both.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped] # has no types
from waitress.parser import (  # type: ignore[import-untyped] # has no types
    HTTPRequestParser,
    ParsingError,
)
from waitress.task import ErrorTask, WSGITask  # type: ignore[import-untyped] # has no types
from waitress.utilities import Error  # type: ignore[import-untyped] # has no types

from hoplite.api.serving.environ import CONNECTION, LOCAL_ADDRESS, SERVED_BY
from hoplite.api.serving.error_answer import error_body, error_for, status_line
from hoplite.api.serving.upload_admission import Refusal, refusal_of
from hoplite.api.serving.uploads import AROUND_UPLOAD_BYTES, is_upload

LINGER_S = 3.0
"""How long the rest of a refused request is read and dropped, so that the client can read why."""
PROGRESS_BYTES = 64 * 1024
"""What a client must read of a waiting answer, or send of an upload, within the request timeout."""


class RequestTimedOut(Error):  # type: ignore[misc] # waitress has no types
    """The request did not arrive in time."""

    code = 408
    reason = "Request Timeout"


class NoSpace(Error):  # type: ignore[misc] # waitress has no types
    """The body waits in a temporary file, and there is no room for it."""

    code = 507
    reason = "Insufficient Storage"


class Refused(Error):  # type: ignore[misc] # waitress has no types
    """The application knows nobody who could send this."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("")
        self.code = refusal.code
        self.refusal = refusal


class Parser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """waitress's parser without its slips, and with a limit of their own for uploads."""

    path = ""
    is_upload = False
    is_asked_about = False
    adj: Any

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.error = NoSpace("no space is left where bodies wait until they are whole")
            self.completed, consumed = True, len(data)
        if self.completed:
            # Else waitress answers "100 Continue" to a body that it has refused already, and
            # waits for ever for one that was never announced.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # For example urlsplit on "http://[": waitress would drop the connection unanswered.
            raise ParsingError(f"the request line or a header is invalid: {error}") from error
        self.is_upload = is_upload(self.command, self.path)
        if self.is_upload:
            self.adj = self.adj.for_uploads


class Task(WSGITask):  # type: ignore[misc] # waitress has no types
    """A request on its way through the application."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[LOCAL_ADDRESS] = self.channel.local_address
        environ[SERVED_BY] = self.channel.server.served_by
        environ[CONNECTION] = self.channel.known
        return environ

    def build_response_header(self) -> bytes:
        if self.channel.server.stopping:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class JsonErrorTask(ErrorTask):  # type: ignore[misc] # waitress has no types
    """A request that waitress itself refuses."""

    def execute(self) -> None:
        refusal = self.request.error
        if isinstance(refusal, Refused):
            self._relay(refusal.refusal)
            return
        message = _message(refusal.code, refusal.body, self.request)
        content_type, body = error_body(
            error_for(refusal.code, message),
            getattr(self.request, "path", ""),
            self.request.headers.get("ACCEPT", ""),
        )
        self._relay(Refusal(status_line(refusal.code), [("Content-Type", content_type)], body))

    def _relay(self, refusal: Refusal) -> None:
        self.status = refusal.status
        self.response_headers.extend(refusal.headers)
        self.set_close_on_finish()
        self.content_length = len(refusal.body)
        self.channel.linger = True
        self.write(refusal.body)


class Admission:
    """A task of waitress: finds out whether the sender of a large upload is known."""

    def __init__(self, channel: Channel, request: Any) -> None:
        self._about: list[tuple[Channel, Any]] = [(channel, request)]

    def service(self) -> None:
        # An idle thread holds its last task: that must not hold the request's temporary file.
        channel, request = self._about.pop()
        refusal: Refusal | None = None
        try:
            environ = Task(channel, request).get_environment()
            refusal = refusal_of(channel.server.application, environ)
        finally:
            channel.go_on_with_upload(request, refusal)

    def cancel(self) -> None:
        pass


def _message(status: int, said: str, request: Any) -> str:
    if status == 413 and request.is_upload:
        largest = request.adj.max_request_body_size - 1 - AROUND_UPLOAD_BYTES
        return f"the file is larger than {largest} bytes, the setting max_upload_bytes"
    if status == 413:
        largest = request.adj.max_request_body_size - 1
        return f"the request body is larger than {largest} bytes, the setting max_body_bytes"
    if status == 431:
        largest = request.adj.max_request_header_size
        return f"the request's headers are larger than {largest} bytes"
    if status in (400, 501):
        return f"this is no HTTP request that the server can read: {said}"
    return said


class Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """One connection.  All methods but the tasks' run in the server's own thread."""

    parser_class = Parser
    task_class = Task
    error_task_class = JsonErrorTask
    linger = False
    request: Any

    def __init__(
        self,
        server: Any,
        sock: socket.socket,
        addr: Any,
        adj: Any,
        map: Any = None,  # noqa: A002 - waitress's name for it
    ) -> None:
        self.local_address = sock.getsockname()[:2]
        self.known: dict[str, Any] = {}
        self._request_since = time.monotonic()
        self._sent = 0
        self._received = 0
        self._is_asking = False
        self._unread_since: tuple[float, int] | None = None
        self._lingers_until: float | None = None
        super().__init__(server, sock, addr, adj, map=map)

    def received(self, data: bytes) -> bool:
        if self._lingers_until is not None:
            return False
        before = self.request
        taken: bool = super().received(data)
        if self.request is not None and self.request is not before:
            self._request_since = time.monotonic()
            self._received = 0
        self._look_at_upload()
        return taken

    def readable(self) -> bool:
        return not self._is_asking and bool(super().readable())

    def _look_at_upload(self) -> None:
        request = self.request
        if request is None or not request.is_upload:
            return
        self._note_progress(request)
        length = max(request.content_length, request.body_bytes_received)
        if length >= self.adj.max_request_body_size and not request.is_asked_about:
            request.is_asked_about = self._is_asking = True
            self.server.add_task(Admission(self, request))

    def go_on_with_upload(self, request: Any, refusal: Refusal | None) -> None:
        """Called by the task that asked about it."""
        with self.requests_lock:
            self._is_asking = False
            if refusal is not None and self.request is request:
                request.error, request.completed = Refused(refusal), True
                self.request = None
                self.requests.append(request)
                if len(self.requests) == 1:
                    # Else the thread that serves those before it goes on with it.
                    self.server.add_task(self)
        self.server.pull_trigger()

    def _note_progress(self, request: Any) -> None:
        """An upload may take long, as long as it goes on."""
        if request.body_bytes_received - self._received >= PROGRESS_BYTES:
            self._received = request.body_bytes_received
            self._request_since = time.monotonic()

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self._sent += sent
        return sent

    def handle_write(self) -> None:
        if not (self.linger and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self._begin_to_linger()

    def is_idle(self) -> bool:
        """No request is being received, served or answered."""
        return not (self.requests or self.total_outbufs_len or self.close_when_flushed) and (
            self.request is None or self._lingers_until is not None
        )

    def cut_off_if_stalled(self, now: float, timeout_s: float, idle_s: float) -> None:
        """Close the connection if its client stalls; ``now`` is of the monotonic clock."""
        if self._lingers_until is not None:
            if now >= self._lingers_until:
                self.handle_close()
        elif self.total_outbufs_len:
            self._cut_off_slow_reader(now, timeout_s)
        else:
            self._unread_since = None
            if self.is_idle():
                if time.time() - self.last_activity > idle_s:
                    self.handle_close()
            elif not self.requests and now - self._request_since > timeout_s:
                self._refuse_slow_request(timeout_s)

    def _begin_to_linger(self) -> None:
        # Closing with unread data makes the kernel send a reset, and the client loses the answer.
        self.close_when_flushed = False
        self._lingers_until = time.monotonic() + LINGER_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def _cut_off_slow_reader(self, now: float, timeout_s: float) -> None:
        if self._unread_since is None or self._sent - self._unread_since[1] >= PROGRESS_BYTES:
            self._unread_since = (now, self._sent)
        elif now - self._unread_since[0] > timeout_s:
            self.logger.info("cut off %s, which does not read its answer", self.addr)
            with contextlib.suppress(OSError):
                # A reset: else the kernel keeps the unread answer for many minutes.
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.handle_close()

    def _refuse_slow_request(self, timeout_s: float) -> None:
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None or self.requests:
                self.request = request
                return
            request.error = RequestTimedOut(f"the request did not arrive within {timeout_s:g} s")
            request.completed = True
            self.requests.append(request)
            self.server.add_task(self)
