"""An exception as plain JSON, whatever it is: the value of ``status["exception"]``.

``{"type", "message", "traceback": {"text", "frames": [{"file", "line", "function", "source"}]},
"previous_exception"}``; ``previous_exception`` is the record of what it was raised from or during,
or None.  For a :class:`~hoplite.exceptions.JobFailedError` it is the record of the job that failed,
with that job's ``address`` and ``uuid``.
"""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from hoplite.exceptions import JobFailedError

TEXT_LIMIT = 64 * 1024
_FRAMES_LIMIT = 200
_SOURCE_LIMIT = 500
_CHAIN_LIMIT = 20
_NESTING_LIMIT = 40

Record = dict[str, Any]


def exception_record(error: BaseException, *, own_file: str = "") -> Record:
    """The record of ``error``; never raises.  Leading frames of ``own_file`` are left out."""
    try:
        return _record(error, own_file, [])
    except BaseException:  # noqa: B902, BLE001 - the exception itself may misbehave in any way
        return _bare(error)


def _record(error: BaseException, own_file: str, seen: list[BaseException]) -> Record:
    tb = _without_own_frames(error.__traceback__, own_file)
    lines = traceback.format_exception(type(error), error, tb, chain=not seen)
    return {
        "type": _type_name(type(error)),
        "message": _message(error),
        "traceback": {"text": _bounded("".join(lines)), "frames": _frames(tb)},
        "previous_exception": _previous(error, own_file, [*seen, error]),
    }


def _previous(error: BaseException, own_file: str, seen: list[BaseException]) -> Record | None:
    if isinstance(error, JobFailedError):
        return _nested(error)
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    if cause is None or len(seen) >= _CHAIN_LIMIT or any(cause is one for one in seen):
        return None
    return _record(cause, own_file, seen)


def _nested(error: JobFailedError) -> Record:
    told = _plain(error.previous_exception, _NESTING_LIMIT)
    record = told if isinstance(told, dict) else {"type": None, "message": told}
    return {**record, "address": _plain(error.addr, 2), "uuid": _plain(error.uuid, 2)}


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, dict) and depth:
        return {_bounded(str(key)): _plain(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_plain(one, depth - 1) for one in value]
    return _bounded(value if isinstance(value, str) else _safe_repr(value))


def _type_name(cls: type[BaseException]) -> str:
    name = _bounded(str(cls.__qualname__))
    return name if cls.__module__ == "builtins" else f"{_bounded(str(cls.__module__))}.{name}"


def _message(error: BaseException) -> str:
    try:
        return _bounded(str(error))
    except BaseException as failure:  # noqa: B902, BLE001 - __str__ is the plugin's code
        return f"<str() of the exception failed: {type(failure).__name__}; args: {_args(error)}>"


def _args(error: BaseException) -> str:
    return _safe_repr(getattr(error, "args", ()))


def _safe_repr(value: object) -> str:
    try:
        return _bounded(repr(value))
    except BaseException:  # noqa: B902, BLE001 - __repr__ is the plugin's code
        return f"<{type(value).__name__} whose repr() failed>"


def _bounded(text: str) -> str:
    """``text`` as encodable UTF-8 of a bounded size, its middle left out if it is too long."""
    if len(text) > TEXT_LIMIT:
        half = TEXT_LIMIT // 2
        cut = len(text) - 2 * half
        text = f"{text[:half]}\n... {cut} characters left out ...\n{text[-half:]}"
    return str.encode(text, "utf-8", "backslashreplace").decode()


def _frames(tb: TracebackType | None) -> list[Record]:
    return [
        {
            "file": _bounded(frame.filename),
            "line": frame.lineno,
            "function": _bounded(frame.name),
            "source": _bounded(frame.line or "")[:_SOURCE_LIMIT],
        }
        for frame in traceback.extract_tb(tb, limit=-_FRAMES_LIMIT)
    ]


def _without_own_frames(tb: TracebackType | None, own_file: str) -> TracebackType | None:
    while tb is not None and tb.tb_frame.f_code.co_filename == own_file:
        tb = tb.tb_next
    return tb


def _bare(error: BaseException) -> Record:
    return {
        "type": type.__getattribute__(type(error), "__name__"),
        "message": "<the exception could not be recorded>",
        "traceback": {"text": "", "frames": []},
        "previous_exception": None,
    }
