"""``#OAR`` lines in scripts: the options of ``oarsub`` where the script itself gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError

_DIRECTIVE = re.compile(r"#OAR\s+(?:--(?P<long>[A-Za-z][\w-]*)|-(?P<short>[A-Za-z]))(?P<rest>.*)")
_SHORT = {
    "l": "resource", "q": "queue", "p": "property", "r": "reservation", "t": "type",
    "d": "directory", "n": "name", "a": "anterior", "k": "use-job-key",
    "i": "import-job-key-from-file", "e": "export-job-key-to-file", "O": "stdout", "E": "stderr",
    "s": "stagein", "I": "interactive", "C": "connect",
}  # fmt: skip
_FLAGS = frozenset({"hold", "use-job-key", "interactive", "success-only"})
_ACCUMULATE = ("resource", "type", "anterior")
_NOT_IN_SCRIPTS = frozenset(
    {"command", "script", "script-path", "scanscript", "param-file", "workdir", "plugin", "config"}
    | {"dry-run", "resubmit"}
)


class Scanned(msgspec.Struct, frozen=True):
    """The options of a submission together with those of its script."""

    options: dict[str, Any]
    warnings: tuple[str, ...]


def read_directives(script: str) -> dict[str, list[str]]:
    """The values of each option in their order; that of a flag is empty.

    Raises :class:`~hoplite.exceptions.InvalidFieldError` for a script whose first line does not
    begin with ``#``, and for a line of ``#OAR`` that is no option.
    """
    if not script.startswith("#"):
        raise InvalidFieldError(
            "scanscript: the first line of the script must start with #, like #!/bin/bash",
            field="script",
        )
    found: dict[str, list[str]] = {}
    for number, line in enumerate(script.split("\n"), 1):
        if line.rstrip() == "#OAR" or line.startswith(("#OAR ", "#OAR\t")):
            name, value = _read(line.rstrip(), number)
            found.setdefault(name, []).append(value)
    return found


def scanned(given: Mapping[str, Any], script: str) -> Scanned:
    """``given`` (by canonical names) and the directives of ``script`` together.

    As with ``oarsub``: resources, types and dependencies of both count; of all else what was given
    beside the script, but for the directory, which the script knows best.
    """
    options, warnings = dict(given), []
    for name, values in read_directives(script).items():
        if name in _ACCUMULATE:
            before = options.get(name, [])
            options[name] = [*(before if isinstance(before, list) else [before]), *values]
        elif name in options and name != "directory":
            warnings.append(
                f"Warning: {name} of the script is passed over: the request has its own"
            )
        else:
            options[name] = values[-1]
    return Scanned(options, tuple(warnings))


def _read(line: str, number: int) -> tuple[str, str]:
    match = _DIRECTIVE.fullmatch(line)
    if match is None:
        raise _wrong(line, number, "right is #OAR and an option, like #OAR -l /core=1")
    name = (match["long"] or "").replace("_", "-") or _SHORT.get(match["short"] or "", "")
    if not name or name in _NOT_IN_SCRIPTS:
        raise _wrong(line, number, "there is no such option for scripts")
    value = match["rest"].strip()
    if name in _FLAGS:
        return name, ""
    value = _unquoted(value.removeprefix("=").strip())
    if not value:
        raise _wrong(line, number, "it needs a value")
    return name, value


def _unquoted(value: str) -> str:
    inner = value[1:-1]
    return inner if len(value) > 1 and value == f'"{inner}"' and '"' not in inner else value


def _wrong(line: str, number: int, right: str) -> InvalidFieldError:
    return InvalidFieldError(f"script: line {number}: {line[:100]!r}: {right}", field="script")
