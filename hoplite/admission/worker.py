"""The child that runs admission rules: a program of its own, started by its path.

It imports nothing of hoplite, so that it starts quickly and holds nothing.  Requests and answers
are JSON texts with their lengths before them, on descriptor 0; which rule runs is at the beginning
of descriptor 1.  See :mod:`hoplite.admission.child` for the other half.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

MAX_LINES = 100
MAX_CHARACTERS = 2000
MAX_DEPTH = 100
NOBODY = 65534

_LENGTH = struct.Struct("!I")
_RUNNING = struct.Struct("!q")
_AT = re.compile(r"^ *--> [^\n]*:(\d+):(\d+)$", re.MULTILINE)
_ERROR = re.compile(r"^(?:error: )(?P<text>.*?)(?=\n *-->|\Z)", re.MULTILINE | re.DOTALL)
_END_AT_ONCE = "fail('')\n"


class Refused(Exception):
    """A rule said no."""


class Rules:
    """Rules that were parsed, and what they are run with."""

    def __init__(self, starlark: Any) -> None:
        self._starlark = starlark
        dialect = starlark.Dialect.extended()
        dialect.enable_load = False
        dialect.enable_top_level_stmt = True
        dialect.enable_f_strings = True
        self._dialect = dialect
        self._globals = starlark.Globals.standard()
        self._options = starlark.EvalOptions(max_callstack_size=MAX_DEPTH)
        self._with_json = starlark.Globals.extended_by([starlark.LibraryExtension.Json])
        self._before = self.parsed("job = json.decode(_job)\nsite = json.decode(_site)\n")
        self._after = self.parsed("json.encode(job)\n")
        self._parsed: list[tuple[int, Any]] = []
        self._may_set: frozenset[str] = frozenset()

    def use(self, rules: list[tuple[int, str]], may_set: list[str]) -> None:
        self._may_set = frozenset(may_set)
        self._parsed = []
        for number, text in rules:
            os.pwrite(1, _RUNNING.pack(number), 0)
            self._parsed.append((number, self.parsed(text)))

    def parsed(self, text: str) -> Any:
        return self._starlark.parse("rule", text, self._dialect)

    def check(self, text: str) -> dict[str, Any]:
        """What is wrong with a rule before it ever runs: what cannot be parsed, and names that
        nobody gave."""
        try:
            self.parsed(text)
        except self._starlark.StarlarkError as error:
            return {"failed": _failure(0, str(error))}
        refusal: dict[str, Any] = {}
        try:
            # All names are looked up before the first line, which ends it, runs.
            self._evaluate(self.parsed(_END_AT_ONCE + text), "{}", "{}", Said(), refusal)
        except self._starlark.StarlarkError as error:
            if not refusal:
                return {"failed": _failure(0, str(error), lines_before=1)}
        return {}

    def run(self, job: dict[str, Any], site: dict[str, Any]) -> dict[str, Any]:
        """All rules in order, up to the first that refuses or fails.  ``steps`` are the jobs as they
        were after each rule that changed something."""
        said, steps = Said(), list[tuple[int, Any]]()
        answer: dict[str, Any] = {"said": said.lines, "steps": steps}
        text, site_text = json.dumps(job), json.dumps(site)
        for number, parsed in self._parsed:
            os.pwrite(1, _RUNNING.pack(number), 0)
            refusal: dict[str, Any] = {}
            try:
                made = self._evaluate(parsed, text, site_text, said, refusal)
            except self._starlark.StarlarkError as error:
                if refusal:
                    return answer | {"refused": {"rule": number, **refusal}}
                return answer | {"failed": _failure(number, str(error))}
            if made == text:
                continue
            after = json.loads(made)
            wrong = self._wrong(job, after)
            if wrong is not None:
                return answer | {"failed": _failure(number, wrong)}
            _settle_walltime(job, after)
            if after != job:
                steps.append((number, after))
            job, text = after, json.dumps(after)
        return answer | {"job": job}

    def _wrong(self, before: dict[str, Any], after: Any) -> str | None:
        if not isinstance(after, dict):
            return "job is no longer a dict"
        for key, value in before.items():
            if key not in after:
                return f"it takes job[{key!r}] away"
            if key not in self._may_set and after[key] != value:
                return f"it sets job[{key!r}], which rules may only read"
        new = [key for key in after if key not in before]
        return f"it sets job[{new[0]!r}], which there is not" if new else None

    def _evaluate(
        self, parsed: Any, job: str, site: str, said: Said, refusal: dict[str, Any]
    ) -> str:
        """What a rule makes of ``job``.  Both are JSON: the library takes long over anything else."""
        module = self._starlark.Module()
        module["_job"] = job
        module["_site"] = site
        self._starlark.eval(module, self._before, self._with_json)
        module.add_callable("warn", said.warn)
        module.add_callable("fail", _refuser(refusal, may=True))
        module.add_callable("forbid", _refuser(refusal, may=False))
        self._starlark.eval_with(self._options, module, parsed, self._globals)
        made = self._starlark.eval(module, self._after, self._with_json)
        return str(made)


class Said:
    """What rules had to say to who submits."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, message: object) -> None:
        for line in str(message)[:MAX_CHARACTERS].splitlines():
            if len(self.lines) < MAX_LINES:
                self.lines.append(line)


