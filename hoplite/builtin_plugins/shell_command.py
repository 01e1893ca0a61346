"""The plugin ``hoplite.plugins.shell_command``: runs a command.

Its output is the job's output, and its exit code the job's exit code; a command that dies of signal
n makes the job exit with 128 + n.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from hoplite.exceptions import ConnectionError, InvalidFieldError

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class _Status(Protocol):
    def update(self, status: Mapping[str, Any]) -> None: ...

    def update_at_end(self, status: Mapping[str, Any]) -> None: ...


class _Command(NamedTuple):
    argv: list[str]
    env: dict[str, str]
    workdir: str | None
    stdin: str | None


def run(config: Mapping[str, Any], status: _Status) -> None:
    """Run ``command``: a string for /bin/sh, or a list of the program and its arguments.

    Optional: ``env`` (variables added to the job's), ``workdir``, ``stdin`` (text for its standard
    input, else empty).  The status gets ``pid`` at the start, and at the end ``exit_code``,
    ``signal`` and ``usage`` (``user_s``, ``system_s``, ``max_rss_bytes``, ``wall_s``).

    Signals that are sent to the job (but SIGKILL) are the command's to answer.  A job that gets
    SIGTERM ends when all processes of the command have: who catches it has time to put things away.
    """
    command = _checked(config)
    started = time.monotonic()
    orphans_are_ours = _has_no_children() and threading.active_count() == 1
    terminated = _leave_signals_to_the_command()
    with _stdin(command) as stdin:
        process = _start(command, stdin)
    _tell(status, {"pid": process.pid})
    wait_status, usage = _wait(process, orphans_are_ours)
    exit_code = os.WEXITSTATUS(wait_status) if os.WIFEXITED(wait_status) else None
    signum = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else None
    if terminated.is_set() and orphans_are_ours:
        _wait_for_the_rest()
    usage["wall_s"] = time.monotonic() - started
    status.update_at_end({"exit_code": exit_code, "signal": signum, "usage": usage})
    if terminated.is_set() and (exit_code == 0 or signum == signal.SIGTERM):
        _die_of_sigterm()
    if signum is not None:
        sys.exit(128 + signum)
    if exit_code:
        sys.exit(exit_code)


def _leave_signals_to_the_command() -> threading.Event:
    """This process hears those that are sent to the whole job too, and must live to tell how the
    command ended.  A handler, unlike SIG_IGN, is not handed down to the command.  The event tells
    whether there was a SIGTERM."""
    terminated = threading.Event()
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"):
        _handle(getattr(signal, name), lambda: None)
    _handle(signal.SIGTERM, terminated.set)
    return terminated


def _handle(signum: signal.Signals, heard: Callable[[], None]) -> None:
    # A plugin may be run outside of the main thread (in tests), where no handler can be set.
    with contextlib.suppress(ValueError):
        signal.signal(signum, lambda *_: heard())


def _die_of_sigterm() -> None:
    """A command that obeys, or leaves with 0 because it was asked to end, has not succeeded."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _checked(config: object) -> _Command:
    if not isinstance(config, Mapping):
        raise InvalidFieldError("the config must be an object with a 'command'", field="config")
    unknown = sorted(map(str, set(config) - {"command", "env", "workdir", "stdin"}))
    if unknown:
        raise InvalidFieldError(
            f"config has no field '{unknown[0]}': command, env, workdir and stdin are known",
            field=f"config.{unknown[0]}",
        )
    return _Command(
        argv=_argv(config.get("command")),
        env=_env(config.get("env")),
        workdir=_text(config, "workdir"),
        stdin=_text(config, "stdin"),
    )


def _argv(command: object) -> list[str]:
    if isinstance(command, str) and command.strip():
        return ["/bin/sh", "-c", _without_nul(command)]
    if (
        isinstance(command, list)
        and command
        and all(isinstance(word, str) for word in command)
        and command[0]
    ):
        return [_without_nul(word) for word in command]
    raise InvalidFieldError(
        "config.command must be a non-empty string, or a list of strings: a program and its "
        "arguments",
        field="config.command",
    )


def _without_nul(word: str) -> str:
    if "\0" in word:
        raise InvalidFieldError("config.command holds a NUL character", field="config.command")
    return word


def _env(env: object) -> dict[str, str]:
    if env is None:
        return {}
    if isinstance(env, dict) and all(_is_variable(name, env[name]) for name in env):
        return env
    raise InvalidFieldError(
        "config.env must be an object of strings, with names that are not empty and hold no '='",
        field="config.env",
    )


def _is_variable(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return bool(name) and "=" not in name and "\0" not in name + value


def _text(config: Mapping[str, Any], field: str) -> str | None:
    value = config.get(field)
    if value is None or isinstance(value, str):
        return value
    raise InvalidFieldError(f"config.{field} must be a string", field=f"config.{field}")


def _stdin(command: _Command) -> IO[bytes]:
    """A file with the command's input; a file, unlike a pipe, needs nobody to feed it."""
    if command.stdin is None:
        return Path(os.devnull).open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(command.stdin.encode("utf-8", "surrogateescape"))
    file.seek(0)
    return file


def _start(command: _Command, stdin: IO[bytes]) -> subprocess.Popen[bytes]:
    env = {**os.environ, **command.env}
    if command.workdir is not None and not Path(command.workdir).is_dir():
        raise NotADirectoryError(f"config.workdir is no directory: {command.workdir}")
    try:
        return subprocess.Popen(command.argv, stdin=stdin, env=env, cwd=command.workdir)
    except FileNotFoundError:
        raise FileNotFoundError(f"command not found: {command.argv[0]}") from None
    except PermissionError as error:
        raise PermissionError(f"{command.argv[0]} cannot be run: {error.strerror}") from None


def _tell(status: _Status, facts: Mapping[str, Any]) -> None:
    """A server that is away for good is no reason to fail: the last status is in the report too."""
    try:
        status.update(facts)
    except ConnectionError as error:
        print(f"hoplite: {error}", file=sys.stderr)  # noqa: T201 - the job's own log


def _wait(process: subprocess.Popen[bytes], orphans_are_ours: bool) -> tuple[int, dict[str, float]]:
    """The wait status and usage of the command.  Orphans of it, which are this process's children
    by then, are waited for too as they end."""
    while True:
        pid, wait_status, usage = os.wait4(-1 if orphans_are_ours else process.pid, 0)
        if pid == process.pid:
            break
    # Popen must not wait for it again.
    process.returncode = os.waitstatus_to_exitcode(wait_status)
    return wait_status, {
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        "max_rss_bytes": usage.ru_maxrss * _RSS_UNIT,
    }


def _wait_for_the_rest() -> None:
    """A shell without a trap obeys at once; what it had started may still be putting things away."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait4(-1, 0)


def _has_no_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    except (OSError, AttributeError):
        return False
    return False
