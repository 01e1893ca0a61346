"""What goes there comes back as it was."""

from __future__ import annotations

import datetime
import decimal
import os
import subprocess
import sys
from typing import Any

import pytest

from hoplite.exceptions import RemoteCallError
from hoplite.remote_enabler import Server, remote
from tests.remotify import calls
from tests.server.process import ServerProcess

MODULE: Any = calls
"""The same, with the functions that remotify has put there."""


@pytest.mark.parametrize(
    "value",
    [
        None,
        (),
        (1,),
        ("All", 4, 1.11),
        [],
        [[]],
        {"a": (1, 2)},
        {1: {2}},
        b"\0\xff",
        "\ud800 and __main__",
        float("inf"),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 678),
        decimal.Decimal("1.10"),
        KeyError("returned, not raised"),
    ],
    ids=repr,
)
def test_every_value_comes_back(address: str, value: object) -> None:
    back = MODULE.remote_give_back(address, value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_keywords_and_defaults(address: str) -> None:
    assert MODULE.remote_add(address, 1) == 2
    assert MODULE.remote_add(address, one=1, other=2) == 3
    assert MODULE.remote_give_back(address, 1, address=2) == ((1,), {"address": 2})


def test_it_runs_in_a_process_of_a_job(address: str, calls_server: ServerProcess) -> None:
    pid, uuid = MODULE.remote_where(address)
    assert pid != os.getpid()
    assert calls_server.job(uuid)["plugin_name"] == "hoplite.plugins.remote_enabler_module_job"


def test_methods_of_every_kind(address: str) -> None:
    counter: Any = calls.Counter(5)
    assert counter.remote_plus(address, 3) == 8
    assert counter.remote_double(address, 4) == 8
    cls: Any = calls.Counter
    assert cls.remote_double(address, 4) == 8
    assert cls.remote_stepped(address, 1) == "Counter 11"
    assert counter.remote_stepped(address, 1) == "Counter 11"
    assert counter.remote__private(address) == "private"
    assert counter.remote_seen(address) == "hidden"


def test_the_instance_here_does_not_change(address: str) -> None:
    counter: Any = calls.Counter(5)
    assert counter.remote_set(address, 9) == 9
    assert counter.value == 5


def test_an_inherited_call_is_that_of_the_child(address: str) -> None:
    child: Any = calls.PlainChild(2)
    assert child.remote_plus(address, 1) == -3
    cls: Any = calls.PlainChild
    assert cls.remote_stepped(address, 1) == "PlainChild 101"
    own: Any = calls.Child(3)
    assert own.remote_own(address) == "own 3"
    assert own.remote_inherited(address) == "inherited by Child"
    sibling: Any = calls.Sibling()
    assert sibling.remote_inherited(address) == "inherited by Sibling"


@pytest.mark.parametrize("size", [60_000, 70_000, 3_000_000])
def test_sizes_about_the_limits_of_status_and_config(address: str, size: int) -> None:
    data = os.urandom(size)
    assert MODULE.remote_give_back(address, data) == data


def test_a_server_that_takes_small_configs_only(start_server: Any) -> None:
    server: ServerProcess = start_server("--max-config-bytes", "1000", "--max-status-bytes", "1000")
    address = server.url.removeprefix("http://")
    assert MODULE.remote_give_back(address, bytes(10_000)) == bytes(10_000)
    call = MODULE.remote_async_length(address, bytes(10_000))
    call.start()
    assert call.join() == 10_000


@pytest.mark.timeout(120)
def test_fifty_megabytes_there_and_back(address: str) -> None:
    size = 50_000_000
    assert MODULE.remote_length(address, bytes(size)) == size
    assert len(MODULE.remote_large(address, size)) == size


def test_what_pickle_cannot_goes_by_cloudpickle(address: str) -> None:
    assert MODULE.remote_give_back(address, lambda x: x + 1)(1) == 2
    assert MODULE.remote_a_lambda(address)(2) == 3


def test_what_nothing_pickles_is_refused_here(address: str) -> None:
    with pytest.raises(RemoteCallError, match="the arguments of give_back.*cannot be pickled: Typ"):
        MODULE.remote_give_back(address, calls.Opaque())


def test_a_result_that_nothing_pickles_is_named(address: str) -> None:
    with pytest.raises(RemoteCallError, match="the result cannot be pickled: TypeError: opaque"):
        MODULE.remote_opaque(address)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a_generator", "a_generator returned a generator"),
        ("generating", "generating cannot be called remotely: it returns a generator"),
        ("streaming", "streaming cannot be called remotely: it returns a generator"),
        ("awaited", "awaited cannot be called remotely: it returns a coroutine"),
    ],
)
def test_what_is_not_finished_is_refused(address: str, name: str, words: str) -> None:
    with pytest.raises(RemoteCallError, match=words):
        getattr(MODULE, f"remote_{name}")(address)


def test_a_server_is_called_too(calls_server: ServerProcess) -> None:
    server = Server(calls_server.url)
    try:
        assert MODULE.remote_add(server, 2) == 3
        assert remote(calls.add)(server, 2, other=2) == 4
        assert remote(calls.Counter(1).plus)(server, 2) == 3
        assert remote(calls.Counter.plus)(server, calls.Counter(1), 2) == 3
    finally:
        server.close()


def test_functions_of_a_script_travel_themselves(address: str) -> None:
    script = f"""
from hoplite import remotify

FACTOR = 3

class Point:
    def __init__(self, x):
        self.x = x

@remotify(__name__)
def scaled(point):
    return Point(point.x * FACTOR)

@remotify(__name__)
class Shop:
    def price(self, number):
        return number * FACTOR

if __name__ == "__main__":
    back = remote_scaled({address!r}, Point(2))
    assert isinstance(back, Point)
    print(back.x, Shop().remote_price({address!r}, 4))
"""
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "6 12\n"), done.stderr


def test_a_function_within_a_function_travels_itself(address: str) -> None:
    factor = 7

    def times(number: int) -> int:
        return number * factor

    assert remote(times)(address, 6) == 42


def test_the_address_is_needed(address: str) -> None:
    with pytest.raises(TypeError, match="remote_add needs the address"):
        MODULE.remote_add()
    with pytest.raises(TypeError, match="is the address of a server, not int"):
        MODULE.remote_add(1, 2)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'one'"):
        MODULE.remote_add(address)
