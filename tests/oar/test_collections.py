"""Items, collections, and their links."""

from __future__ import annotations

import pytest
import yaml
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oar.asking import body_of, error, login


def rels(answer: TestResponse) -> list[tuple[str, str]]:
    return [(link["rel"], link["href"]) for link in body_of(answer)["links"]]


R = "/oarapi/rows.json"


@pytest.mark.parametrize(
    ("query", "ids", "links"),
    [
        ("", [1, 2, 3, 4, 5], [("self", f"{R}?offset=0")]),
        ("?limit=2", [1, 2], [("self", f"{R}?limit=2&offset=0"), ("next", f"{R}?limit=2&offset=2")]),
        ("?limit=2&foo=a,b:c;x=&offset=2", [3, 4], [
            ("self", f"{R}?limit=2&foo=a%2Cb%3Ac&x=&offset=2"),
            ("next", f"{R}?limit=2&foo=a%2Cb%3Ac&x=&offset=4"),
            ("previous", f"{R}?limit=2&foo=a%2Cb%3Ac&x=&offset=0"),
        ]),
        ("?offset=1&limit=2", [2, 3], [
            ("self", f"{R}?limit=2&offset=1"), ("next", f"{R}?limit=2&offset=3"),
        ]),
        ("?limit=3&offset=3", [4, 5], [
            ("self", f"{R}?limit=3&offset=3"), ("previous", f"{R}?limit=3&offset=0"),
        ]),
        ("?limit=0", [1, 2, 3, 4, 5], [("self", f"{R}?limit=0")]),
        ("?offset=600", [], [("self", f"{R}?offset=600"), ("previous", f"{R}?offset=100")]),
        ("?limit=&offset=", [1, 2, 3, 4, 5], [("self", f"{R}?limit=&offset=0")]),
    ],
)  # fmt: skip
def test_a_page_links_to_its_neighbours(
    client: FlaskClient, query: str, ids: list[int], links: list[tuple[str, str]]
) -> None:
    answer = client.get(R + query)
    assert [row["id"] for row in body_of(answer)["items"]] == ids
    assert rels(answer) == links
    assert body_of(answer).keys() == {"items", "links", "offset", "total", "api_timestamp"}
    assert body_of(answer)["total"] == 5 and answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    "query", ["limit=abc", "limit=-1", "offset=-1", "limit=1.5", "offset=" + "9" * 30]
)
def test_a_page_that_cannot_be_is_400_and_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{R}?{query}")
    assert error(answer) == (400, "Invalid Field")
    assert query.partition("=")[0] in body_of(answer)["message"]


def test_an_empty_collection_has_four_keys(client: FlaskClient) -> None:
    for structure in ("simple", "oar"):
        answer = client.get(f"{R}?name=nobody&structure={structure}")
        assert body_of(answer) == {"items": [], "links": [], "offset": 0, "total": 0}


def test_the_oar_structure_is_a_hash_by_id(client: FlaskClient) -> None:
    simple, oar = (
        body_of(client.get(f"{R}?structure={each}"))["items"] for each in ("simple", "oar")
    )
    assert oar.keys() == {"1", "2", "3", "4", "5"} and oar["2"]["id"] == simple[1]["id"] == 2


def test_an_item_has_links_and_the_documents_uris(client: FlaskClient) -> None:
    row = client.get("/oarapi-priv/rows/2.yaml", headers=login("alice"))
    said = yaml.safe_load(row.text)
    assert said["links"] == [
        {"rel": "member", "href": "/oarapi-priv/rows/nodes/n%201.example", "title": "node"},
        {"rel": "self", "href": "/oarapi-priv/rows/2"},
        {"rel": "collection", "href": "/oarapi-priv/rows/2/jobs", "title": "jobs"},
    ]
    assert (said["uri"], said["jobs_uri"], said["node_uri"]) == (
        "/oarapi-priv/rows/2", "/oarapi-priv/rows/2/jobs", "/oarapi-priv/rows/nodes/n%201.example",
    )  # fmt: skip
    assert isinstance(said["api_timestamp"], int)


def test_a_name_in_a_path_keeps_its_dots_and_loses_the_extension(client: FlaskClient) -> None:
    answer = client.get("/oarapi/rows/nodes/n1.example.org.json?structure=simple")
    assert body_of(answer)["items"] == [{"network_address": "n1.example.org"}]
    assert rels(answer) == [("self", "/oarapi/rows/nodes/n1.example.org.json")]
    assert body_of(answer)["offset"] == 0 and body_of(answer)["total"] == 1


def test_an_alias_is_the_same(client: FlaskClient) -> None:
    assert len(body_of(client.get("/oarapi/rows/full.json"))["items"]) == 5


@pytest.mark.parametrize(
    ("peer", "prefix", "root"),
    [
        ("10.1.2.3", "http://proxy.example/base", "http://proxy.example/base"),
        ("10.1.2.3", "/base/", "/base"),
        ("10.1.2.3", "javascript:alert(1)//", ""),
        ("10.1.2.3", "", ""),
        ("192.0.2.1", "http://evil.example", ""),
        ("127.0.0.1", "http://evil.example", ""),
    ],
)
def test_the_prefix_is_believed_of_proxies_alone(
    client: FlaskClient, peer: str, prefix: str, root: str
) -> None:
    for name in ("X-Api-Path-Prefix", "X_API_PATH_PREFIX"):
        answer = client.get(
            "/oarapi/rows.json?limit=5", headers={name: prefix}, environ_base={"REMOTE_ADDR": peer}
        )
        assert rels(answer) == [("self", f"{root}/oarapi/rows.json?limit=5&offset=0")]
        assert body_of(answer)["items"][0]["uri"] == f"{root}/oarapi/rows/1"
