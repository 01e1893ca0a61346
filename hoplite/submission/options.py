"""The long options of OAR's ``oarsub``, which are the keys of a submission."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError

MAX_TEXT = 10_000
"""Characters of an option that is neither a command, a script nor a file of parameters."""
NO_INTERACTIVE = "The API cannot manage interactive jobs"

_LARGEST = 2**53 - 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,16}\s*", re.ASCII)
_FALSE = frozenset({"0", "no", "false", "off"})
_ALIASES = {"resources": "resource", "types": "type", "properties": "property"}
_IGNORED = frozenset({"dumper", "xml", "yaml", "json", "help", "version"})
_HINTS = {"walltime": "it belongs into resource: /core=1,walltime=1:30:00"}


class Options(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What is asked for; what is not said is None, empty or False."""

    resource: tuple[str, ...] = ()
    """Several make the job moldable."""
    command: str | None = None
    script: str | None = None
    """The text of a program."""
    script_path: str | None = None
    scanscript: bool = False
    param_file: str | None = None
    """The text of a file of parameters, one job of an array a line."""
    array_param_file: str | None = None
    array: int | None = None
    workdir: str | None = None
    directory: str | None = None
    name: str | None = None
    project: str | None = None
    queue: str | None = None
    property: str | None = None
    type: tuple[str, ...] = ()
    reservation: str | None = None
    checkpoint: int | None = None
    signal: int | None = None
    anterior: tuple[int, ...] = ()
    success_only: bool = False
    notify: str | None = None
    resubmit: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    hold: bool = False
    use_job_key: bool = False
    import_job_key_from_file: str | None = None
    import_job_key_inline: str | None = None
    import_job_key_inline_priv: str | None = None
    export_job_key_to_file: str | None = None
    plugin: str | None = None
    config: dict[str, Any] | None = None
    dry_run: bool = False


def canonical(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` by the options' own names, without those that say nothing.

    Raises :class:`~hoplite.exceptions.InvalidFieldError` for options that are unknown, refused or
    given twice.
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = key.replace("_", "-")
        name = _ALIASES.get(name, name)
        if name in _IGNORED:
            continue
        _check_known(name, key)
        if value is None or (value in ("", []) and _READERS.get(name) is not _toggle):
            continue
        if name in ("interactive", "connect"):
            if name == "connect" or _toggle(name, value):
                raise InvalidFieldError(NO_INTERACTIVE, field=name)
            continue
        if name in _GONE:
            raise InvalidFieldError(f"{key}: {_GONE[name]}", field=key)
        if name in found:
            raise InvalidFieldError(f"{key}: {name} is given twice", field=key)
        found[name] = value
    return found


def read_options(given: Mapping[str, Any]) -> Options:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError`, which names the option."""
    values = {name: _READERS[name](name, value) for name, value in canonical(given).items()}
    return Options(**{name.replace("-", "_"): value for name, value in values.items()})


def _check_known(name: str, key: str) -> None:
    if name in _READERS or name in _GONE or name in ("interactive", "connect"):
        return
    near = get_close_matches(name[:63], _READERS, n=2)
    hint = _HINTS.get(name) or (near and f"did you mean {' or '.join(near)}?")
    raise InvalidFieldError(
        f"{key[:100]}: Unknown option: {key[:100]}"
        + (f"; {hint}" if hint else "; right are the long options of oarsub"),
        field=key,
    )


_GONE = dict.fromkeys(("stagein", "stagein-md5sum"), "desktop computing is not offered here")


def _text(name: str, value: Any) -> str:
    return _bounded(name, value, MAX_TEXT)


def _long_text(name: str, value: Any) -> str:
    return _bounded(name, value, None)


def _bounded(name: str, value: Any, longest: int | None) -> str:
    value = _single(name, value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    if "\0" in value:
        raise InvalidFieldError(f"{name}: it holds a NUL character", field=name)
    if longest is not None and len(value) > longest:
        raise InvalidFieldError(
            f"{name}: {len(value)} characters; at most {longest} are taken", field=name
        )
    return value


def _line(name: str, value: Any) -> str:
    text = _text(name, value)
    if not text.isprintable():
        raise InvalidFieldError(f"{name}: only printable characters are taken", field=name)
    return text


def _texts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(name, each) for each in _several(name, value) if each not in ("", None))


def _number(name: str, value: Any) -> int:
    value = _single(name, value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise _wrong(name, "a whole number", value)
    return value


def _ids(name: str, value: Any) -> tuple[int, ...]:
    found = [_number(name, each) for each in _several(name, value) if each not in ("", None)]
    if any(each < 1 for each in found):
        raise InvalidFieldError(f"{name}: the id of a job is a number from 1 on", field=name)
    return tuple(dict.fromkeys(found))


def _id(name: str, value: Any) -> int:
    return _ids(name, _single(name, value))[0]


def _toggle(name: str, value: Any) -> bool:
    """As with OAR, what is there is on, unless it says 0; an empty value is a bare flag."""
    value = _single(name, value)
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    if isinstance(value, bool | int):
        return bool(value)
    raise _wrong(name, "1 or 0", value)


def _object(name: str, value: Any) -> dict[str, Any]:
    value = _single(name, value)
    if isinstance(value, str):
        # In a form all values are text.
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise _wrong(name, "a hash, or the JSON of one", value) from None
    if not isinstance(value, dict):
        raise _wrong(name, "a hash", value)
    return value


def _single(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise InvalidFieldError(f"{name}: one value is taken, not {len(value)}", field=name)
    return value[0]


def _several(name: str, value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    if len(found) > 1000:
        raise InvalidFieldError(f"{name}: {len(found)} values; at most 1000 are taken", field=name)
    return found


def _wrong(name: str, wanted: str, value: Any) -> InvalidFieldError:
    shown = (
        repr(value)[:60] if isinstance(value, str | int | float | None) else type(value).__name__
    )
    return InvalidFieldError(f"{name}: expected {wanted}, got {shown}", field=name)


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "resource": _texts,
    "command": _long_text,
    "script": _long_text,
    "script-path": _line,
    "scanscript": _toggle,
    "param-file": _long_text,
    "array-param-file": _line,
    "array": _number,
    "workdir": _line,
    "directory": _line,
    "name": _line,
    "project": _line,
    "queue": _line,
    "property": _text,
    "type": _texts,
    "reservation": _line,
    "checkpoint": _number,
    "signal": _number,
    "anterior": _ids,
    "success-only": _toggle,
    "notify": _line,
    "resubmit": _id,
    "stdout": _line,
    "stderr": _line,
    "hold": _toggle,
    "use-job-key": _toggle,
    "import-job-key-from-file": _line,
    "import-job-key-inline": _text,
    "import-job-key-inline-priv": _text,
    "export-job-key-to-file": _line,
    "plugin": _line,
    "config": _object,
    "dry-run": _toggle,
}
