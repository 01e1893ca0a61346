"""Fails in the way that ``config["how"]`` names."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from hoplite.exceptions import JobFailedError


class UnprintableError(Exception):
    """Neither str() nor repr() works."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


def run(config: Any, status: Any) -> None:
    """Fail."""
    _WAYS[config["how"]]()


def _value_error() -> None:
    raise ValueError("the value is wrong")


def _chained() -> None:
    try:
        _value_error()
    except ValueError as error:
        raise KeyError("outer") from error


def _unprintable() -> None:
    raise UnprintableError


def _locked() -> None:
    raise LockedError


def _bytes() -> None:
    raise ValueError(b"\xff\xfe")


def _surrogate() -> None:
    raise ValueError("half \udc80 a letter")


def _object() -> None:
    raise ValueError(object(), 2)


def _huge() -> None:
    raise ValueError("x" * 5_000_000)


def _recursion() -> None:
    _recursion()


def _memory() -> None:
    raise MemoryError


def _cycle() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def _nested() -> None:
    inner = {"type": "builtins.TypeError", "message": "inner", "previous_exception": None}
    raise JobFailedError("elsewhere:5000", "some-uuid", None, inner)


def _segmentation() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _keyboard() -> None:
    raise KeyboardInterrupt


def _generator() -> None:
    raise GeneratorExit


def _forked_child_fails() -> None:
    pid = os.fork()
    if pid == 0:
        raise ValueError("in the forked child")
    os.waitpid(pid, 0)


_WAYS: dict[str, Callable[[], object]] = {
    "value_error": _value_error,
    "chained": _chained,
    "unprintable": _unprintable,
    "locked": _locked,
    "bytes": _bytes,
    "surrogate": _surrogate,
    "object": _object,
    "huge": _huge,
    "recursion": _recursion,
    "memory": _memory,
    "cycle": _cycle,
    "nested": _nested,
    "segmentation": _segmentation,
    "kill": _kill,
    "keyboard": _keyboard,
    "generator": _generator,
    "forked_child_fails": _forked_child_fails,
    "exit_0": lambda: sys.exit(0),
    "exit_none": sys.exit,
    "exit_7": lambda: sys.exit(7),
    "exit_text": lambda: sys.exit("it went wrong"),
    "os_exit_9": lambda: os._exit(9),
    "os_exit_0": lambda: os._exit(0),
}
