"""A request as people would have typed it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from hoplite.submission.commands import SCRIPT_NAME

_SECRET = frozenset({"import-job-key-inline", "import-job-key-inline-priv"})
_NOT_SHOWN = frozenset({"command", "script", "script-path", "workdir", "param-file", "config"})


def initial_request(named: Mapping[str, Any]) -> str:
    """The options, by their canonical names, as a command line of ``oarsub``, without what is secret
    or long."""
    words = ["oarsub"]
    for name, value in named.items():
        if name not in _NOT_SHOWN:
            words += _words(name, value)
    command = named.get("command") or named.get("script-path")
    if isinstance(command, str):
        words.append(shlex.quote(command))
    elif named.get("script"):
        words.append(f"./{SCRIPT_NAME}")
    return " ".join(words)


def _words(name: str, value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if name in _SECRET:
            yield f"--{name}=***"
        elif each is True or each == "":
            yield f"--{name}"
        else:
            yield f"--{name}={shlex.quote(str(each))}"
