"""pip in a process of its own, of this interpreter."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

_KEPT = 64 << 10
_VERBS = frozenset({"install", "uninstall"})
_SETTINGS = {
    # Asking nobody: there is no terminal.
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    # Where it may not write, pip must fail: the user's own packages are not the server's.
    "PIP_USER": "0",
    "PYTHONUNBUFFERED": "1",
}


class Done(NamedTuple):
    """How pip ended; ``output`` is the end of what it said."""

    exit_code: int
    output: str


def pip_words(command: str | Sequence[str]) -> list[str]:
    """The arguments for pip: ``install ...`` unless it says ``uninstall``.

    Raises ValueError for a text with a quotation mark that is not closed.
    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not _VERBS & set(words):
        words.insert(0, "install")
    if "uninstall" in words and not {"-y", "--yes"} & set(words):
        words.append("--yes")
    return words


def run_pip(words: Sequence[str], tell: Callable[[str], object]) -> Done:
    """Run it; ``tell`` gets each line as it comes."""
    kept = ""
    with subprocess.Popen(
        [sys.executable, "-m", "pip", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **_SETTINGS},
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tell(line)
            kept = (kept + line)[-_KEPT:]
    return Done(process.returncode, kept)


def reason(done: Done) -> str:
    """The line of the output that says why it failed."""
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    why = (errors or lines or ["it said nothing"])[-1].removeprefix("ERROR: ")
    if "No module named pip" in why:
        return f"{sys.executable} has no pip: run '{sys.executable} -m ensurepip'"
    return f"pip exited with code {done.exit_code}: {why}"