def _refuser(refusal: dict[str, Any], *, may: bool) -> Callable[..., None]:
    def refuse(message: object, field: str | None = None) -> None:
        refusal.update(message=str(message)[:MAX_CHARACTERS], field=field, may=may)
        raise Refused

    return refuse


def _settle_walltime(before: dict[str, Any], after: dict[str, Any]) -> None:
    """``walltime`` is that of all alternatives: set it, and they have it; else it is their longest."""
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        if after["walltime"] != before["walltime"]:
            for each in after["resources"]:
                each["walltime"] = after["walltime"]
        each_one = [each["walltime"] for each in after["resources"]]
        after["walltime"] = None if None in each_one else max(each_one, default=None)


def _failure(number: int, message: str, lines_before: int = 0) -> dict[str, Any]:
    found = _ERROR.search(message)
    text = " ".join((found["text"] if found else message).split())[:MAX_CHARACTERS]
    at = _AT.search(message)
    failure: dict[str, Any] = {"rule": number, "error": text}
    if at is not None:
        failure |= {"line": int(at[1]) - lines_before, "column": int(at[2])}
    return failure


def _give_up_rights(memory_bytes: int) -> None:
    """Nothing but computing: no other user's files, no processes, no files, so much memory.

    Afterwards nothing can be imported any more.
    """
    held = int(_text_of_statm().split()[0]) * resource.getpagesize()
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    limits = {
        resource.RLIMIT_AS: held + memory_bytes,
        resource.RLIMIT_NOFILE: 3,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 1 << 16,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def _text_of_statm() -> bytes:
    descriptor = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _read(length: int) -> bytes:
    parts = []
    while length:
        part = os.read(0, length)
        if not part:
            sys.exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _write(answer: dict[str, Any]) -> None:
    text = json.dumps(answer).encode()
    left = memoryview(_LENGTH.pack(len(text)) + text)
    while left:
        left = left[os.write(0, left) :]


def _answer(rules: Rules, asked: dict[str, Any]) -> dict[str, Any]:
    # The kernel ends a child that computes for longer, whatever it is at and whoever still waits.
    signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
    try:
        if "check" in asked:
            return rules.check(asked["check"])
        if "rules" in asked:
            rules.use(asked["rules"], asked["may_set"])
        return rules.run(asked["job"], asked["site"])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Answer requests until there are no more."""
    sys.path.append(sys.argv[1])
    import starlark

    rules = Rules(starlark)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _give_up_rights(int(sys.argv[2]))
    while True:
        (length,) = _LENGTH.unpack(_read(_LENGTH.size))
        asked = json.loads(_read(length))
        try:
            answer = _answer(rules, asked)
        except BaseException as error:  # noqa: BLE001 - a panic of the interpreter is no Exception
            os.write(2, f"{type(error).__name__}: {error}"[:MAX_CHARACTERS].encode())
            os._exit(1)
        _write(answer)


if __name__ == "__main__":
    main()
