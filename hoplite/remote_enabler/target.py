"""What is to be called, in a form that can travel."""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any, Literal

from hoplite.exceptions import RemoteCallError
from hoplite.remote_enabler import envelope

FUNCTION_PLUGIN = "hoplite.plugins.remote_enabler_module_job"
METHOD_PLUGIN = "hoplite.plugins.remote_enabler_job"


@dataclass(frozen=True)
class Target:
    """``function`` is the ``name`` of the module, or of ``holder``: an instance or a class."""

    module_name: str
    name: str
    function: Callable[..., Any]
    holder: Any = None
    of_holder: bool = False

    @property
    def plugin(self) -> str:
        return METHOD_PLUGIN if self.of_holder else FUNCTION_PLUGIN

    @property
    def kind(self) -> Literal["method", "function", "value"]:
        """``value``: the module over there would not have it, so it travels itself."""
        if self.of_holder:
            return "method"
        return "function" if self._is_found() else "value"

    def _is_found(self) -> bool:
        module = sys.modules.get(self.module_name)
        if module is None or self.module_name == "__main__":
            return False
        try:
            found = operator.attrgetter(self.name)(module)
        except AttributeError:
            return False
        return found is self.function or inspect.unwrap(found) is self.function


def target_of(function: Callable[..., Any]) -> Target:
    """Of a function, or of a method of an instance or a class.  Raises TypeError."""
    if isinstance(function, MethodType):
        inner: Any = function.__func__
        return Target(_module_of(inner), inner.__name__, function, function.__self__, True)
    if isinstance(function, FunctionType):
        return Target(_module_of(function), function.__qualname__, function)
    raise TypeError(f"{function!r} is neither a function nor a method written in Python")


def _module_of(function: FunctionType) -> str:
    # What was made by exec() may be of none.
    return function.__module__ or "__main__"


def refuse_unfinished(target: Target) -> None:
    """Raises RemoteCallError for what would return something that cannot leave its process."""
    function = inspect.unwrap(target.function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        what = "a generator, which lives in the process that made it: have it return a list"
    elif inspect.iscoroutinefunction(function):
        what = "a coroutine, which lives in the process that made it: make it a plain function"
    else:
        return
    raise RemoteCallError(f"{target.name} cannot be called remotely: it returns {what}")


@dataclass(frozen=True)
class Prepared:
    """A call as a job: its config, and the arguments if they are too large for it."""

    plugin: str
    config: dict[str, Any]
    argument_file: bytes | None


def prepare(
    target: Target, args: tuple[Any, ...], kwargs: Mapping[str, Any], by_json: bool
) -> Prepared:
    """Raises RemoteCallError."""
    refuse_unfinished(target)
    holder = target.function if target.kind == "value" else target.holder
    head, data = envelope.packed(
        (holder, args, dict(kwargs)), f"the arguments of {target.name}, or what it is called on,"
    )
    config = {
        **head,
        "package": envelope.package_of(target.module_name),
        "kind": target.kind,
        # What travels itself needs no module of its own over there.
        "module_name": "__main__" if target.kind == "value" else target.module_name,
        "function_name": target.name,
        "answer": envelope.JSON if by_json else envelope.PICKLE,
    }
    if len(data) > envelope.INLINE_BYTES:
        return _by_file(target.plugin, config, data)
    return Prepared(target.plugin, {**config, "data": envelope.as_text(data)}, None)


def by_file(prepared: Prepared) -> Prepared:
    """The same call, with its arguments beside the config."""
    data = envelope.from_text(prepared.config["data"])
    config = {key: value for key, value in prepared.config.items() if key != "data"}
    return _by_file(prepared.plugin, config, data)


def _by_file(plugin: str, config: dict[str, Any], data: bytes) -> Prepared:
    return Prepared(plugin, {**config, "input": envelope.digest(data)}, data)
