"""What callers ask the manager for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from hoplite.model.batch import Batch
from hoplite.model.job import EMPTY_OBJECT


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to create.  ``config`` is the JSON text of an object."""

    plugin: str
    config: msgspec.Raw = EMPTY_OBJECT
    run: bool = False
    timeout_s: float | None = None
    env: dict[str, str] = {}
    workdir: str | None = None
    batch: Batch | None = None
    """None: a job that takes a place and no resource."""

    def fingerprint(self) -> bytes:
        """Equal for requests that ask for the same job, however their JSON was written."""
        fields = msgspec.structs.asdict(self)
        if self.batch is None:
            # As it was before there was such a field: keys live longer than servers.
            del fields["batch"]
        fields["config"] = msgspec.json.decode(self.config)
        return hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).digest()


def array_fingerprint(jobs: Sequence[NewJob]) -> bytes:
    """Equal for requests that ask for the same array of jobs."""
    each = {id(new): new.fingerprint() for new in {id(new): new for new in jobs}.values()}
    return hashlib.sha256(b"".join(each[id(new)] for new in jobs)).digest()


def resubmission_fingerprint(ref: str) -> bytes:
    """Equal for requests that ask for that job again."""
    return hashlib.sha256(f"resubmit {ref}".encode("utf-8", "surrogatepass")).digest()
