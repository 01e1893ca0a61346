"""From options to jobs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError
from hoplite.manager.requests import NewJob
from hoplite.model.batch import CHECKPOINT_SIGNAL, Batch
from hoplite.model.notify import read_notify
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource_property import PropertyTable
from hoplite.model.resource_request import DEFAULT_REQUEST, ResourceRequest
from hoplite.model.resource_request_parser import parse_request
from hoplite.submission.around import Around
from hoplite.submission.commands import (
    Command,
    check_array,
    check_what_runs,
    checked_size,
    command_of,
    parameters_of,
    script_of,
)
from hoplite.submission.directives import scanned
from hoplite.submission.initial_request import initial_request
from hoplite.submission.launching_place import default_output, launching_directory, output_file
from hoplite.submission.options import Options, canonical, read_options

SHELL_COMMAND = "hoplite.plugins.shell_command"

_WHERE_SCRIPTS_ARE = frozenset({"scanscript", "script", "script-path", "workdir"})
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}(:\d{1,2})?")


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made.  In ``cmd_output`` come ``warnings``, what the admission rules say,
    ``remarks`` and the jobs' ids."""

    jobs: tuple[NewJob, ...] = ()
    resubmit: int | None = None
    """The job that is to be run again; then there are no ``jobs``."""
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    dry_run: bool = False


def read_submission(given: Mapping[str, Any], around: Around) -> Submission:
    """The jobs that ``given``, the options of a submission by any of their names, asks for.

    Raises :class:`~hoplite.exceptions.InvalidRequestError` and
    :class:`~hoplite.exceptions.NotAuthorizedError`, which name the option.
    """
    named, warnings = _with_directives(canonical(given), around)
    options = read_options(named)
    if options.resubmit is not None:
        return Submission(
            resubmit=options.resubmit,
            remarks=(f"Resubmitting job {options.resubmit}...",),
            dry_run=options.dry_run,
        )
    check_what_runs(options)
    requests = _requests(options, around.properties)
    batch = _batch(options, requests, around, initial_request(named))
    jobs = tuple(_jobs(options, batch, around))
    return Submission(
        jobs=jobs,
        warnings=warnings,
        remarks=tuple(_remarks(options, len(jobs))),
        dry_run=options.dry_run,
    )


def _with_directives(
    named: dict[str, Any], around: Around
) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = read_options({k: v for k, v in named.items() if k in _WHERE_SCRIPTS_ARE})
    if not asked.scanscript:
        return named, ()
    script = asked.script
    if script is None and (path := asked.script_path) is not None:
        program = _first_word(path)
        place = launching_directory(asked.workdir, program, around.home, around.homes)
        script = around.read_file(place, "script_path")
    if script is None:
        raise InvalidFieldError(
            "scanscript: there is no script to scan: give script or script_path", field="scanscript"
        )
    found = scanned(named, script)
    return canonical(found.options), found.warnings


def _first_word(command: str) -> str:
    try:
        return shlex.split(command)[0]
    except (ValueError, IndexError):
        raise InvalidFieldError(
            f"script_path: {command!r} is not the path of a script", field="script_path"
        ) from None


def _requests(options: Options, properties: PropertyTable) -> tuple[ResourceRequest, ...]:
    return tuple(parse_request(text, properties) for text in options.resource) or (DEFAULT_REQUEST,)


def _batch(
    options: Options,
    requests: tuple[ResourceRequest, ...],
    around: Around,
    shown: str,
) -> Batch:
    filter_text = (options.property or "").strip()
    place = options.workdir, options.directory, around.home, around.homes
    inside = options.plugin is not None and options.workdir is None and options.directory is None
    return Batch(
        name=options.name,
        project=options.project or "",
        queue=options.queue or "",
        types=options.type,
        requests=requests,
        properties=filter_text,
        filter=parse_filter(filter_text, around.properties) if filter_text else None,
        initial_request=shown,
        script=script_of(options, around),
        launching_directory=None if inside else launching_directory(*place),
        stdout=_output(options, "stdout", options.stdout, around.home),
        stderr=_output(options, "stderr", options.stderr, around.home),
        starts_at=_date(options.reservation),
        checkpoint_s=_checkpoint(options.checkpoint),
        signal=_signal(options.signal),
        notify=_notice(options.notify),
        after=options.anterior,
        success_only=options.success_only,
        hold=options.hold,
    )


def _notice(text: str | None) -> str | None:
    if text is not None:
        read_notify(text)
    return text


def _jobs(options: Options, batch: Batch, around: Around) -> list[NewJob]:
    size = checked_size(options.array, around.max_array)
    lines = parameters_of(options, around)
    command = command_of(options, around.home)
    config = msgspec.Raw(msgspec.json.encode(options.config or {}))
    _check_array(batch, command, config, size if lines is None else len(lines))
    if command is None:
        return [NewJob(plugin=options.plugin or "", config=config, run=True, batch=batch)] * size
    if lines is None:
        return [_shell_job(command, batch)] * size
    return [_shell_job(command.with_parameters(line), batch) for line in lines]


def _check_array(batch: Batch, command: Command | None, config: msgspec.Raw, jobs: int) -> None:
    text = "".join(command or ())
    sizes = {
        "resource": len(msgspec.json.encode(msgspec.structs.replace(batch, script=None))),
        "script": len((batch.script or "").encode("utf-8", "surrogatepass")),
        "command": len(text.encode("utf-8", "surrogatepass")),
        "config": len(config),
    }
    check_array(max(sizes, key=lambda name: sizes[name]), sum(sizes.values()), jobs)


def _shell_job(command: Command, batch: Batch) -> NewJob:
    config = msgspec.Raw(msgspec.json.encode({"command": ["bash", "-c", command.checked().run]}))
    batch = msgspec.structs.replace(batch, command=command.shown)
    return NewJob(plugin=SHELL_COMMAND, config=config, run=True, batch=batch)


def _output(options: Options, stream: str, asked: str | None, home: str) -> str | None:
    if asked is not None:
        return output_file(asked, home, stream)
    return None if options.plugin is not None else default_output(stream, options.name)


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
            return datetime.strptime(text, form).timestamp()
        if "T" in text:
            return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidFieldError(
        f"reservation: {text!r} is no date; right is YYYY-MM-DD HH:MM:SS, in the server's time",
        field="reservation",
    )


def _checkpoint(seconds: int | None) -> float | None:
    if seconds is None:
        return None
    if not 0 <= seconds < 2**31:
        raise InvalidFieldError(
            "checkpoint: right is a number of seconds before the end of the walltime",
            field="checkpoint",
        )
    return float(seconds) if seconds else None


def _signal(number: int | None) -> int:
    if number is None:
        return CHECKPOINT_SIGNAL
    if not 1 <= number <= 64:
        raise InvalidFieldError(
            f"signal: {number} is no signal; they are numbered from 1 to 64", field="signal"
        )
    return number


def _remarks(options: Options, count: int) -> list[str]:
    said = []
    keys = (
        options.use_job_key,
        options.import_job_key_from_file,
        options.import_job_key_inline,
        options.import_job_key_inline_priv,
        options.export_job_key_to_file,
    )
    if any(keys):
        said.append("No job key is made: a job needs none here to reach its nodes")
    if count > 1:
        said.append("Simple array job submission is used")
    return said
