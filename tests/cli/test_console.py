"""The command as a shell runs it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hoplite.accounts import AccountStore

_SERVER = [sys.executable, "-m", "hoplite.cli.server"]
PASSWORD = "correct horse battery"


def run(*args: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_SERVER, *args], input=given, capture_output=True, text=True, check=False
    )


def test_help_comes_at_once_and_imports_neither_flask_nor_a_database() -> None:
    code = (
        "import sys\nfrom hoplite.cli.server import server\n"
        "server(['--help'], standalone_mode=False)\n"
        "print(sorted({'flask', 'sqlite3', 'argon2', 'requests', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    best = min(_seconds_of("--help") for _ in range(5))
    assert best < 1.0, "some 0.1 s on an idle machine"


def _seconds_of(*args: str) -> float:
    begun = time.perf_counter()
    assert run(*args).returncode == 0
    return time.perf_counter() - begun


def test_errors_are_one_line_on_stderr() -> None:
    done = run("--port", "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hoplite-server: setting port (from --port): expected ")
    assert done.stderr.count("\n") == 1


def test_a_user_and_a_token_made_in_a_shell_work(tmp_path: Path) -> None:
    at = ("--data-dir", str(tmp_path / "data"))
    assert run(*at, "user", "add", "ann", "--password-stdin", given=PASSWORD).returncode == 0
    made = run("token", "create", "--user", "ann", *at)
    assert made.returncode == 0
    with AccountStore(tmp_path / "data" / "accounts.db") as store:
        assert store.verify_password("ann", PASSWORD) is not None
        assert store.verify_token(made.stdout.rstrip("\n")) is not None


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*_SERVER, "user", "add", "ann", "--data-dir", str(tmp_path / "data")],
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    ) as process:
        os.close(end)
        shown = b""
        for question in (b"Password for ann: ", b"Repeat for confirmation: "):
            while question not in shown:
                shown += os.read(terminal, 1024)
            os.write(terminal, PASSWORD.encode() + b"\n")
        while b"added user ann" not in shown:
            shown += os.read(terminal, 1024)
        assert process.wait(20) == 0
    os.close(terminal)
    assert PASSWORD.encode() not in shown


@pytest.mark.parametrize("argument", ["--version", "-h"])
def test_the_common_options_are_there(argument: str) -> None:
    done = run(argument)
    assert done.returncode == 0
    assert "hoplite" in done.stdout
