"""The server as a service of one user, on the systems that have such."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from hoplite.exceptions import HopliteError

_UNIT = """\
[Unit]
Description=hoplite job server

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=1
# Only the server is stopped with the service: running jobs go on, and the next server adopts them.
KillMode=process
# What a server and its jobs need not do.  Jobs run within these bounds, so nothing is among them that
# hides files from a job, or makes the users of this machine look like others.
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""
_LABEL = "org.hoplite.server"
_NAME = "hoplite-server"


class Service(msgspec.Struct, frozen=True):
    """A file that makes it one, and the commands that make the system heed it."""

    path: Path
    text: str
    enable: tuple[tuple[str, ...], ...] = ()
    disable: tuple[tuple[str, ...], ...] = ()
    """Before the file is removed."""
    after_removal: tuple[tuple[str, ...], ...] = ()
    hints: tuple[str, ...] = ()

    def write(self) -> None:
        """Put the file there, whole or not at all."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_name(f".{self.path.name}.new")
            new.write_text(self.text, encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            raise HopliteError(f"{self.path} cannot be written: {error.strerror}") from error

    def run(self, command: tuple[str, ...]) -> None:
        """Raises HopliteError with what it said, if it fails."""
        again = f"{self.path} is there; run '{' '.join(command)}' where it can be done"
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
        except FileNotFoundError:
            raise HopliteError(f"{command[0]} is not on this machine: {again}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
            raise HopliteError(f"{' '.join(command)} failed: {said}: {again}")


def service_here() -> Service:
    """Of this user on this machine, running this installation."""
    return service(sys.platform, os.environ, Path.home(), _command())


def service(
    platform: str, environ: os._Environ[str] | dict[str, str], home: Path, command: tuple[str, ...]
) -> Service:
    """As ``sys.platform`` names the system."""
    if platform == "darwin":
        return _launchd(home, command)
    if platform == "win32":
        return _start_up_folder(Path(environ.get("APPDATA", home)), command)
    config = environ.get("XDG_CONFIG_HOME") or home / ".config"
    return _systemd(Path(config), command)


def _command() -> tuple[str, ...]:
    """What runs the server; absolute, because a service has a ``PATH`` of its own."""
    script = Path(sys.executable).with_name(_NAME)
    if script.exists():
        return (str(script),)
    return (sys.executable, "-m", "hoplite.cli.server")


def _systemd(config: Path, command: tuple[str, ...]) -> Service:
    unit = f"{_NAME}.service"
    user = ("systemctl", "--user")
    return Service(
        config / "systemd" / "user" / unit,
        _UNIT.format(command=" ".join(map(_quoted, command))),
        enable=((*user, "daemon-reload"), (*user, "enable", "--now", unit)),
        disable=((*user, "disable", "--now", unit),),
        after_removal=((*user, "daemon-reload"),),
        hints=(
            f"its log: journalctl --user -u {unit}",
            "to have it start with the machine, before you log in: loginctl enable-linger",
        ),
    )


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" '\"\\;") else escaped


def _launchd(home: Path, command: tuple[str, ...]) -> Service:
    import plistlib

    path = home / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    facts = {
        "Label": _LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        # Running jobs go on when the server is stopped.
        "AbandonProcessGroup": True,
        "StandardErrorPath": str(home / "Library" / "Logs" / "hoplite-server.log"),
    }
    return Service(
        path,
        plistlib.dumps(facts).decode(),
        enable=(("launchctl", "load", "-w", str(path)),),
        disable=(("launchctl", "unload", "-w", str(path)),),
    )


def _start_up_folder(roaming: Path, command: tuple[str, ...]) -> Service:
    folder = roaming / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "Startup"
    line = subprocess.list2cmdline(command).replace("%", "%%")
    return Service(
        folder / "hoplite.bat",
        f'@start "hoplite" /min {line}\r\n',
        hints=("it starts when you log in next time",),
    )
