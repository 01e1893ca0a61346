"""What the jobs of a submission run: a command, a script, or nothing but the time."""

from __future__ import annotations

from typing import NamedTuple

from hoplite.exceptions import InvalidFieldError
from hoplite.submission.around import Around
from hoplite.submission.launching_place import launching_directory, with_home_within
from hoplite.submission.options import Options
from hoplite.submission.parameters import read_parameters

NOTHING_TO_RUN = "A job must have a script, a command (script_path) or must be a reservation!"
SCRIPT_NAME = "oarapi.subscript"

_RUN_SCRIPT = 'exec "$HOPLITE_SCRIPT"'
_RUN_NOTHING = "exec sleep infinity"
"""Shown in the config; see :func:`~hoplite.model.batch.runs_nothing` for what becomes of it."""
_MAX_ARRAY_BYTES = 64 << 20
_MAX_COMMAND_BYTES = (128 << 10) - 1
"""What Linux takes as one argument of a program."""


class Command(NamedTuple):
    """``run`` is for bash; ``shown`` is what people see of it."""

    run: str
    shown: str

    def with_parameters(self, line: str) -> Command:
        return Command(f"{self.run} {line}", f"{self.shown} {line}")

    def checked(self) -> Command:
        """Raises :class:`~hoplite.exceptions.InvalidFieldError` if no bash could be given it."""
        size = len(self.run.encode("utf-8", "surrogatepass"))
        if size > _MAX_COMMAND_BYTES:
            raise InvalidFieldError(
                f"command: {size} bytes; at most {_MAX_COMMAND_BYTES} are taken: give a script",
                field="command",
            )
        return self


def check_what_runs(options: Options) -> None:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` unless there is one thing to run, or a
    reservation."""
    choices = {
        "command": options.command or options.script_path,
        "script": options.script,
        "plugin": options.plugin,
    }
    given = [name for name, value in choices.items() if value is not None]
    if len(given) > 1:
        raise InvalidFieldError(
            f"{given[1]}: {' and '.join(given)} exclude each other; give one", field=given[1]
        )
    if not given and options.reservation is None:
        raise InvalidFieldError(NOTHING_TO_RUN, field="command")
    if options.config is not None and options.plugin is None:
        raise InvalidFieldError("config: it needs the name of a plugin, in plugin", field="config")


def command_of(options: Options, home: str) -> Command | None:
    """None: a plugin is run."""
    if options.plugin is not None:
        return None
    if options.script is not None:
        return Command(_RUN_SCRIPT, f"./{SCRIPT_NAME}")
    command = options.command or options.script_path
    if command is None:
        return Command(_RUN_NOTHING, "")
    text = with_home_within(command, home)
    return Command(text, text)


def script_of(options: Options, around: Around) -> str | None:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` if it is too large."""
    if options.script is None:
        return None
    script = with_home_within(options.script, around.home)
    size = len(script.encode("utf-8", "surrogatepass"))
    if size > around.max_script_bytes:
        raise InvalidFieldError(
            f"script: {size} bytes; at most {around.max_script_bytes} are taken: hand large data "
            "over in files",
            field="script",
        )
    return script


def check_array(what: str, size: int, jobs: int) -> None:
    """Each job of an array keeps all that was asked for, ``size`` bytes, most of them in the option
    ``what``.  Raises :class:`~hoplite.exceptions.InvalidFieldError` if that is too much."""
    if jobs > 1 and size * jobs > _MAX_ARRAY_BYTES:
        raise InvalidFieldError(
            f"{what}: {size} bytes for each of {jobs} jobs are too much; have them run one file, by "
            "its path in command",
            field=what,
        )


def parameters_of(options: Options, around: Around) -> list[str] | None:
    """The parameters of each job of an array; None where there are none.

    Raises :class:`~hoplite.exceptions.InvalidFieldError`.
    """
    text, field = options.param_file, "param_file"
    if options.array_param_file is not None:
        field = "array-param-file"
        if text is not None:
            raise InvalidFieldError(
                f"{field}: param_file has parameters already; give one of the two", field=field
            )
        path = options.array_param_file
        place = launching_directory(options.workdir, path, around.home, around.homes)
        text = around.read_file(place, field)
    if text is None:
        return None
    if options.plugin is not None:
        raise InvalidFieldError(
            f"{field}: its lines are for commands; a plugin takes a config", field=field
        )
    return _of_right_number(read_parameters(text, field), options, around)


def _of_right_number(lines: list[str], options: Options, around: Around) -> list[str]:
    if options.array is not None and options.array != len(lines):
        raise InvalidFieldError(
            f"array: {options.array} jobs, but parameters for {len(lines)}; leave array out",
            field="array",
        )
    checked_size(len(lines), around.max_array)
    return lines


def checked_size(array: int | None, most: int) -> int:
    """How many jobs.  Raises :class:`~hoplite.exceptions.InvalidFieldError`."""
    if array is None:
        return 1
    if not 1 <= array <= most:
        raise InvalidFieldError(
            f"array: An array job must have a positive number of sub-jobs, at most {most}, not {array}",
            field="array",
        )
    return array
