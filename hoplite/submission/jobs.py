"""From options to jobs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError
from hoplite.manager.requests import NewJob
from hoplite.model.batch import CHECKPOINT_SIGNAL, Batch
from hoplite.model.batch_types import read_types
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource_property import PropertyTable
from hoplite.model.resource_request import DEFAULT_REQUEST, ResourceRequest
from hoplite.model.resource_request_parser import parse_request
from hoplite.submission.admission import Admitted, admit
from hoplite.submission.directives import scanned
from hoplite.submission.launching_place import (
    Homes,
    default_output,
    launching_directory,
    output_file,
    with_home_within,
)
from hoplite.submission.options import Options, canonical, read_options
from hoplite.submission.parameters import read_parameters

SHELL_COMMAND = "hoplite.plugins.shell_command"
NOTHING_TO_RUN = "A job must have a script, a command (script_path) or must be a reservation!"

_SCRIPT_NAME = "oarapi.subscript"
_RUN_SCRIPT = 'exec "$HOPLITE_SCRIPT"'
_RUN_NOTHING = 'exec sleep "$((OAR_JOB_WALLTIME_SECONDS - 1))"'
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}(:\d{1,2})?")
_SECRET = frozenset({"import-job-key-inline", "import-job-key-inline-priv"})
_NOT_SHOWN = frozenset({"command", "script", "script-path", "workdir", "param-file", "config"})
_MAX_SCRIPTS_BYTES = 64 << 20


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a submission is read against."""

    properties: PropertyTable
    home: str
    """Of the account that the jobs will run as."""
    homes: Homes
    is_admin: bool
    default_walltime_s: float
    max_array: int
    max_script_bytes: int
    read_file: Callable[[str, str], str]
    """The text of a file that the caller may read, by its absolute path; the second argument is the
    option that names it, for errors."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made.  ``said`` are the lines before the jobs' ids in ``cmd_output``."""

    jobs: tuple[NewJob, ...] = ()
    resubmit: int | None = None
    """The job that is to be run again; then there are no ``jobs``."""
    said: tuple[str, ...] = ()
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
            said=(f"Resubmitting job {options.resubmit}...",),
            dry_run=options.dry_run,
        )
    _check_what_runs(options)
    requests = _requests(options, around.properties)
    admitted = admit(
        options.queue,
        options.type,
        requests,
        around.properties,
        is_admin=around.is_admin,
        default_walltime_s=around.default_walltime_s,
    )
    batch = _batch(options, requests, admitted, around, _shown(named))
    jobs = tuple(_jobs(options, batch, around))
    said = (*warnings, *admitted.said, *_remarks(options, len(jobs)))
    return Submission(jobs=jobs, said=said, dry_run=options.dry_run)


def _with_directives(
    named: dict[str, Any], around: Around
) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = read_options({k: v for k, v in named.items() if k in _WHERE_SCRIPTS_ARE})
    if not asked.scanscript:
        return named, ()
    script = asked.script
    if script is None and (path := asked.script_path) is not None:
        words = shlex.split(path) if path.strip() else [""]
        place = launching_directory(asked.workdir, words[0], around.home, around.homes)
        script = around.read_file(place, "script_path")
    if script is None:
        raise InvalidFieldError(
            "scanscript: there is no script to scan: give script or script_path", field="scanscript"
        )
    found = scanned(named, script)
    return canonical(found.options), found.warnings


_WHERE_SCRIPTS_ARE = frozenset({"scanscript", "script", "script-path", "workdir"})


