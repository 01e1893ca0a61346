"""The long options of OAR's ``oarsub``, which are the keys of a submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.exceptions import InvalidFieldError
from hoplite.submission import option_values as values

NO_INTERACTIVE = "The API cannot manage interactive jobs"

_ALIASES = {"resources": "resource", "types": "type", "properties": "property"}
_IGNORED = frozenset({"dumper", "xml", "yaml", "json", "help", "version"})
_HINTS = {"walltime": "it belongs into resource: /core=1,walltime=1:30:00"}


def _says(words: str) -> Meta:
    return Meta(description=words)


class Options(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What is asked for; what is not said is None, empty or False."""

    resource: Annotated[
        tuple[str, ...],
        _says("What it needs, like `/nodes=1/core=2,walltime=1:0:0`; several make it moldable."),
    ] = ()
    command: Annotated[str | None, _says("The command, which bash runs.")] = None
    script: Annotated[str | None, _says("The text of a program, run in place of a command.")] = None
    script_path: Annotated[str | None, _says("The same as `command`.")] = None
    scanscript: Annotated[bool, _says("Read the `#OAR` lines of the script.")] = False
    param_file: Annotated[
        str | None,
        _says("Lines of parameters: each makes a job of an array, and is put after the command."),
    ] = None
    array_param_file: Annotated[str | None, _says("A file on the server with such lines.")] = None
    array: Annotated[int | None, _says("So many jobs.")] = None
    workdir: Annotated[str | None, _says("Where the job runs; by default the owner's home.")] = None
    directory: Annotated[str | None, _says("The same, as seen from `workdir`.")] = None
    name: Annotated[str | None, _says("A name for the job.")] = None
    project: Annotated[str | None, _says("The project that it is for.")] = None
    queue: Annotated[str | None, _says("The queue; by default `default`.")] = None
    property: Annotated[str | None, _says("A filter for resources, like `mem > 1000`.")] = None
    type: Annotated[tuple[str, ...], _says("Types of the job, like `besteffort`.")] = ()
    reservation: Annotated[
        str | None, _says("Start just then: `YYYY-MM-DD HH:MM:SS` in the server's time.")
    ] = None
    checkpoint: Annotated[
        int | None, _says("Seconds before the end of the walltime at which it gets `signal`.")
    ] = None
    signal: Annotated[int | None, _says("The checkpoint signal; by default 12.")] = None
    anterior: Annotated[tuple[int, ...], _says("Jobs that must have ended before.")] = ()
    success_only: Annotated[bool, _says("They must have succeeded, too.")] = False
    notify: Annotated[
        str | None, _says("Whom to tell of it: `mail:<address>` or `exec:<program>`.")
    ] = None
    resubmit: Annotated[int | None, _says("Run this job, which has ended, again.")] = None
    stdout: Annotated[
        str | None, _says("File for standard output; `%jobid%` and `%jobname%` are replaced.")
    ] = None
    stderr: Annotated[str | None, _says("The same for standard error.")] = None
    hold: Annotated[bool, _says("Submit it on hold.")] = False
    use_job_key: Annotated[bool, _says("Without effect: a job needs no key here.")] = False
    import_job_key_from_file: Annotated[str | None, _says("Without effect.")] = None
    import_job_key_inline: Annotated[str | None, _says("Without effect.")] = None
    import_job_key_inline_priv: Annotated[str | None, _says("Without effect.")] = None
    export_job_key_to_file: Annotated[str | None, _says("Without effect.")] = None
    plugin: Annotated[str | None, _says("A job plugin, run in place of a command.")] = None
    config: Annotated[dict[str, Any] | None, _says("The plugin's config.")] = None
    dry_run: Annotated[bool, _says("Say what would happen, and make nothing.")] = False


def described() -> dict[str, str]:
    """What each option means, by its name."""
    fields = msgspec.inspect.type_info(Options).fields  # type: ignore[attr-defined]  # of a struct
    return {field.encode_name: field.type.extra_json_schema["description"] for field in fields}


def canonical(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` by the options' own names, without those that say nothing.

    Raises :class:`~hoplite.exceptions.InvalidFieldError` for options that are unknown, refused or
    given twice.
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = key.replace("_", "-")
        name = _ALIASES.get(name, name)
        if name in _IGNORED:
            continue
        _check_known(name, key)
        if value is None or (value in ("", []) and not _is_flag(name)):
            continue
        if name in ("interactive", "connect"):
            if name == "connect" or values.toggle(name, value):
                raise InvalidFieldError(NO_INTERACTIVE, field=name)
            continue
        if name in _GONE:
            raise InvalidFieldError(f"{key}: {_GONE[name]}", field=key)
        if name in found:
            raise InvalidFieldError(f"{key}: {name} is given twice", field=key)
        found[name] = value
    return found


def read_options(given: Mapping[str, Any]) -> Options:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError`, which names the option."""
    found = {name: _READERS[name](name, value) for name, value in canonical(given).items()}
    return Options(**{name.replace("-", "_"): value for name, value in found.items()})


def _is_flag(name: str) -> bool:
    return name == "interactive" or _READERS.get(name) is values.toggle


def _check_known(name: str, key: str) -> None:
    if name in _READERS or name in _GONE or name in ("interactive", "connect"):
        return
    near = get_close_matches(name[:63], _READERS, n=2)
    hint = _HINTS.get(name) or (near and f"did you mean {' or '.join(near)}?")
    raise InvalidFieldError(
        f"{key[:100]}: Unknown option: {key[:100]}"
        + (f"; {hint}" if hint else "; right are the long options of oarsub"),
        field=key,
    )


_GONE = dict.fromkeys(("stagein", "stagein-md5sum"), "desktop computing is not offered here")


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "resource": values.texts,
    "command": values.long_text,
    "script": values.long_text,
    "script-path": values.line,
    "scanscript": values.toggle,
    "param-file": values.long_text,
    "array-param-file": values.line,
    "array": values.number,
    "workdir": values.line,
    "directory": values.line,
    "name": values.line,
    "project": values.line,
    "queue": values.line,
    "property": values.text,
    "type": values.texts,
    "reservation": values.line,
    "checkpoint": values.number,
    "signal": values.number,
    "anterior": values.job_ids,
    "success-only": values.toggle,
    "notify": values.line,
    "resubmit": values.job_id,
    "stdout": values.line,
    "stderr": values.line,
    "hold": values.toggle,
    "use-job-key": values.toggle,
    "import-job-key-from-file": values.line,
    "import-job-key-inline": values.text,
    "import-job-key-inline-priv": values.text,
    "export-job-key-to-file": values.line,
    "plugin": values.line,
    "config": values.object_,
    "dry-run": values.toggle,
}
