"""Every setting once: its name, type, default, limits and description.

Validation, the options of ``hoplite-server``, its ``--help`` and the documentation are all made
from this class.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs
from msgspec import Meta

from hoplite.model.caller import Visibility
from hoplite.model.lifecycle import LIVE, State
from hoplite.model.oar_state import OAR_STATES

Size = Annotated[int, Meta(extra={"unit": "bytes"})]
"""Bytes, which may be written like ``16 MiB``."""
Duration = Annotated[float, Meta(extra={"unit": "seconds"})]
"""Seconds, which may be written like ``10min``."""
AuthMode = Literal["kernel", "users", "proxy"]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
DAY_S = 86_400.0
_HOST_PATTERN = r"^[A-Za-z0-9._:-]+$"
_QUEUE_PATTERN = r"^[A-Za-z0-9_.-]+=-?[0-9]{1,6}$"
_NAME_PATTERN = r"^[^\s,]+$"


def _state_dir() -> Path:
    return Path(platformdirs.user_state_dir("hoplite", appauthor=False))


def _jobs_for_this_machine() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(8, 4 * cpus)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one server.  :func:`~hoplite.settings.load` makes a checked one."""

    host: Annotated[
        str,
        Meta(
            description="Address to listen on. Beyond loopback, users or proxy authentication is "
            "required, and TLS or a proxy in front.",
            pattern=_HOST_PATTERN,
            examples=["127.0.0.1", "::1", "0.0.0.0"],
            extra={"expected": "an address or host name"},
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(description="Port to listen on; 0 takes any that is free.", ge=0, le=65535)
    ] = 5000
    debug: Annotated[
        bool, Meta(description="Log at level debug, and show tracebacks of failed commands.")
    ] = False
    data_dir: Annotated[
        Path,
        Meta(
            description="Directory of the journal, the accounts and the jobs' files. Made with "
            "mode 0700 (0711 when the server is root).",
            extra={"default": "the user's state directory, like ~/.local/state/hoplite"},
        ),
    ] = msgspec.field(default_factory=_state_dir)
    http: Annotated[
        Literal["waitress", "granian"],
        Meta(description="HTTP server; granian needs the extra hoplite[granian]."),
    ] = "waitress"
    threads: Annotated[int, Meta(description="Threads that answer requests.", ge=2, le=1024)] = 16
    max_streams: Annotated[
        int,
        Meta(
            description="Long polls, event streams and followed logs open at once; above it, 503.",
            ge=0,
            le=100_000,
        ),
    ] = 64
    tls_cert: Annotated[
        Path | None,
        Meta(description="File with the TLS certificate chain (PEM); needs http granian."),
    ] = None
    tls_key: Annotated[
        Path | None, Meta(description="File with the private key of tls_cert (PEM).")
    ] = None
    behind_proxy: Annotated[
        tuple[Annotated[str, Meta(pattern=_NAME_PATTERN)], ...],
        Meta(
            description="Addresses or networks of proxies whose X-Forwarded-* headers, and with "
            "proxy authentication whose identity header, are believed.",
            examples=["127.0.0.1", "10.0.0.0/8"],
            extra={"expected": "a list of addresses or networks"},
        ),
    ] = ()
    insecure_http: Annotated[
        bool, Meta(description="Allow listening beyond loopback without TLS or a proxy.")
    ] = False
    allowed_hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:\[\]-]+$")], ...],
        Meta(
            description="Host names by which clients may call this server, beside its address.",
            examples=["jobs.example.org"],
            extra={"expected": "a list of host names"},
        ),
    ] = ()
    auth: Annotated[
        tuple[AuthMode, ...],
        Meta(
            description="Ways to identify a client: kernel (the Unix user of a loopback "
            "connection), users (passwords and tokens), proxy (a header set by behind_proxy).",
            min_length=1,
        ),
    ] = ("kernel",)
    proxy_user_header: Annotated[
        str,
        Meta(
            description="Header in which the proxy names the user.",
            pattern=r"^[A-Za-z0-9-]+$",
            extra={"expected": "the name of a header"},
        ),
    ] = "X-Remote-User"
    proxy_admins: Annotated[
        tuple[Annotated[str, Meta(pattern=_NAME_PATTERN)], ...],
        Meta(description="Users named by the proxy who are administrators."),
    ] = ()
    submitters: Annotated[
        tuple[Annotated[str, Meta(pattern=_NAME_PATTERN)], ...],
        Meta(
            description="Unix users beside the server's own who may submit jobs, which run under "
            "the server's account. Without meaning when the server is root: every Unix user may."
        ),
    ] = ()
    admins: Annotated[
        tuple[Annotated[str, Meta(pattern=_NAME_PATTERN)], ...],
        Meta(description="Users who are administrators beside root and the server's own user."),
    ] = ()
    visibility: Annotated[
        Visibility,
        Meta(
            description="What others see of a job: its state only, all of it (full), or none of it."
        ),
    ] = Visibility.STATE
    max_running: Annotated[
        int,
        Meta(
            description="Jobs that run at once; further ones wait in order.",
            ge=1,
            le=1_000_000,
            extra={"default": "4 for each CPU, at least 8"},
        ),
    ] = msgspec.field(default_factory=_jobs_for_this_machine)
    max_reservations: Annotated[
        int,
        Meta(
            description="Reservations that one user may have waiting at once; administrators may "
            "have any number.",
            ge=0,
            le=1_000_000,
        ),
    ] = 2
    kill_grace: Annotated[
        Duration, Meta(description="Time between SIGTERM and SIGKILL.", ge=0, le=DAY_S)
    ] = 5.0
    status_retry: Annotated[
        Duration,
        Meta(
            description="How long a job goes on trying to report to a server that is away.",
            ge=0,
            le=30 * DAY_S,
        ),
    ] = 600.0
    queues: Annotated[
        tuple[Annotated[str, Meta(pattern=_QUEUE_PATTERN)], ...],
        Meta(
            description="Queues of jobs that ask for resources, each with its priority; jobs of a "
            "higher one are planned first. default and besteffort must be among them, and only "
            "administrators may use admin.",
            min_length=2,
            examples=["express=5"],
            extra={"expected": "a list of queues with their priorities, like default=2"},
        ),
    ] = ("admin=10", "default=2", "besteffort=0")
    default_walltime: Annotated[
        Duration,
        Meta(description="Walltime of a resource request that names none.", ge=1, le=365 * DAY_S),
    ] = 7200.0
    admission_time: Annotated[
        Duration,
        Meta(
            description="How long the admission rules of one submission may compute, all together; "
            "a submission for which they take longer is refused.",
            ge=0.01,
            le=60,
        ),
    ] = 1.0
    admission_memory: Annotated[
        Size,
        Meta(
            description="Memory that admission rules may take; a submission for which they take "
            "more is refused.",
            ge=8 << 20,
            le=4 << 30,
        ),
    ] = 64 << 20
    walltime_change: Annotated[
        bool, Meta(description="Whether the walltime of a running job can be changed.")
    ] = True
    walltime_max_increase: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="By how much a walltime can be made longer while the job runs; "
            "administrators may force more. Unset: without limit.",
            extra={"unit": "seconds"},
        ),
    ] = None
    users_may_delay_jobs: Annotated[
        bool,
        Meta(
            description="Whether a user may have the jobs of others wait for a longer walltime of "
            "his job; else only administrators may."
        ),
    ] = False
    max_array: Annotated[int, Meta(description="Jobs of one array.", ge=1, le=1_000_000)] = 10_000
    local_nodes: Annotated[
        tuple[Annotated[str, Meta(pattern=_NAME_PATTERN)], ...],
        Meta(
            description="Nodes (network_address of resources) that are this machine, beside its "
            "own host name and localhost; * for all. Jobs run here, so the resources of other "
            "nodes are listed and never given to a job.",
            examples=["node1", "*"],
            extra={"expected": "a list of names of nodes"},
        ),
    ] = ()
    sendmail: Annotated[
        Path | None,
        Meta(
            description="Program that takes mails as sendmail does, for jobs that want to be told "
            "of by mail.",
            extra={"default": "sendmail, if the machine has one"},
        ),
    ] = None
    users_may_suspend: Annotated[
        bool,
        Meta(
            description="Whether owners may suspend and resume their running jobs; else only "
            "administrators may (OAR's USERS_ALLOWED_HOLD_RESUME)."
        ),
    ] = False
    stop_jobs: Annotated[
        bool, Meta(description="Kill the running jobs when the server is stopped.")
    ] = False
    group: Annotated[
        str,
        Meta(
            description="Entry-point group in which plugins are found.",
            pattern=r"^\w+(\.\w+)*$",
            extra={"expected": "a dotted name"},
        ),
    ] = "hoplite.jobs"
    max_body_bytes: Annotated[Size, Meta(description="Largest request body.", ge=KIB, le=GIB)] = (
        16 * MIB
    )
    max_upload_bytes: Annotated[
        Size,
        Meta(
            description="Largest file that is taken at /oarapi/media and as the input of a job. Uploads wait in the directory "
            "for temporary files (TMPDIR) until they are whole.",
            ge=KIB,
            le=16 * 1024 * GIB,
        ),
    ] = 4 * GIB
    media_roots: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^/[^\0]*$")], ...],
        Meta(
            description="Directories below which /oarapi/media reads and writes with the server's own "
            "account. A server that is root becomes the caller instead, who may go everywhere that "
            "his own rights lead; then this is for root alone.",
            examples=["/srv/data", "/home/jobs"],
            extra={
                "expected": "a list of absolute paths",
                "default": "the home directory of the server's account",
            },
        ),
    ] = ()
    max_config_bytes: Annotated[
        Size, Meta(description="Largest config of a job, as JSON.", ge=2, le=GIB)
    ] = MIB
    max_status_bytes: Annotated[
        Size, Meta(description="Largest status of a job, as JSON.", ge=2, le=GIB)
    ] = MIB
    max_result_bytes: Annotated[
        Size,
        Meta(
            description="Largest result file of a job (/jobs/.../result). Those of ended jobs count "
            "as their logs do in keep_log_bytes.",
            ge=0,
            le=16 * 1024 * GIB,
        ),
    ] = GIB
    request_timeout: Annotated[
        Duration,
        Meta(description="A client that takes longer to send its request is cut off.", ge=1),
    ] = 30.0
    max_wait: Annotated[
        Duration, Meta(description="Longest ?wait= of a long poll; longer ones are cut.", ge=0)
    ] = 3600.0
    keep_days: Annotated[
        float, Meta(description="Ended jobs are forgotten after so many days.", ge=0)
    ] = 90.0
    keep_jobs: Annotated[
        int, Meta(description="Ended jobs kept; above it the oldest are forgotten.", ge=0)
    ] = 1_000_000
    keep_log_bytes: Annotated[
        Size,
        Meta(
            description="Bytes of logs, results and inputs of ended jobs kept; above it the oldest "
            "go.",
            ge=0,
        ),
    ] = 10 * GIB
    keep_accounting_days: Annotated[
        float,
        Meta(
            description="What jobs used is forgotten after so many days, whole days in UTC.", ge=1
        ),
    ] = 3650.0
    idempotency_hours: Annotated[
        float, Meta(description="How long an Idempotency-Key is remembered.", ge=0)
    ] = 24.0
    page_limit: Annotated[
        int, Meta(description="Jobs on a page when the client does not say.", ge=1, le=1000)
    ] = 500
    default_states: Annotated[
        tuple[Annotated[str, Meta(pattern=f"^({'|'.join(OAR_STATES)})$")], ...],
        Meta(
            description="States of the jobs that GET /oarapi/jobs lists where the request does not "
            "choose by state, date, array or ids.",
            examples=["Running", "Terminated"],
            extra={
                "expected": f"a list of {', '.join(OAR_STATES)}",
                "default": "the states of jobs that have not ended",
            },
        ),
    ] = tuple(state.value for state in State if state in LIVE)
    log_format: Annotated[
        Literal["text", "json"], Meta(description="Form of the server's own log, on stderr.")
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least level that the server logs."),
    ] = "info"
