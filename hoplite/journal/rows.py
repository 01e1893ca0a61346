"""Jobs, entries, keys and tombstones as rows, and back."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hoplite.journal.protocol import KeyUsed, Tombstone
from hoplite.model.batch import Batch, Granted
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.oar_state import oar_state
from hoplite.model.timeline import NO_JOB, Entry, Happening

Row = tuple[Any, ...]

INLINE_CONFIG_BYTES = 1000
"""A larger config is kept in a table of its own."""

MAX_INTEGER = 2**63 - 1

_GIVEN = ("id", "uuid", "plugin", "owner", "created_at", "env", "workdir")
_CHANGING = (
    "state",
    "outcome",
    "version",
    "queued_at",
    "started_at",
    "finished_at",
    "timeout_s",
    "key_hash",
    "handle",
    "kill_by",
    "kill_at",
    "exit_code",
    "signal",
    "reason",
    "log_bytes",
    "log_removed_by",
    "progress",
    "status",
)
_COLUMNS = (*_GIVEN, *_CHANGING, "config")
_WRITTEN = (*_GIVEN, *_CHANGING, "ended_as", "config")

SELECT_JOBS = (
    f"SELECT {', '.join(_COLUMNS[:-1])},"
    " coalesce(config, (SELECT config FROM large_configs WHERE job_id = jobs.id)),"
    " (SELECT batch FROM batch_jobs WHERE job_id = jobs.id) FROM jobs"
)
INSERT_JOB = f"INSERT INTO jobs ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"
UPDATE_JOB = (
    f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in (*_CHANGING, 'ended_as'))} WHERE id = ?"
)

SAVE_BATCH = (
    "INSERT INTO batch_jobs (job_id, array_id, batch) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET batch = excluded.batch"
)

_STATES = {state.value: state for state in State}
_OUTCOMES: dict[str | None, Outcome | None] = {outcome.value: outcome for outcome in Outcome}
_OUTCOMES[None] = None
_HAPPENINGS = {happening.value: happening for happening in Happening}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def uuid_bytes(text: str) -> bytes | None:
    """The 16 bytes of a uuid in its usual form; None if it is anything else."""
    if _UUID.fullmatch(text) is None:
        return None
    return bytes.fromhex(text.replace("-", ""))


def uuid_text(blob: bytes) -> str:
    text = blob.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def ref_condition(ref: int | str, id_column: str) -> tuple[str, int | bytes] | None:
    """How to find what ``ref`` (an id, its digits, or a uuid) names; None: it can name nothing."""
    if isinstance(ref, str) and ref.isascii() and ref.isdigit():
        ref = int(ref) if len(ref) <= len(str(MAX_INTEGER)) else -1
    if isinstance(ref, int):
        return (f"{id_column} = ?", ref) if 0 <= ref <= MAX_INTEGER else None
    blob = uuid_bytes(ref)
    return None if blob is None else ("uuid = ?", blob)


def _must_be_uuid(text: str) -> bytes:
    blob = uuid_bytes(text)
    if blob is None:
        raise ValueError(f"{text!r} is not a uuid like 01234567-89ab-cdef-0123-456789abcdef")
    return blob


def _json(raw: msgspec.Raw | None) -> bytes | None:
    return None if raw is None else bytes(raw)


def _raw(blob: bytes | None) -> msgspec.Raw | None:
    return None if blob is None else msgspec.Raw(blob)


def _changing(job: Job) -> Row:
    """``_CHANGING``, and ``ended_as``."""
    return (
        job.state.value,
        None if job.outcome is None else job.outcome.value,
        job.version,
        job.queued_at,
        job.started_at,
        job.finished_at,
        job.timeout_s,
        job.key_hash,
        _json(job.handle),
        job.kill_by,
        job.kill_at,
        job.exit_code,
        job.signal,
        job.reason,
        job.log_bytes,
        job.log_removed_by,
        _json(job.progress),
        bytes(job.status),
        oar_state(job) if job.ended else None,
    )


def insert_values(job: Job) -> Row:
    """For :data:`INSERT_JOB`."""
    given = (
        job.id,
        _must_be_uuid(job.uuid),
        job.plugin,
        job.owner,
        job.created_at,
        msgspec.json.encode(job.env) if job.env else None,
        job.workdir,
    )
    return (*given, *_changing(job), None if has_large_config(job) else bytes(job.config))


def update_values(job: Job) -> Row:
    """For :data:`UPDATE_JOB`."""
    return (*_changing(job), job.id)


class _BatchRow(msgspec.Struct, frozen=True, omit_defaults=True):
    asked: Batch
    granted: Granted = Granted()


_decode_batch = msgspec.json.Decoder(_BatchRow).decode


def batch_values(job: Job) -> Row:
    """For :data:`SAVE_BATCH`, of a job that has a batch part."""
    assert job.batch is not None
    row = msgspec.json.encode(_BatchRow(job.batch, job.granted))
    return job.id, job.batch.array_id or job.id, row


def has_large_config(job: Job) -> bool:
    return len(memoryview(job.config)) > INLINE_CONFIG_BYTES


def job_of(row: Row) -> Job:
    """A row of :data:`SELECT_JOBS`."""
    if row[26] is None:
        return _plain_job_of(row)
    batch = _decode_batch(row[26])
    return msgspec.structs.replace(_plain_job_of(row), batch=batch.asked, granted=batch.granted)


def _plain_job_of(row: Row) -> Job:
    return Job(
        id=row[0],
        uuid=uuid_text(row[1]),
        plugin=row[2],
        owner=row[3],
        created_at=row[4],
        env={} if row[5] is None else msgspec.json.decode(row[5], type=dict[str, str]),
        workdir=row[6],
        state=_STATES[row[7]],
        outcome=_OUTCOMES[row[8]],
        version=row[9],
        queued_at=row[10],
        started_at=row[11],
        finished_at=row[12],
        timeout_s=row[13],
        key_hash=row[14],
        handle=_raw(row[15]),
        kill_by=row[16],
        kill_at=row[17],
        exit_code=row[18],
        signal=row[19],
        reason=row[20],
        log_bytes=row[21],
        log_removed_by=row[22],
        progress=_raw(row[23]),
        status=msgspec.Raw(row[24]),
        config=msgspec.Raw(row[25]),
    )


LAST_SEQ = (
    "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'timeline'), 0),"
    " ifnull((SELECT max(seq) FROM timeline), 0))"
)
"""The highest ever given.  SQLite's own count does not know of replaced entries, and the last one
may be forgotten."""

SELECT_ENTRIES = "SELECT seq, job_id, uuid, owner, at, what, who, version, detail FROM timeline"
INSERT_ENTRY = (
    "INSERT INTO timeline (seq, job_id, uuid, owner, at, what, who, version, detail)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def entry_values(entry: Entry) -> Row:
    """For :data:`INSERT_ENTRY`."""
    return (
        entry.seq,
        entry.job_id,
        b"" if entry.job_id == NO_JOB else _must_be_uuid(entry.uuid),
        entry.owner,
        entry.at,
        entry.what.value,
        entry.who,
        entry.version,
        _json(entry.detail),
    )


def entry_of(row: Row) -> Entry:
    """A row of :data:`SELECT_ENTRIES`."""
    return Entry(
        seq=row[0],
        job_id=row[1],
        uuid=uuid_text(row[2]) if row[2] else "",
        owner=row[3],
        at=row[4],
        what=_HAPPENINGS[row[5]],
        who=row[6],
        version=row[7],
        detail=_raw(row[8]),
    )


SELECT_KEYS = "SELECT owner, key, body_hash, job_id, at FROM idempotency_keys"


def key_of(row: Row) -> KeyUsed:
    """A row of :data:`SELECT_KEYS`."""
    return KeyUsed(*row)


SELECT_TOMBSTONES = "SELECT job_id, uuid, rule, at FROM tombstones"


def tombstone_of(row: Row) -> Tombstone:
    """A row of :data:`SELECT_TOMBSTONES`."""
    return Tombstone(row[0], uuid_text(row[1]), row[2], row[3])
