"""Who gets remote twins, and what they are like.  Nothing is called."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any

import pytest

import hoplite
import hoplite.remote_enabler
from hoplite.remote_enabler import RemoteEnablerMetaClass, remotify
from tests.remotify import calls


def twins(cls: type) -> set[str]:
    """The methods that have both twins; fails if one has only one."""
    both = {n[13:] for n in dir(cls) if n.startswith("remote_async_")}
    one = {n[7:] for n in dir(cls) if n.startswith("remote_") and not n.startswith("remote_async_")}
    assert both == one
    return both


OF_COUNTER = {"plus", "set", "double", "stepped", "_private", "seen", "inherited"}


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (calls.Counter, OF_COUNTER),
        (calls.PlainChild, OF_COUNTER),
        (calls.Child, OF_COUNTER | {"own"}),
        (calls.Plain, set()),
        (calls.Sibling, {"inherited"}),
        (calls.Chosen, {"one"}),
    ],
)
def test_which_methods_have_twins(cls: type, names: set[str]) -> None:
    assert twins(cls) == names


def test_each_method_is_made_remotable_once() -> None:
    assert "remote_plus" not in vars(calls.Child)
    assert "remote_inherited" not in vars(calls.Child)
    assert "remote_own" in vars(calls.Child)


def test_what_is_decorated_stays_as_it_is() -> None:
    def add(one: int) -> int:
        return one

    module = types.ModuleType("a_module")
    sys.modules["a_module"] = module
    try:
        assert remotify("a_module")(add) is add
        assert set(vars(module)) >= {"remote_add", "remote_async_add"}
        assert remotify("a_module")(calls.Chosen) is calls.Chosen
        assert add(1) == 1
    finally:
        del sys.modules["a_module"]


def test_twins_are_called_like_themselves_and_say_what_they_call() -> None:
    module: Any = calls
    twin = module.remote_add
    assert twin.__name__ == twin.__qualname__ == "remote_add"
    assert twin.__module__ == calls.__name__
    assert "Call ``tests.remotify.calls.add``" in twin.__doc__
    assert "RemoteAsyncJobWrapper" in module.remote_async_add.__doc__
    assert str(inspect.signature(twin)).startswith(
        "(remote_machine_address: 'Address', /, one: 'int'"
    )
    method = module.Counter.remote_plus
    assert method.__qualname__ == "Counter.remote_plus"
    assert "``tests.remotify.calls.Counter.plus``" in method.__doc__
    assert list(inspect.signature(method).parameters) == ["self", "remote_machine_address", "other"]
    static = module.Counter.remote_double
    assert static.__name__ == "remote_double"
    assert "Counter.double" in static.__doc__


def test_documentation_can_be_left_out() -> None:
    @remotify(__name__, add_documentation=False)
    class Bare:
        def work(self) -> None:
            """Documented."""

    made: Any = Bare
    assert made.remote_work.__doc__ is None
    assert made.remote_async_work.__doc__ is None
    assert Bare.work.__doc__ == "Documented."


@pytest.mark.parametrize("name", ["remote_x", "async_x", "remote_async_x"])
def test_names_that_are_refused(name: str) -> None:
    words = f"Unable to add remote capability to function {name}: function cannot begin with"
    with pytest.raises(AttributeError, match=words):
        remotify(__name__)(type("Cls", (), {name: types.FunctionType(_code(), {}, name)}))
    with pytest.raises(AttributeError, match=words):
        remotify(__name__)(types.FunctionType(_code(), {}, name))


def _code() -> types.CodeType:
    return (lambda self: None).__code__


@pytest.mark.parametrize("thing", [1, None, len, "text", functools.partial(len)], ids=str)
def test_what_is_neither_a_function_nor_a_class(thing: object) -> None:
    with pytest.raises(
        RuntimeError, match="Unable to add remote capabilities to object .* of type"
    ):
        remotify(__name__)(thing)


def test_a_name_of_functions_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="Cls has no tow to be made remotable"):
        remotify(__name__, ["one", "tow"])(type("Cls", (), {"one": _code}))


def test_nothing_is_overwritten() -> None:
    namespace = {"work": types.FunctionType(_code(), {}, "work"), "remote_work": 5}
    with pytest.raises(AttributeError, match="Cls has a remote_work of its own"):
        remotify(__name__)(type("Cls", (), namespace))


def test_the_metaclass_is_deprecated_and_does_what_it_did() -> None:
    with pytest.warns(DeprecationWarning, match="decorate it with @remotify"):

        class Parent(metaclass=RemoteEnablerMetaClass):
            def one(self) -> None: ...

    with pytest.warns(DeprecationWarning, match="Below: "):

        class Below(Parent, calls.Plain):
            def two(self) -> None:
                super().__init__()  # which leaves a __classcell__ in the namespace

    assert twins(Parent) == {"one"}
    assert twins(Below) == {"one", "two"}, "and not those of a plain parent"
    with pytest.warns(DeprecationWarning, match="Bare: "):

        class Bare(calls.Plain, metaclass=RemoteEnablerMetaClass):
            pass

    assert twins(Bare) == set()


@pytest.mark.parametrize("name", hoplite.remote_enabler.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(hoplite.remote_enabler, name) is not None
    assert name in dir(hoplite.remote_enabler)


def test_the_names_of_hoplite_15() -> None:
    assert hoplite.remotify is hoplite.remote_enabler.remotify
    with pytest.raises(AttributeError):
        getattr(hoplite.remote_enabler, "no_such_name")  # noqa: B009 - mypy knows that there is none
