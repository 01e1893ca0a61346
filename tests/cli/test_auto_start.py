"""``hoplite-auto-start``: the file that it writes, and what it runs."""

from __future__ import annotations

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hoplite.cli.services import service
from tests.cli.programs import script

UNIT = "hoplite-server.service"
linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in, because tests must not change the services of whoever runs them; the file that
    it writes its arguments to."""
    folder, calls = tmp_path / "programs", tmp_path / "calls"
    folder.mkdir()
    calls.touch()
    program = folder / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ntest ! -e {tmp_path}/no-bus || '
                       '{ echo "Failed to connect to bus" >&2; exit 1; }\n')  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return calls


def auto_start(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script("hoplite-auto-start"), *args],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def read(text: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # as the library says to
    unit.read_string(text)
    return unit


@linux
def test_the_unit_is_written_enabled_and_shown(home: Path, systemctl: Path) -> None:
    done = auto_start()
    assert done.returncode == 0, done.stderr
    path = home / "config" / "systemd" / "user" / UNIT
    unit = read(path.read_text())
    assert unit["Service"]["ExecStart"] == str(script("hoplite-server"))
    assert unit["Service"]["KillMode"] == "process"
    assert unit["Service"]["NoNewPrivileges"] == "yes"
    assert unit["Install"]["WantedBy"] == "default.target"
    assert systemctl.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable --now {UNIT}",
    ]
    assert f"write {path}:\n    [Unit]\n" in done.stdout
    assert f"run systemctl --user enable --now {UNIT}\n" in done.stdout
    assert [each.name for each in path.parent.iterdir()] == [UNIT]


@linux
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(home: Path, systemctl: Path) -> None:
    auto_start()
    path = home / "config" / "systemd" / "user" / UNIT
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", path],
        capture_output=True, text=True, check=False, timeout=30,
        env={**os.environ, "XDG_RUNTIME_DIR": str(home)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@linux
def test_disabling_undoes_all_of_it(home: Path, systemctl: Path) -> None:
    auto_start()
    systemctl.write_text("")
    done = auto_start("-d")
    assert done.returncode == 0
    assert not (home / "config" / "systemd" / "user" / UNIT).exists()
    assert systemctl.read_text().splitlines() == [
        f"--user disable --now {UNIT}",
        "--user daemon-reload",
    ]
    again = auto_start("--disable")
    assert (again.returncode, again.stdout.count("nothing to disable")) == (0, 1)


@linux
def test_a_dry_run_does_nothing(home: Path, systemctl: Path) -> None:
    done = auto_start("--dry-run")
    assert done.returncode == 0
    assert f"run systemctl --user enable --now {UNIT}\n" in done.stdout
    assert not (home / "config").exists()
    assert systemctl.read_text() == ""


@linux
def test_without_a_session_it_says_what_is_left_to_do(home: Path, systemctl: Path) -> None:
    systemctl.with_name("no-bus").touch()
    done = auto_start()
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "Failed to connect to bus" in line
    assert "run 'systemctl --user daemon-reload' where it can be done" in line


def test_a_path_with_blanks_and_specifiers_stays_whole(tmp_path: Path) -> None:
    found = service("linux", {}, tmp_path, ("/opt/my tools/100%/hoplite-server",))
    assert found.path == tmp_path / ".config" / "systemd" / "user" / UNIT
    assert read(found.text)["Service"]["ExecStart"] == '"/opt/my tools/100%%/hoplite-server"'


def test_an_agent_of_launchd(tmp_path: Path) -> None:
    found = service("darwin", {}, tmp_path, ("/opt/hoplite-server",))
    agent = plistlib.loads(found.text.encode())
    assert agent["ProgramArguments"] == ["/opt/hoplite-server"]
    assert agent["RunAtLoad"] is True
    assert agent["AbandonProcessGroup"] is True
    assert found.path == tmp_path / "Library" / "LaunchAgents" / f"{agent['Label']}.plist"
    assert found.enable == (("launchctl", "load", "-w", str(found.path)),)


def test_a_file_in_the_start_up_folder(tmp_path: Path) -> None:
    found = service("win32", {"APPDATA": str(tmp_path)}, Path("/"), ("C:/My Tools/hoplite.exe",))
    assert found.path.parts[-3:] == ("Programs", "Startup", "hoplite.bat")
    assert found.text == '@start "hoplite" /min "C:/My Tools/hoplite.exe"\r\n'
    assert found.enable == ()
