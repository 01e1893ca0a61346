from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from hoplite.api.serving.report_listener import ReportListener
from tests.serving.apps import make_app


@pytest.fixture
def url() -> Iterator[str]:
    listener = ReportListener(make_app(), max_body_bytes=1000)
    yield listener.start()
    listener.close()
    listener.close()


def test_a_status_reaches_the_application(url: str) -> None:
    answer = requests.put(f"{url}/jobs/abc", json={"status": {}}, timeout=10)
    assert answer.json() == {"ref": "abc", "served_by": "report"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/abc"),
        ("POST", "/jobs"),
        ("PUT", "/jobs/abc/kill"),
        ("PUT", "/jobs/"),
        ("PUT", "/jobs/..%2Freload"),
        ("PUT", "/reload"),
        ("GET", "/environ"),
        ("DELETE", "/jobs/abc"),
    ],
)
def test_nothing_else_does(url: str, method: str, path: str) -> None:
    answer = requests.request(method, url + path, timeout=10)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


def test_its_body_is_bounded(url: str) -> None:
    answer = requests.put(f"{url}/jobs/abc", data=b"x" * 2000, timeout=10)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too-large"


def test_it_listens_on_loopback_only_and_stops(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")
    other = ReportListener(make_app(), max_body_bytes=1000)
    gone = other.start()
    other.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(gone, timeout=5)
