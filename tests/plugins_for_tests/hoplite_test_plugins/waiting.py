"""Notes its pid in the file ``config["note"]`` (one line per run), then waits for a file to appear;
then exits with ``config["code"]``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_GRANDCHILD = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[2] != "plain":
    os.setsid()
if sys.argv[2] == "twice" and os.fork():
    os._exit(0)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""


def run(config: Any, status: Any) -> None:
    """Wait."""
    if config.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for how in config.get("grandchildren", ()):
        _start_grandchild(config["note"], how)
    _note(config["note"], os.getpid())
    if "until" in config:
        until = Path(config["until"])
        while not until.exists():
            time.sleep(0.005)
    if config.get("status"):
        status.update(config["status"])
    sys.exit(config.get("code", 0))


def _start_grandchild(note: str, how: str) -> None:
    before = _lines(note)
    process = subprocess.Popen([sys.executable, "-c", _GRANDCHILD, note, how])
    process.returncode = 0  # it is on its own
    while _lines(note) == before:
        time.sleep(0.005)


def _lines(note: str) -> int:
    path = Path(note)
    return len(path.read_text().splitlines()) if path.exists() else 0


def _note(path: str, pid: int) -> None:
    with Path(path).open("a") as file:
        file.write(f"{pid}\n")
