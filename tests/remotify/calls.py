"""Functions and classes that the tests call remotely; the server's jobs import this too."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from hoplite import remotify
from hoplite.remote_enabler import report_progress


class TwoPartsError(Exception):
    """Takes two arguments, and pickles."""

    def __init__(self, part: str, number: int) -> None:
        super().__init__(part, number)
        self.part = part
        self.number = number


class ClumsyError(Exception):
    """Cannot be unpickled: its arguments are not those of its ``__init__``."""

    def __init__(self, part: str, number: int) -> None:
        super().__init__(f"{part} {number}")


class Opaque:
    """Nothing pickles it."""

    def __reduce__(self) -> Any:
        raise TypeError("opaque")


@remotify(__name__)
def give_back(*args: Any, **kwargs: Any) -> Any:
    """What it is given: one argument as it is, else all of them."""
    return args[0] if len(args) == 1 and not kwargs else (args, kwargs)


@remotify(__name__)
def nothing() -> None:
    pass


@remotify(__name__)
def add(one: int, other: int = 1) -> int:
    return one + other


@remotify(__name__)
def where() -> tuple[int, str]:
    return os.getpid(), os.environ["HOPLITE_JOB_UUID"]


def _deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


@remotify(__name__)
def fail(how: str) -> None:
    errors: dict[str, Exception] = {
        "two parts": TwoPartsError("left", 2),
        "clumsy": ClumsyError("left", 2),
        "key": KeyError("missing"),
        "os": FileNotFoundError(2, "No such file or directory", "/nowhere"),
        "timeout": TimeoutError("of its own"),
    }
    if how == "huge":
        raise ValueError("x" * 40_000_000)
    if how == "deep":
        raise ValueError(_deep(100_000))
    if how == "local class":

        class LocalError(Exception):
            pass

        raise LocalError("nobody can catch it")
    if how == "chained":
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    raise errors[how]


@remotify(__name__)
def die(how: str) -> None:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "os exit":
        os._exit(0)
    sys.exit(int(how))


@remotify(__name__)
def sleep(seconds: float, started: str = "") -> str:
    if started:
        Path(started).write_text(str(os.getpid()))
    time.sleep(seconds)
    return "slept"


@remotify(__name__)
def wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.01)
    return Path(path).read_text()


@remotify(__name__)
def talk() -> str:
    print("printed")
    logging.getLogger("a.part").info("logged")
    report_progress(1, 2, "half")
    thread = threading.Thread(target=report_progress, args=(2, 2, "whole"))
    thread.start()
    thread.join()
    return "talked"


@remotify(__name__)
def large(size: int) -> bytes:
    return b"x" * size


@remotify(__name__)
def length(data: bytes) -> int:
    return len(data)


@remotify(__name__)
def opaque() -> Opaque:
    return Opaque()


@remotify(__name__)
def a_generator() -> Any:
    return (n for n in range(3))


@remotify(__name__)
def generating() -> Iterator[int]:
    yield 1


@remotify(__name__)
async def awaited() -> None:
    pass


@remotify(__name__)
async def streaming() -> AsyncIterator[int]:
    yield 1


@remotify(__name__)
def a_lambda() -> Any:
    return lambda x: x + 1


@remotify(__name__)
def nested(address: str, how: str) -> None:
    """Fails of a remote call of its own."""
    remote_fail(address, how)  # type: ignore[name-defined] # noqa: F821 - remotify makes it


class Plain:
    """A parent that is not decorated."""

    def inherited(self) -> str:
        return f"inherited by {type(self).__name__}"


@remotify(__name__)
class Counter(Plain):
    """Has methods of every kind."""

    step = 10

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def plus(self, other: int) -> int:
        """The sum."""
        return self.value + other

    def set(self, value: int) -> int:
        self.value = value
        return self.value

    @staticmethod
    def double(number: int) -> int:
        return 2 * number

    @classmethod
    def stepped(cls, number: int) -> str:
        return f"{cls.__name__} {number + cls.step}"

    def _private(self) -> str:
        return "private"

    def __hidden(self) -> str:
        return "hidden"

    def seen(self) -> str:
        return self.__hidden()

    @property
    def size(self) -> int:
        return self.value


class PlainChild(Counter):
    """Inherits what its parent has, and has methods of its own that are not remotable."""

    step = 100

    def plus(self, other: int) -> int:
        return -super().plus(other)

    def own(self) -> None:
        pass


@remotify(__name__)
class Child(Counter):
    """Decorated like its parent."""

    def own(self) -> str:
        return f"own {self.value}"


@remotify(__name__)
class Sibling(Plain):
    """Another decorated child of the plain parent."""


@remotify(__name__, functions=["one"])
class Chosen:
    """Only one method is remotable."""

    def one(self) -> int:
        return 1

    def two(self) -> int:
        return 2
