"""Reads its input and leaves a result, in the way that ``config["how"]`` names."""

from __future__ import annotations

import os
import signal
from typing import Any

RESULT = ".hoplite-result"


def run(config: Any, status: Any) -> None:
    how = config.get("how", "echo")
    if how == "echo":
        data = status.read_input()
        status.update({"uid": os.getuid(), "bytes": len(data)})
        status.write_result(data)
    elif how == "key":
        status.update({"key": status._api_key})
        status.write_result(b"by its key")
    elif how == "twice":
        status.write_result(b"the first")
        status.write_result(b"the last")
    elif how == "large":
        status.write_result(bytes(config["bytes"]))
    elif how == "forged":
        with open(RESULT, "wb") as file:
            file.write(bytes(config["bytes"]))
    elif how == "symlink":
        os.symlink(config["path"], RESULT)
    elif how == "hard link":
        os.link(config["path"], RESULT)
    elif how == "pipe":
        os.mkfifo(RESULT)
    elif how == "directory":
        os.mkdir(RESULT)
    elif how == "no space":
        os.rmdir(os.getcwd())
        status.write_result(b"nowhere to go")
    elif how == "wait":
        signal.pause()
