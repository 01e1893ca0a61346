"""``python -m tests.benchmarks [jobs] [latency] [client] [remotify] [routes]
[history] [journal] [oar_reading] [scheduling] [oar_jobs] [--quick] [--million]``

Ratios against floors that are measured in the same run on the same machine.  Absolute figures
differ from machine to machine, and with what else it does.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable

from tests.benchmarks import (
    client,
    history,
    jobs,
    journal,
    latency,
    oar_jobs,
    oar_reading,
    remotify,
    routes,
    scheduling,
)


def _journal() -> None:
    sys.argv[1:] = []
    journal.main()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="which (default: all)")
    parser.add_argument("--quick", action="store_true", help="small counts: does it all work?")
    parser.add_argument("--million", action="store_true", help="history with 1,000,000 jobs too")
    asked = parser.parse_args()
    known: dict[str, Callable[[], None]] = {
        "jobs": lambda: jobs.run(asked.quick),
        "latency": lambda: latency.run(asked.quick),
        "client": lambda: client.run(asked.quick),
        "remotify": lambda: remotify.run(asked.quick),
        "routes": lambda: routes.run(asked.quick),
        "history": lambda: history.run(asked.quick, million=asked.million),
        "journal": _journal,
        "oar_reading": lambda: oar_reading.run(asked.quick),
        "scheduling": lambda: scheduling.run(asked.quick),
        "oar_jobs": lambda: oar_jobs.run(asked.quick),
    }
    unknown = set(asked.names) - known.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(known)}")
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    for name in asked.names or known:
        began = time.perf_counter()
        print(f"\n{name}", flush=True)
        known[name]()
        print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
