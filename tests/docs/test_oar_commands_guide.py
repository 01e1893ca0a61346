"""The commands of the guide, run one after the other by a shell against a real server."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hoplite.cli.oar import oar
from hoplite.cli.oar_commands import exit_codes
from tests.cli.programs import script
from tests.server.process import ServerProcess

GUIDE = Path(__file__).parents[2] / "docs" / "oar-commands.rst"


def examples() -> Iterator[tuple[str, str]]:
    """Each command, and what it prints."""
    for block in re.findall(r"code-block:: console\n\n((?:   .*\n|\n)+)", GUIDE.read_text("utf-8")):
        text = re.sub(r"^   ", "", block, flags=re.MULTILINE).rstrip("\n") + "\n"
        yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


def test_the_examples_do_what_they_say(
    own_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    (place / "bin").mkdir(parents=True)
    for name in ("HOPLITE_TOKEN", "HOPLITE_CLIENT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("HOPLITE_ADDRESS", own_server.url)
    paths = [str(place / "bin"), str(script("hoplite-oar").parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(paths))
    same = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = list(examples())
    assert len(found) > 25
    for command, printed in found:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=place, capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip
        said = f"$ {command}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        assert same.check_output(printed, done.stdout, flags), f"{said}\nexpected:\n{printed}"


def test_every_command_is_described_and_its_options_have_a_help() -> None:
    text = GUIDE.read_text("utf-8")
    for name, command in oar.commands.items():
        assert re.search(rf"\b(oar{name}|hoplite-oar {name})\b", text), name
        assert command.help, name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.opts}"


def test_every_exit_code_is_told() -> None:
    text = GUIDE.read_text("utf-8")
    for name, code in vars(exit_codes).items():
        if name.isupper() and not name.startswith("_"):
            assert re.search(rf"^([0-9]+, )?{code}[ ,]", text, re.MULTILINE), name
