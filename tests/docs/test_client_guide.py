"""The examples of the client's guide, run one after the other against a real server."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import hoplite.client
from hoplite.client import RemoteJobManager
from tests.server.process import ServerProcess

GUIDE = Path(__file__).parents[2] / "docs" / "client.rst"


def test_the_examples_do_what_they_say(
    own_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOPLITE_TOKEN", "HOPLITE_CLIENT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NETRC", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    here = own_server.url.removeprefix("http://")
    text = GUIDE.read_text("utf-8")
    text = text.replace('"127.0.0.1")', f'"{here}")').replace("127.0.0.1:5000", here)
    test = doctest.DocTestParser().get_doctest(text, {}, GUIDE.name, str(GUIDE), 0)
    assert len(test.examples) > 30
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    result = runner.run(test, out=told.append, clear_globs=False)
    test.globs["manager"].close()
    assert not result.failed, "".join(told)


@pytest.mark.parametrize("name", hoplite.client.__all__)
def test_every_public_name_is_described(name: str) -> None:
    assert f":: hoplite.client.{name}\n" in GUIDE.read_text("utf-8")


def test_every_public_method_is_explained() -> None:
    for cls in (RemoteJobManager, hoplite.client.RemoteJob):
        for name, member in vars(cls).items():
            if not name.startswith("_"):
                assert member.__doc__, f"{cls.__name__}.{name}"
