"""Files that a job's owner names, read with the owner's rights and no others."""

from __future__ import annotations

import os
import subprocess

from hoplite.execution.protocol import RunAs

_PATIENCE_S = 5.0
"""For a file that does not end, like a pipe, or on a file system that does not answer."""


def read_file(path: str, run_as: RunAs | None, most: int) -> bytes:
    """The file's first ``most`` bytes.  Raises OSError that says why it cannot be read."""
    # A process that exists already: starting Python as another account needs its files to be
    # readable for all, which they need not be.
    command = ["head", "-c", str(most), "--", path]
    account = {} if run_as is None else _as(run_as)
    try:
        found = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            timeout=_PATIENCE_S,
            check=False,
            **account,  # type: ignore[call-overload]  # its keys are those of Popen
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{path}: it could not be read within {_PATIENCE_S:g} s") from None
    if found.returncode != 0:
        said = found.stderr.decode("utf-8", "replace").strip()
        raise OSError(said.removeprefix("head: ") or f"{path}: it cannot be read")
    return bytes(found.stdout)


def _as(account: RunAs) -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
