"""The floor under a job server: children of a bare ``multiprocessing`` fork server.

``python tests/benchmarks/forkserver.py COUNT WIDE MODULE…`` prints children a second, with the
modules preloaded.  A script of its own and by path: the children import it again as their main
module, so it must be as small as a floor's main module can be.
"""

from __future__ import annotations

import multiprocessing
import sys
import time


def nothing() -> None:
    """What each child does."""


def rate(count: int, wide: int, preloaded: list[str]) -> float:
    """Children started and joined a second, at most ``wide`` at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(preloaded)
    first = context.Process(target=nothing)
    first.start()
    first.join()
    began = time.perf_counter()
    living = []
    for _ in range(count):
        process = context.Process(target=nothing)
        process.start()
        living.append(process)
        if len(living) >= wide:
            living.pop(0).join()
    for process in living:
        process.join()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    print(rate(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
