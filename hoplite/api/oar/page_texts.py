"""How values read in pages: times, sizes, states."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from hoplite.model.resource_request import walltime_text

_MOMENTS = {
    "api_timestamp", "date", "expiry_date", "last_job_date", "mtime", "predicted_start",
    "promised_start", "scheduled_start", "since", "start_time", "startTime", "stop_time", "stopTime",
    "scheduledStart", "submission", "submission_time", "submissionTime",
}  # fmt: skip
_GOOD = {"Running", "Alive", "Terminated"}
_BAD = {"Error", "Dead"}
_RESTING = {"Hold", "Suspended", "Absent", "Suspected"}


def register_texts(environment: Environment) -> None:
    """Have templates say values as people read them."""
    environment.tests["address"] = _is_address
    environment.tests["moment"] = lambda key: key in _MOMENTS
    environment.filters["filemode"] = stat.filemode
    environment.filters["moment"] = moment
    environment.filters["duration"] = lambda seconds: walltime_text(int(seconds))
    environment.filters["size"] = size
    environment.filters["state"] = state


def moment(seconds: float | None) -> Markup | str:
    """Seconds since 1970 as a time in UTC; 0 is OAR's word for none."""
    if not seconds:
        return Markup('<span class="none">{}</span>').format("no time")
    try:
        at = datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M:%S")
    )


def size(text: str | None) -> str:
    """Bytes, as ``4.2 KiB``."""
    if text is None or not str(text).isdigit():
        return ""
    number = float(text)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def state(name: str) -> Markup:
    """A state, marked by what it means; the word itself says it too."""
    if name in _GOOD:
        kind = "good"
    elif name in _BAD:
        kind = "bad"
    else:
        kind = "resting" if name in _RESTING else "under-way"
    return Markup('<span class="state {}">{}</span>').format(kind, name)


def _is_address(value: Any) -> bool:
    """Whether a link may lead there: scripts are addresses too, for browsers."""
    return isinstance(value, str) and (
        value.startswith(("http://", "https://")) or (value[:1] == "/" and value[1:2] not in "/\\")
    )
