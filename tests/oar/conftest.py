"""An app whose OAR dialect has the sample routes too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hoplite.accounts import AccountStore
from hoplite.api import app as hoplite_app
from hoplite.api import create_app
from hoplite.api.oar import mount
from hoplite.data_directory import ACCOUNTS_FILE, prepare
from hoplite.settings import Settings
from tests.oar import sample
from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD, USERS, oar_server
from tests.oar.job_world import World, make_world
from tests.server.process import ServerProcess


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    data_dir = tmp_path_factory.mktemp("oar") / "data"
    prepare(data_dir)
    with AccountStore(data_dir / ACCOUNTS_FILE) as accounts:
        for name, role in USERS.items():
            accounts.add_user(name, role, PASSWORD)
    settings = Settings(
        data_dir=data_dir, auth=("users",), behind_proxy=("10.1.0.0/16",), max_body_bytes=100_000
    )
    routes = (*mount.OAR_ROUTES, sample.routes)
    with pytest.MonkeyPatch.context() as patch:
        for module in (mount, hoplite_app):
            patch.setattr(module, "OAR_ROUTES", routes)
        made = create_app(settings=settings)
    yield made
    made.extensions["hoplite"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client from elsewhere: nobody knows it unless it says who it is."""
    return FlaskClient(app)


@pytest.fixture(scope="session")
def oar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server process that knows the users of the recordings, for tests that leave it as it is."""
    server = oar_server(tmp_path_factory.mktemp("oar-server") / "data").start()
    assert server.url, server.log_text()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@pytest.fixture
def own_oar(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the test's own that reads small bodies only."""
    server = oar_server(tmp_path / "data", "--max-body-bytes", "2KiB").start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with a job of each kind, for tests that leave them as they are.  Others see all of a
    job, as in OAR."""
    server = Cluster(tmp_path_factory.mktemp("jobs") / "data", "--visibility", "full")
    server.start()
    try:
        assert server.url, server.log_text()
        yield make_world(server)
        assert server.alive
        assert "defect" not in server.log_text()
    finally:
        server.close()
