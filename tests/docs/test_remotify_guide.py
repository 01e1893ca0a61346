"""The examples of the guide to remote calls, run one after the other against a real server."""

from __future__ import annotations

import doctest
import re
import textwrap
from pathlib import Path

import pytest

import hoplite.remote_enabler
import hoplite.testing
from hoplite.remote_enabler import close_connections

GUIDE = Path(__file__).parents[2] / "docs" / "remotify.rst"


def test_the_examples_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOPLITE_TOKEN", "HOPLITE_CLIENT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    text = GUIDE.read_text("utf-8")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    # Where a server that is root has the jobs of other users look too.
    (tmp_path / "measuring.py").write_text(textwrap.dedent(blocks[0]))
    monkeypatch.syspath_prepend(tmp_path)
    with hoplite.testing.throw_away_server() as server:
        text = text.replace('"127.0.0.1"', f'"{server.address}"')
        text = text.replace("127.0.0.1:5000", server.address)
        test = doctest.DocTestParser().get_doctest(text, {}, GUIDE.name, str(GUIDE), 0)
        assert len(test.examples) > 25
        told: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        result = runner.run(test, out=told.append)
    close_connections()
    assert not result.failed, "".join(told)


@pytest.mark.parametrize("name", hoplite.remote_enabler.__all__)
def test_every_public_name_is_described(name: str) -> None:
    assert f":: hoplite.remote_enabler.{name}\n" in GUIDE.read_text("utf-8")


@pytest.mark.parametrize("name", hoplite.testing.__all__)
def test_every_public_name_for_tests_is_described(name: str) -> None:
    assert f":: hoplite.testing.{name}\n" in GUIDE.read_text("utf-8")
