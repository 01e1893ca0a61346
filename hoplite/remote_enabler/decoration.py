"""``remotify``: the remote twins of functions and methods.

Imported by whatever module has functions to call remotely, also in the jobs that run them; what
calls are made with is imported at the first call.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any, TypeVar

T = TypeVar("T")

_REFUSED = ("remote_", "async_")
_OURS = "___is_hoplite_remotable___"
"""The mark of what was made here, as in Hoplite 15."""


def remotify(
    module_name: str, functions: Iterable[str] | None = None, add_documentation: bool = True
) -> Callable[[T], T]:
    """Decorate a function or a class with twins that run on a server.

    ``module_name`` is ``__name__``.  A function ``f`` gets ``remote_f(address, ...)`` and
    ``remote_async_f(address, ...)`` in its module, a class the same for each of its methods, static
    and class methods too, or for those that ``functions`` names; but not for those whose names
    begin with two underscores.  What is decorated stays as it is.

    ``add_documentation``: the twins get docstrings that name the original.

    Raises AttributeError for names that begin with ``remote_`` or ``async_``, for twins that would
    take the place of something else, and for ``functions`` that are not there; RuntimeError for what
    is neither a function nor a class.
    """
    wanted = frozenset(functions or ()) or None

    def decorate(decorated: T) -> T:
        if isinstance(decorated, type):
            _decorate_class(decorated, module_name, wanted, add_documentation)
        elif isinstance(decorated, FunctionType):
            _decorate_function(decorated, module_name, add_documentation)
        else:
            name = getattr(decorated, "__name__", repr(decorated))
            raise RuntimeError(
                f"Unable to add remote capabilities to object {name} which is of type "
                f"{type(decorated)}: decorate a function or a class"
            )
        return decorated

    return decorate


class RemoteEnablerMetaClass(type):
    """Makes all methods of a class, and of those that inherit from it, callable remotely.

    .. deprecated:: 15.0.0
       Use :func:`remotify`.
    """

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **more: Any
    ) -> RemoteEnablerMetaClass:
        made = super().__new__(mcs, name, bases, namespace, **more)
        warnings.warn(
            f"{name}: RemoteEnablerMetaClass is deprecated; decorate it with @remotify(__name__)",
            DeprecationWarning,
            stacklevel=2,
        )
        own = frozenset(each for each in namespace if not each.startswith("__"))
        _decorate_class(made, made.__module__, own, True)
        return made


def _decorate_function(function: FunctionType, module_name: str, documented: bool) -> None:
    name = function.__name__
    _check_name(name)
    module = sys.modules[module_name]
    for prefix, make in _MAKERS.items():
        twin = make(_of_module(function, module_name))
        _dress(twin, function, prefix, documented and f"{module_name}.{name}")
        _put(module, prefix + name, twin)


def _decorate_class(
    cls: type, module_name: str, wanted: frozenset[str] | None, documented: bool
) -> None:
    """``wanted`` None: all methods, inherited ones too."""
    missing = sorted(wanted - set(dir(cls))) if wanted else []
    if missing:
        raise AttributeError(f"{cls.__name__} has no {', '.join(missing)} to be made remotable")
    for name, kind, function in _methods(cls):
        if wanted is not None and name not in wanted:
            continue
        _check_name(name)
        for prefix, make in _MAKERS.items():
            inherited = inspect.getattr_static(cls, prefix + name, None)
            if _original(inherited) is function:
                continue
            twin = make(_of_holder(name, function))
            documented_as = documented and f"{module_name}.{cls.__qualname__}.{name}"
            _dress(twin, function, prefix, documented_as, has_holder=kind is FunctionType)
            _put(cls, prefix + name, twin if kind is FunctionType else _OfClass(twin))


def _methods(cls: type) -> Iterator[tuple[str, type, FunctionType]]:
    """Name, kind and function of each method, inherited ones too, that may have twins."""
    for name in dir(cls):
        found = inspect.getattr_static(cls, name, None)
        kind: type = FunctionType
        if isinstance(found, staticmethod | classmethod):
            kind, found = _OfClass, found.__func__
        # Private names are found under others than their functions have.
        if not isinstance(found, FunctionType) or hasattr(found, _OURS):
            continue
        if not name.startswith("__") and not found.__name__.startswith("__"):
            yield name, kind, found


class _OfClass:
    """The twin of a static or class method: called with the class that it is looked up on."""

    def __init__(self, twin: Callable[..., Any]) -> None:
        self.__wrapped__ = twin

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        bound = functools.partial(self.__wrapped__, owner)
        return functools.update_wrapper(bound, self.__wrapped__)


def _original(twin: object) -> object:
    if isinstance(twin, _OfClass):
        twin = twin.__wrapped__
    return getattr(twin, "__wrapped__", None) if hasattr(twin, _OURS) else None


def _check_name(name: str) -> None:
    if name.startswith(_REFUSED):
        raise AttributeError(
            f"Unable to add remote capability to function {name}: function cannot begin with "
            '"remote_" or "async_"'
        )


_Split = Callable[[tuple[Any, ...]], tuple[Any, Any, tuple[Any, ...]]]
"""From the arguments of a twin: the target, the address, and the arguments of the original."""


def _of_module(function: FunctionType, module_name: str) -> _Split:
    def split(args: tuple[Any, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
        from hoplite.remote_enabler.target import Target

        _need_address(args, function.__name__, 1)
        target = Target(module_name, function.__qualname__, function)
        return target, args[0], args[1:]

    return split


def _of_holder(name: str, function: FunctionType) -> _Split:
    def split(args: tuple[Any, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
        from hoplite.remote_enabler.target import Target

        _need_address(args, name, 2)
        holder = args[0]
        cls = holder if isinstance(holder, type) else type(holder)
        return Target(cls.__module__, name, function, holder, True), args[1], args[2:]

    return split


def _need_address(args: tuple[Any, ...], name: str, least: int) -> None:
    if len(args) < least:
        raise TypeError(f"remote_{name} needs the address of a server as its first argument")


def _synchronous(split: _Split) -> Callable[..., Any]:
    def remote_twin(*args: Any, **kwargs: Any) -> Any:
        from hoplite.remote_enabler.calling import call

        target, address, rest = split(args)
        return call(target, address, rest, kwargs)

    return remote_twin


def _asynchronous(split: _Split) -> Callable[..., Any]:
    def remote_twin(*args: Any, **kwargs: Any) -> Any:
        from hoplite.remote_enabler.calling import call_async

        target, address, rest = split(args)
        return call_async(target, address, rest, kwargs)

    return remote_twin


_MAKERS = {"remote_": _synchronous, "remote_async_": _asynchronous}


def _dress(
    twin: Callable[..., Any],
    function: FunctionType,
    prefix: str,
    documented_as: str | bool,
    has_holder: bool = False,
) -> None:
    functools.update_wrapper(twin, function)
    head, _, _ = function.__qualname__.rpartition(".")
    twin.__name__ = prefix + function.__name__
    twin.__qualname__ = f"{head}.{twin.__name__}" if head else twin.__name__
    twin.__doc__ = _documentation(prefix, documented_as) if documented_as else None
    twin.__signature__ = _signature(function, has_holder)  # type: ignore[attr-defined] # read by inspect
    setattr(twin, _OURS, True)


def _signature(function: FunctionType, has_holder: bool) -> inspect.Signature:
    original = inspect.signature(function)
    given = list(original.parameters.values())
    address = inspect.Parameter(
        "remote_machine_address", inspect.Parameter.POSITIONAL_ONLY, annotation="Address"
    )
    at = 1 if has_holder and given else 0
    before = [one.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for one in given[:at]]
    return original.replace(parameters=[*before, address, *given[at:]])


def _documentation(prefix: str, name: str | bool) -> str:
    if prefix == "remote_":
        return (
            f"Call ``{name}`` on the server at ``remote_machine_address`` (the first argument), with "
            "the arguments that follow.\n\nReturns what it returns and raises what it raises; "
            ":class:`~hoplite.exceptions.JobFailedError` if that exception cannot be raised here, "
            "or its process died.  ``remote_timeout`` (seconds): then it is killed, and "
            ":class:`~hoplite.exceptions.TimeoutError` raised."
        )
    return (
        f"Prepare a call of ``{name}`` on the server at ``remote_machine_address`` (the first "
        "argument), with the arguments that follow.\n\nReturns a "
        ":class:`~hoplite.remote_enabler.RemoteAsyncJobWrapper`: ``start()`` it, and ``join()`` "
        "returns what it returns and raises what it raises."
    )


def _put(where: Any, name: str, twin: object) -> None:
    there = inspect.getattr_static(where, name, None)
    if there is not None and _original(there) is None:
        raise AttributeError(f"{where.__name__} has a {name} of its own, which would be lost")
    setattr(where, name, twin)
