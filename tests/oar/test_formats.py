"""Which format an answer has, and what it says in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from tests.oar.asking import BROWSER, body_of, error, login


@pytest.mark.parametrize(
    ("path", "headers", "media"),
    [
        ("/version.json", {"Accept": "text/yaml"}, "application/json"),
        ("/version.yaml", {"Accept": "text/html", "Content-Type": "text/html"}, "text/yaml"),
        ("/version.html", {}, "text/html"),
        ("/version", {"Accept": "*/*"}, "application/json"),
        ("/version", {"Accept": BROWSER}, "text/html"),
        ("/version", {"Accept": "application/xml, text/yaml;q=0.5, */*;q=0.1"}, "text/yaml"),
        ("/version", {"Accept": "text/yaml, application/json"}, "text/yaml"),
        ("/version", {"Accept": "application/json;q=0.2, text/yaml; q=0.9"}, "text/yaml"),
        ("/version", {"Accept": "application/json;q=0, */*"}, "text/yaml"),
        ("/version", {"Accept": "text/html;q=0, text/*"}, "text/yaml"),
        ("/version", {"Accept": "APPLICATION/JSON;charset=UTF-8"}, "application/json"),
        ("/version", {"Accept": "application/yaml"}, "application/yaml"),
        ("/version", {"Accept": "text/x-yaml"}, "text/x-yaml"),
        ("/version", {"Accept": "image/png", "Content-Type": "text/yaml"}, "text/yaml"),
        ("/version", {"Content-Type": "text/html; charset=x"}, "text/html"),
    ],
)
def test_the_format_is_the_extensions_or_accepts_or_the_content_types(
    client: FlaskClient, path: str, headers: dict[str, str], media: str
) -> None:
    answer = client.get(f"/oarapi{path}", headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, media)


@pytest.mark.parametrize(
    ("headers", "title"),
    [
        ({}, "Invalid content type "),
        ({"Accept": "image/png"}, "Invalid content type required image/png"),
        ({"Accept": "*/*;q=0"}, "Invalid content type required */*;q=0"),
        ({"Accept": "image/png", "Content-Type": "text/plain"}, "Invalid content type "),
        ({"Content-Type": "text/plain"}, "Invalid content type text/plain"),
        ({"Accept": ";;,q=,/;q=nan"}, "Invalid content type required ;;,q=,/;q=nan"),
    ],
)
def test_no_format_is_406_in_oars_words(
    client: FlaskClient, headers: dict[str, str], title: str
) -> None:
    answer = client.get("/oarapi/version", headers=headers)
    assert error(answer) == (406, title)
    message = "Valid types are text/yaml, application/json or text/html"
    assert body_of(answer)["message"] == message


def test_yaml_is_read_back_as_what_json_says(client: FlaskClient) -> None:
    """By YAML 1.1 too, where a bare NO is false and 1:30 ninety."""
    said: dict[str, Any] = {
        "yes": "YES", "no": "no", "one": "1", "time": "1:30:00", "date": "2030-01-01", "none": None,
        "null": "null", "tilde": "~", "empty": "", "number": 3, "float": 0.5, "true": True,
        "lines": "a\nb", "odd": "é\x01\t", "list": [], "hash": {}, "nested": [{"a": [1, {}]}] * 2,
    }  # fmt: skip
    sent = {"json": said, "headers": login("oar")}
    in_json = body_of(client.post("/oarapi/said.json", **sent))
    answer = client.post("/oarapi/said.yaml", **sent)
    assert answer.text.startswith("---\n") and "&" not in answer.text
    assert yaml.safe_load(answer.text) == in_json == {"said": said, "by": "oar"}


def test_pages_show_the_data_escaped_with_working_links(client: FlaskClient) -> None:
    answer = client.get("/oarapi/rows.html?limit=2")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    page = answer.text
    assert "<script" not in page and "<b>" not in page and "&lt;b&gt;NO&lt;/b&gt;" in page
    links = set(re.findall(r'href="([^"]*)"', page)) - {"#main"}
    assert '<a class="skip" href="#main">' in page and '<main id="main"' in page
    assert "/oarapi/rows.html?limit=2&amp;offset=2" in links
    assert "/oarapi/rows/1.html" in links and "/oarapi/rows/nodes/n%201.example.html" in links
    assert not any(link.startswith("javascript") for link in links)
    for link in links:
        answer = client.get(link.replace("&amp;", "&"), headers={"Accept": BROWSER})
        log_in = "/oarapi-priv/" in link
        unmade = "/rows/" in link and link.endswith("/jobs.html")
        assert answer.status_code == (401 if log_in else 404 if unmade else 200), link
        answer.close()


def test_a_page_tells_who_one_is_and_stays_on_its_mount(client: FlaskClient) -> None:
    stranger = client.get("/oarapi/index.html").text
    assert 'href="/oarapi-priv/index.html">Log in' in stranger
    known = client.get("/oarapi-priv/rows/1.html", headers=login("alice")).text
    assert "You are alice" in known and "Log in" not in known
    assert 'href="/oarapi-priv/rows/1.html"' in known and '"/oarapi/' not in known
