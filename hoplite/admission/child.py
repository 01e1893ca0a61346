"""One child that runs admission rules, as its parent sees it."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

MAX_ANSWER_BYTES = 16 << 20

_WORKER = Path(__file__).with_name("worker.py")
_LENGTH = struct.Struct("!I")
_RUNNING = struct.Struct("!q")
_START_S = 10.0
_SLACK_S = 4.0
"""A machine under load gives a child its seconds late."""
_OUT_OF_MEMORY = ("memory allocation of", "MemoryError", "out of memory", "capacity overflow")
"""What Rust, Python and the interpreter of rules print of it."""


class Died(Exception):
    """The child is gone, for ``why``, while it ran the rule with the number ``rule`` (0: none)."""

    def __init__(self, why: str, rule: int) -> None:
        super().__init__(why)
        self.why = why
        self.rule = rule


class Child:
    """A process of its own, warm: it has read the rules, and waits for jobs.

    ``seconds`` of computing and ``memory_bytes`` are what one request may take.  It has no
    environment, no rights of root, and can open no file and start no process.  It ends with this
    process, whatever becomes of that.
    """

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self.knows: object = None
        """Which rules it has read, for who uses it to tell."""
        self._errors = os.memfd_create("hoplite-admission-errors")
        self._running = os.memfd_create("hoplite-admission-running")
        ours, theirs = socket.socketpair()
        self._socket = ours
        try:
            self._process = self._started(theirs.fileno())
        except BaseException:
            self._close()
            raise
        finally:
            theirs.close()
        self._patience_s = _START_S

    def _started(self, requests: int) -> subprocess.Popen[bytes]:
        package = importlib.util.find_spec("starlark")
        if package is None or package.origin is None:
            raise RuntimeError("admission rules need the package starlark-pyo3: install it")
        place = str(Path(package.origin).parents[1])
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER), place, str(self._memory_bytes)],
            stdin=requests,
            stdout=self._running,
            stderr=self._errors,
            env={},
            cwd="/",
            start_new_session=True,
        )

    @property
    def limits(self) -> tuple[float, int]:
        """Seconds and bytes."""
        return self._seconds, self._memory_bytes

    @property
    def lives(self) -> bool:
        return self._errors >= 0 and self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer, decoded.  Raises :class:`Died`; then the child is of no more use."""
        os.pwrite(self._running, _RUNNING.pack(0), 0)
        patience_s, self._patience_s = self._patience_s, 0.0
        deadline = time.monotonic() + patience_s + 2 * self._seconds + _SLACK_S
        text = msgspec.json.encode({**request, "seconds": self._seconds})
        try:
            self._socket.settimeout(deadline - time.monotonic())
            self._socket.sendall(_LENGTH.pack(len(text)) + text)
            (length,) = _LENGTH.unpack(self._received(_LENGTH.size, deadline))
            if length > MAX_ANSWER_BYTES:
                raise ValueError(f"it makes more than {MAX_ANSWER_BYTES} bytes of the job")
            return msgspec.json.decode(self._received(length, deadline))
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
            raise self._died(error) from None

    def close(self) -> None:
        """Kill it, if it lives.  May be called twice."""
        if self._errors < 0:
            return
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        self._socket.close()
        for descriptor in (self._errors, self._running):
            os.close(descriptor)
        self._errors = -1

    def _received(self, length: int, deadline: float) -> bytes:
        parts = []
        while length:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            part = self._socket.recv(min(length, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _died(self, error: Exception) -> Died:
        if isinstance(error, EOFError | ConnectionError):
            self._process.wait(_SLACK_S)
        code = self._process.poll()
        (rule,) = _RUNNING.unpack(os.pread(self._running, _RUNNING.size, 0))
        printed = os.pread(self._errors, 1 << 16, 0).decode("utf-8", "replace")
        self.close()
        return Died(self._why(error, code, printed), rule)

    def _why(self, error: Exception, code: int | None, printed: str) -> str:
        if isinstance(error, TimeoutError) or code == -signal.SIGPROF:
            return f"it takes longer than {self._seconds:g} s (setting admission_time)"
        if any(sign in printed for sign in _OUT_OF_MEMORY):
            mebibytes = self._memory_bytes >> 20
            return f"it takes more than {mebibytes} MiB of memory (setting admission_memory)"
        if isinstance(error, ValueError | msgspec.MsgspecError):
            return str(error)
        if code is not None and code < 0:
            return f"it crashes ({signal.Signals(-code).name})"
        return f"its process ended: {' '.join(printed.split())[-300:] or code}"
