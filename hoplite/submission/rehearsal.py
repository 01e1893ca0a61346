"""Jobs as they were submitted, before admission rules saw them, from what is kept of the request."""

from __future__ import annotations

import re
import shlex
from typing import Any

import msgspec

from hoplite.exceptions import HopliteError
from hoplite.manager.requests import NewJob
from hoplite.model.job import Job
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource_property import PropertyTable
from hoplite.model.resource_request import DEFAULT_REQUEST, ResourceRequest
from hoplite.model.resource_request_parser import parse_request
from hoplite.submission.options import canonical, read_options

_RULES_MAY_CHANGE = frozenset({"resource", "queue", "type", "property", "name", "project", "hold"})


def as_submitted(job: Job, properties: PropertyTable) -> NewJob | None:
    """What was asked for when ``job`` was submitted; as it was admitted where that cannot be told
    any more.  None: it asked for no resources."""
    if job.batch is None:
        return None
    admitted = NewJob(plugin=job.plugin, config=job.config, run=True, batch=job.batch)
    try:
        options = read_options(canonical(_options(job.batch.initial_request)))
        text = (options.property or "").strip()
        requests = tuple(parse_request(each, properties) for each in options.resource)
        requests = _lasting(requests or (DEFAULT_REQUEST,), job.batch.initial_request)
        batch = msgspec.structs.replace(
            job.batch,
            requests=requests,
            queue=options.queue or "",
            types=options.type,
            properties=text,
            filter=parse_filter(text, properties) if text else None,
            name=options.name,
            project=options.project or "",
            hold=options.hold,
        )
    except (HopliteError, ValueError):
        return admitted
    return msgspec.structs.replace(admitted, batch=batch)


def _lasting(requests: tuple[ResourceRequest, ...], request: str) -> tuple[ResourceRequest, ...]:
    """The Hoplite dialect has an option for the walltime of all of them."""
    found = re.search(r" --walltime=(\d+)$", request)
    if found is None:
        return requests
    return tuple(msgspec.structs.replace(each, walltime_s=int(found[1])) for each in requests)


def _options(request: str) -> dict[str, Any]:
    """Those that rules may change.  Raises ``ValueError`` for what is no request."""
    program, *words = shlex.split(request) or [""]
    if program != "oarsub":
        raise ValueError(request)
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in _RULES_MAY_CHANGE:
            continue
        if name in ("resource", "type"):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value if equals else "1"
    return found
