"""What a job is to run, of files on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


def what_runs(command: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    """The keys ``command``, or ``script`` and ``param_file``; takes from ``options`` what these
    are made of."""
    text = " ".join(command)
    lines = _parameters(options.pop("array-param-file", None))
    if "scanscript" not in options:
        return _without_none(command=text or None, param_file=lines)
    words = _words(text)
    arguments = shlex.join(words[1:])
    return _without_none(
        script=_read(words[0], "-S"),
        param_file=_with_arguments(arguments, lines, options) if arguments else lines,
    )


def _parameters(path: str | None) -> str | None:
    return None if path is None else _read(path, "--array-param-file")


def _with_arguments(arguments: str, lines: str | None, options: dict[str, Any]) -> str:
    """A script takes its arguments from its line of parameters."""
    if lines is None:
        return f"{arguments}\n" * max(1, options.pop("array", None) or 1)
    return "".join(
        f"{arguments} {line}\n"
        for line in lines.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    )


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint="COMMAND") from None
    if not words:
        raise click.UsageError("-S: give the script as COMMAND")
    return words


def _read(path: str, option: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise click.BadParameter(
            f"{path} cannot be read: {error.strerror}", param_hint=option
        ) from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is no text in UTF-8", param_hint=option) from None


def _without_none(**keys: str | None) -> dict[str, Any]:
    return {name: value for name, value in keys.items() if value is not None}
