"""Looks for the keys of other jobs in all that its process can read of itself."""

from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path
from typing import Any

_KEY = re.compile(rb"secret-key-of-(\d+)!")


def run(config: Any, status: Any) -> None:
    """Print whose keys are in this process's memory, and the warden's objects that are left."""
    found: set[int] = set()
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            start, end = (int(number, 16) for number in place.split("-"))
            if rights.startswith("rw"):
                memory.seek(start)
                found |= {int(number) for number in _KEY.findall(memory.read(end - start))}
    frames = []
    frame: Any = sys._getframe()
    while frame:
        frames.append(frame.f_code.co_qualname)
        frame = frame.f_back
    kinds = {type(each).__name__ for each in gc.get_objects()}
    facts = {"keys": sorted(found), "frames": frames, "warden": "Warden" in kinds}
    print(json.dumps(facts))
