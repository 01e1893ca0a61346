"""The far side of a remote call: what the job does."""

from __future__ import annotations

import importlib
import inspect
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hoplite.exceptions import InvalidFieldError, RemoteCallError
from hoplite.remote_enabler import envelope, reporting

RETURNED, RAISED = "return_values", "raised"
"""Where in the status the answer is."""


class Status(Protocol):
    """The part of a job's status that is needed."""

    def update(self, status: Mapping[str, Any]) -> None: ...

    def update_at_end(self, status: Mapping[str, Any]) -> None: ...

    def write_result(self, data: bytes) -> None: ...

    def read_input(self) -> bytes: ...


def perform(
    config: Mapping[str, Any], status: Status, ready: Callable[[], None] = lambda: None
) -> None:
    """Make the call that ``config`` tells, and leave what it returned or raised in the status.

    ``ready`` is called before the function is.  ``config`` was pickled by whoever created the job, who may run any code as a job anyway.
    """
    by_json = config.get("answer") == envelope.JSON
    try:
        function, args, kwargs = _call(config, status)
        ready()
        with reporting.to(status):
            value = function(*args, **kwargs)
        _refuse_unfinished(function, value)
        answer, data = _answer(value, by_json)
    except Exception as error:
        status.update_at_end({RAISED: _raised(error, by_json)})
        raise
    if data is not None:
        status.write_result(data)
    status.update_at_end({RETURNED: answer})


def _call(
    config: Mapping[str, Any], status: Status
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    envelope.check_versions(config)
    module_name, name = _text(config, "module_name"), _text(config, "function_name")
    module = None if module_name == "__main__" else _imported(module_name)
    data = status.read_input() if "input" in config else envelope.from_text(config.get("data"))
    if "input" in config and envelope.digest(data) != config["input"]:
        raise RemoteCallError("the arguments did not come whole: the input file is another")
    holder, args, kwargs = envelope.unpacked(config, data, "the arguments")
    if config.get("kind") == "value":
        return holder, args, kwargs
    where = module if config.get("kind") == "function" else holder
    return _attribute(where, name, module_name), args, kwargs


def _text(config: Mapping[str, Any], field: str) -> str:
    value = config.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidFieldError(
            f"config.{field} must be a name: this plugin is for calls by remotify",
            field=f"config.{field}",
        )
    return value


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise RemoteCallError(
            f"the module {name!r} cannot be imported by the server's Python ({sys.executable}): "
            f"{type(error).__name__}: {error}; install its package there too, and PUT /reload"
        ) from error


def _attribute(where: Any, path: str, module_name: str) -> Callable[..., Any]:
    found = where
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise RemoteCallError(
                f"{module_name!r} has no {path!r} on the server: is it the same version there?"
            ) from error
    return found  # type: ignore[no-any-return] # whatever it is, it is called


def have_logs_seen() -> None:
    """In a job: what the function logs goes to the job's log, unless its module has set up
    something else by now."""
    logging = sys.modules.get("logging")
    if logging is not None and not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


def _refuse_unfinished(function: Callable[..., Any], value: object) -> None:
    if inspect.isgenerator(value):
        kind = "a generator"
    elif inspect.isasyncgen(value):
        kind = "an asynchronous generator"
    elif inspect.iscoroutine(value):
        value.close()
        kind = "a coroutine"
    else:
        return
    raise RemoteCallError(
        f"{getattr(function, '__qualname__', function)} returned {kind}, which lives in the "
        "process that made it: have it return what comes of it, such as a list"
    )


def _answer(value: object, by_json: bool) -> tuple[dict[str, Any], bytes | None]:
    """The answer for the status, and what goes into the result file because it is large."""
    if by_json:
        envelope.check_json(value)
        head: dict[str, Any] = {"remotify": envelope.VERSION, "codec": envelope.JSON}
        data = envelope.json_of(value)
    else:
        head, data = envelope.packed(value, "the result")
    if len(data) > envelope.INLINE_BYTES:
        return {**head, "file": envelope.digest(data)}, data
    return {**head, "data": envelope.as_text(data)}, None


def _raised(error: Exception, by_json: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"remotify": envelope.VERSION, "python": envelope.python_version()}
    told["args"] = _plain_arguments(error)
    told["type"] = f"{type(error).__module__}.{type(error).__qualname__}"
    data = None if by_json else _pickled(error)
    if data is not None:
        told |= {"codec": envelope.PICKLE, "data": envelope.as_text(data)}
    return told


def _plain_arguments(error: Exception) -> list[Any] | None:
    """None if they are no JSON, or too large for a status."""
    args = list(error.args)
    try:
        envelope.check_json(args)
        text = envelope.json_of(args)
    except (RemoteCallError, RecursionError):
        return None
    return args if len(text) <= envelope.INLINE_BYTES else None


def _pickled(error: Exception) -> bytes | None:
    """None if it would not come out as it went in.  Not by cloudpickle: nobody could catch an
    exception of a class that comes with it."""
    try:
        data = pickle.dumps(error, protocol=5)
        back = pickle.loads(data)
    except Exception:  # noqa: BLE001 - its __reduce__ and __init__ are anybody's code
        return None
    # Several times the size of what fits into a status is no message.
    return data if type(back) is type(error) and len(data) <= 4 * envelope.INLINE_BYTES else None
