"""Prints, and tells where it runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


class Talker:
    """A plugin as an object with ``run``."""

    def run(self, config: Any, status: Any) -> None:
        """Print a fact for each line."""
        facts = {
            "cwd": str(Path.cwd()),
            "environ": dict(os.environ),
            "argv": sys.argv,
            "cmdline": Path("/proc/self/cmdline").read_bytes().decode().split("\0"),
            "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
            "ids": [os.getuid(), os.getgid(), os.getgroups()],
            "umask": os.umask(0),
            "session": os.getsid(0) == os.getpid(),
            "config": config,
        }
        print(json.dumps(facts))
        print("to stderr", file=sys.stderr)


def function(config: Any, status: Any) -> None:
    """A plugin as a function."""
    print("called")


talker = Talker()