def _check_what_runs(options: Options) -> None:
    given = [
        name
        for name, value in (
            ("command", options.command or options.script_path),
            ("script", options.script),
            ("plugin", options.plugin),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise InvalidFieldError(
            f"{given[1]}: {' and '.join(given)} exclude each other; give one", field=given[1]
        )
    if not given and options.reservation is None:
        raise InvalidFieldError(NOTHING_TO_RUN, field="command")
    if options.config is not None and options.plugin is None:
        raise InvalidFieldError("config: it needs the name of a plugin, in plugin", field="config")


def _requests(options: Options, properties: PropertyTable) -> tuple[ResourceRequest, ...]:
    return tuple(parse_request(text, properties) for text in options.resource) or (DEFAULT_REQUEST,)


def _batch(
    options: Options,
    requests: tuple[ResourceRequest, ...],
    admitted: Admitted,
    around: Around,
    shown: str,
) -> Batch:
    read_types(admitted.types)
    filter_text = (options.property or "").strip()
    place = options.workdir, options.directory, around.home, around.homes
    inside = options.plugin is not None and options.workdir is None and options.directory is None
    return Batch(
        name=options.name,
        project=options.project or "",
        queue=admitted.queue,
        types=admitted.types,
        requests=requests,
        properties=filter_text,
        filter=parse_filter(filter_text, around.properties) if filter_text else None,
        initial_request=shown,
        command=_command_shown(options, around.home),
        script=_script(options, around),
        launching_directory=None if inside else launching_directory(*place),
        stdout=_output(options, "stdout", options.stdout, around.home),
        stderr=_output(options, "stderr", options.stderr, around.home),
        starts_at=_date(options.reservation),
        checkpoint_s=_checkpoint(options.checkpoint),
        signal=_signal(options.signal),
        notify=options.notify,
        after=options.anterior,
        success_only=options.success_only,
        hold=options.hold,
    )


def _jobs(options: Options, batch: Batch, around: Around) -> list[NewJob]:
    size = _size(options.array, around.max_array)
    lines = _parameters(options, around)
    if options.plugin is not None:
        if lines is not None:
            raise InvalidFieldError(
                "param_file: its lines are for commands; a plugin takes a config",
                field="param_file",
            )
        config = msgspec.Raw(msgspec.json.encode(options.config or {}))
        return [NewJob(plugin=options.plugin, config=config, run=True, batch=batch)] * size
    run, shown = _command_run(options, around.home), batch.command
    if lines is None:
        return [_shell_job(run, batch)] * size
    _check_size(options, len(lines), around.max_array)
    return [
        _shell_job(f"{run} {line}", msgspec.structs.replace(batch, command=f"{shown} {line}"))
        for line in lines
    ]


def _shell_job(command: str, batch: Batch) -> NewJob:
    config = msgspec.Raw(msgspec.json.encode({"command": ["bash", "-c", command]}))
    return NewJob(plugin=SHELL_COMMAND, config=config, run=True, batch=batch)


def _command_run(options: Options, home: str) -> str:
    if options.script is not None:
        return _RUN_SCRIPT
    command = options.command or options.script_path
    return _RUN_NOTHING if command is None else with_home_within(command, home)


def _command_shown(options: Options, home: str) -> str | None:
    if options.plugin is not None:
        return None
    if options.script is not None:
        return f"./{_SCRIPT_NAME}"
    command = options.command or options.script_path
    return "" if command is None else with_home_within(command, home)


def _script(options: Options, around: Around) -> str | None:
    if options.script is None:
        return None
    script = with_home_within(options.script, around.home)
    size = len(script.encode("utf-8", "surrogatepass"))
    if size > around.max_script_bytes or size * (options.array or 1) > _MAX_SCRIPTS_BYTES:
        raise InvalidFieldError(
            f"script: {size} bytes; at most {around.max_script_bytes} are taken, and "
            f"{_MAX_SCRIPTS_BYTES} for all jobs of an array: hand large data over in files",
            field="script",
        )
    return script


def _output(options: Options, stream: str, asked: str | None, home: str) -> str | None:
    if asked is not None:
        return output_file(asked, home, stream)
    return None if options.plugin is not None else default_output(stream, options.name)


def _size(array: int | None, most: int) -> int:
    if array is None:
        return 1
    if not 1 <= array <= most:
        raise InvalidFieldError(
            f"array: An array job must have a positive number of sub-jobs, at most {most}, not {array}",
            field="array",
        )
    return array


def _check_size(options: Options, count: int, most: int) -> None:
    if options.array is not None and options.array != count:
        raise InvalidFieldError(
            f"array: {options.array} jobs, but parameters for {count}; leave array out",
            field="array",
        )
    _size(count, most)


def _parameters(options: Options, around: Around) -> list[str] | None:
    text, field = options.param_file, "param_file"
    if options.array_param_file is not None:
        if text is not None:
            raise InvalidFieldError(
                "array-param-file: param_file has parameters already; give one of the two",
                field="array-param-file",
            )
        field = "array-param-file"
        place = launching_directory(
            options.workdir, options.array_param_file, around.home, around.homes
        )
        text = around.read_file(place, field)
    return None if text is None else read_parameters(text, field)


def _date(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
            return datetime.strptime(text, form).timestamp()
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


def _shown(named: Mapping[str, Any]) -> str:
    """The request as a command line of ``oarsub``, without what is secret or long."""
    words = ["oarsub"]
    for name, value in named.items():
        if name in _NOT_SHOWN:
            continue
        for each in value if isinstance(value, list) else [value]:
            if name in _SECRET:
                words.append(f"--{name}=***")
            elif each in (True, ""):
                words.append(f"--{name}")
            else:
                words.append(f"--{name}={shlex.quote(str(each))}")
    command = named.get("command") or named.get("script-path")
    if isinstance(command, str):
        words.append(shlex.quote(command))
    elif named.get("script"):
        words.append(f"./{_SCRIPT_NAME}")
    return " ".join(words)


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
