from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.serving.process import Served

Start = Callable[..., Served]


@pytest.fixture(params=["waitress", "granian"])
def http(request: pytest.FixtureRequest) -> str:
    """The name of a server; each test that asks for it runs over both."""
    name: str = request.param
    if name == "granian" and importlib.util.find_spec("granian") is None:
        pytest.skip("granian is not installed")
    return name


@pytest.fixture
def start() -> Iterator[Start]:
    """Start server processes; what is left of them is killed at the end."""
    with ExitStack() as stack:

        def start_one(http: str = "waitress", **settings: object) -> Served:
            return stack.enter_context(Served(http, settings))

        yield start_one


@pytest.fixture
def server(http: str, start: Start) -> Served:
    return start(http)
