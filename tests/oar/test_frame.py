"""What all routes of the OAR dialect have in common: who may, formats, errors, collections."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oar.golden import PASSWORD, USERS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON = {"Accept": "application/json"}
ERROR = {"code", "title", "message"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client from elsewhere: nobody knows it unless it says who it is."""
    return FlaskClient(app)


def login(user: str) -> dict[str, str]:
    text = b64encode(f"{user}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def body_of(answer: TestResponse) -> Any:
    return answer.json


def error(answer: TestResponse) -> tuple[int, str]:
    body = body_of(answer)
    assert body.keys() == ERROR
    assert body["code"] == answer.status_code
    return body["code"], body["title"]


# Who


@pytest.mark.parametrize("path", ["/whoami.json", "/nosuch.json", "", "/", "/rows/1.json"])
def test_the_private_mount_wants_to_know_everybody(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/oarapi-priv{path}?debug=1", headers=JSON)
    assert error(answer) == (401, "Permission denied")
    assert any("Basic" in each for each in answer.headers.getlist("WWW-Authenticate"))


@pytest.mark.parametrize("mount", ["/oarapi", "/oarapi-priv"])
@pytest.mark.parametrize("user", USERS)
def test_both_mounts_know_who_logs_in(client: FlaskClient, mount: str, user: str) -> None:
    answer = client.get(f"{mount}/whoami.json", headers=login(user))
    assert body_of(answer)["authenticated_user"] == user


@pytest.mark.parametrize("mount", ["/oarapi", "/oarapi-priv"])
def test_wrong_credentials_are_refused_everywhere(client: FlaskClient, mount: str) -> None:
    wrong = {"Authorization": "Basic " + b64encode(b"oar:wrong").decode()}
    answer = client.get(f"{mount}/version.json", headers=wrong)
    assert error(answer)[0] == 401 and "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    "name",
    ["X-Remote-Ident", "X_REMOTE_IDENT", "x_remote-ident", "X-REMOTE_IDENT", "Authenticate-Uid",
     "AUTHENTICATE_UID", "X-Remote-User", "X_Remote_User", "Remote-User"],
)  # fmt: skip
@pytest.mark.parametrize("peer", ["192.0.2.1", "10.1.2.3"])
def test_no_header_of_a_client_makes_it_somebody(client: FlaskClient, name: str, peer: str) -> None:
    """Not even where it comes by a trusted proxy, while the proxy is not asked who it is."""
    base = {"REMOTE_ADDR": peer}
    answer = client.get("/oarapi/whoami.json", headers={name: "oar"}, environ_base=base)
    assert body_of(answer)["authenticated_user"] == ""
    as_env = {f"HTTP_{name.upper().replace('-', '_')}": "oar"}
    answer = client.get("/oarapi-priv/whoami.json", environ_base=base, environ_overrides=as_env)
    assert answer.status_code == 401


def test_roles_are_public_user_and_oar(client: FlaskClient) -> None:
    def say(path: str, user: str | None) -> int:
        headers = {**JSON, **(login(user) if user else {})}
        return client.post(f"/oarapi{path}", json={"name": "x"}, headers=headers).status_code

    assert [say("/said", who) for who in (None, "alice", "oar")] == [401, 200, 200]
    assert [say("/rows", who) for who in (None, "alice", "oar")] == [401, 403, 201]
    assert client.get("/oarapi/rows", headers=JSON).status_code == 200


def test_the_right_is_looked_at_before_the_body(client: FlaskClient) -> None:
    answer = client.post("/oarapi/rows", data="{", content_type="application/json")
    assert error(answer)[0] == 401 and "WWW-Authenticate" in answer.headers
    refused = client.post("/oarapi/rows.json", data="{", headers=login("alice"))
    assert error(refused) == (403, "Forbidden") and "oar user" in body_of(refused)["message"]


# Formats


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
    links = set(re.findall(r'href="([^"]*)"', page))
    assert "/oarapi/rows.html?limit=2&amp;offset=2" in links
    assert "/oarapi/rows/1.html" in links and "/oarapi/rows/nodes/n%201.example.html" in links
    assert not any(link.startswith("javascript") for link in links)
    for link in links:
        answer = client.get(link.replace("&amp;", "&"), headers={"Accept": BROWSER})
        log_in, unmade = "/oarapi-priv/" in link, link.endswith("/jobs.html")
        assert answer.status_code == (401 if log_in else 404 if unmade else 200), link
        answer.close()


def test_a_page_tells_who_one_is_and_stays_on_its_mount(client: FlaskClient) -> None:
    stranger = client.get("/oarapi/index.html").text
    assert 'href="/oarapi-priv/index.html">Log in' in stranger
    known = client.get("/oarapi-priv/rows/1.html", headers=login("alice")).text
    assert "You are alice" in known and "Log in" not in known
    assert 'href="/oarapi-priv/rows/1.html"' in known and '"/oarapi/' not in known


# Bodies


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("application/json", '{"name": "x", "count": 3}'),
        ("application/json; charset=utf-8", '{"name": "x", "count": 3}'),
        ("text/yaml", "name: x\ncount: 3\n"),
        ("application/yaml", "--- {name: x, count: 3}"),
        ("application/x-www-form-urlencoded", "name=x&count=3"),
        ("multipart/form-data; boundary=B",
         ('--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n'
         '--B\r\nContent-Disposition: form-data; name="count"\r\n\r\n3\r\n--B--\r\n')),
    ],
)  # fmt: skip
def test_bodies_are_json_yaml_or_forms(client: FlaskClient, media: str, text: str) -> None:
    headers = login("oar")
    answer = client.post("/oarapi/rows.json", data=text, content_type=media, headers=headers)
    assert (answer.status_code, body_of(answer)) == (201, {"id": 6, "name": "x", "count": 3})
    assert answer.headers["Location"] == "/oarapi/rows/6" and "Allow" not in answer.headers


def test_plain_yaml_scalars_stay_as_they_are_written(client: FlaskClient) -> None:
    text = "\n".join(f"k{n}: {each}" for n, each in enumerate(PLAIN))
    answer = client.post(
        "/oarapi/said.json", data=text, content_type="text/yaml", headers=login("oar")
    )
    assert list(body_of(answer)["said"].values()) == list(PLAIN.values())


PLAIN: dict[str, Any] = {
    "no": "no", "YES": "YES", "1:30:00": "1:30:00", "2030-01-01 12:00:00": "2030-01-01 12:00:00",
    "010": "010", "0x1f": "0x1f", "1_000": "1_000", "1e3": "1e3", ".inf": ".inf", "<<": "<<",
    "/core=1,walltime=0:1:0": "/core=1,walltime=0:1:0", "9" * 30: "9" * 30,
    "12": 12, "-3": -3, "0.5": 0.5, "true": True, "~": None, "null": None, "": None, '"1"': "1",
}  # fmt: skip


def test_a_form_key_that_comes_twice_is_a_list(client: FlaskClient) -> None:
    form = "type=a&type=b&empty=&name=x"
    answer = client.post(
        "/oarapi/said.json",
        data=form,
        content_type="application/x-www-form-urlencoded",
        headers=login("oar"),
    )
    assert body_of(answer)["said"] == {"type": ["a", "b"], "empty": "", "name": "x"}


@pytest.mark.parametrize(
    ("media", "text", "status", "title"),
    [
        ("application/json", '{"name": ', 400, "JSON data not understood"),
        ("application/json", b'{"name": "\xff"}', 400, "JSON data not understood"),
        ("application/json", "[" * 50_000, 400, "JSON data not understood"),
        ("application/json", "[]", 400, "Bad type"),
        ("application/json", '"x"', 400, "Bad type"),
        ("application/json", "null", 400, "Missing Required Field"),
        ("application/json", "", 400, "Missing Required Field"),
        ("application/json", '{"name": 3}', 400, "Invalid Field"),
        ("application/x-www-form-urlencoded", "name=x&count=many", 400, "Invalid Field"),
        ("text/yaml", "name: [1, 2\n  bad: : :", 400, "YAML data not understood"),
        ("text/yaml", "just text", 400, "Bad type"),
        ("text/yaml", "a: &x 1\nname: *x", 400, "YAML data not understood"),
        ("text/yaml", "name: *x", 400, "YAML data not understood"),
        ("text/yaml", "name: !!python/object/apply:os.system [id]", 400, "YAML data not understood"),
        ("text/yaml", "name: !!binary aGk=", 400, "YAML data not understood"),
        ("text/yaml", "{" * 1000, 400, "YAML data not understood"),
        ("text/yaml", "[" * 99_000, 400, "YAML data not understood"),
        ("text/yaml", "? [a]\n: b", 400, "YAML data not understood"),
        ("text/yaml", "1: b", 400, "Bad type"),
        ("text/yaml", b"\xff\xfe\x00", 400, "YAML data not understood"),
        ("text/yaml", "name: a\n---\nname: b", 400, "YAML data not understood"),
        ("text/plain", '{"name": "x"}', 406, "Row description must be in YAML or JSON"),
        (None, '{"name": "x"}', 406, "Row description must be in YAML or JSON"),
        ("application/json", '{"name": "%s"}' % ("x" * 200_000), 413, None),
        ("application/x-www-form-urlencoded", "name=" + "x" * 200_000, 413, None),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read_are_refused(
    client: FlaskClient, media: str | None, text: str | bytes, status: int, title: str | None
) -> None:
    answer = client.post("/oarapi/rows.json", data=text, content_type=media, headers=login("oar"))
    assert error(answer)[0] == status, answer.text
    assert title in (None, body_of(answer)["title"])


def test_a_yaml_document_has_a_bounded_number_of_values() -> None:
    from hoplite.api.oar.yaml_input import parse_yaml
    from hoplite.exceptions import TooLargeError

    with pytest.raises(TooLargeError, match="100000"):
        parse_yaml(b"[" + b"1," * 200_000 + b"1]")


# Errors


@pytest.mark.parametrize(
    ("extension", "media"), [("json", "application/json"), ("yaml", "text/yaml")]
)
@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nosuch", 404, "Not found"),
        ("GET", "/rows/99", 404, "Row not found"),
        ("GET", "/rows/" + "9" * 40, 404, "Not found"),
        ("GET", "/rows/x", 404, "Not found"),
        ("DELETE", "/rows", 405, "Method Not Allowed"),
        ("POST", "/rows", 401, "Permission denied"),
        ("GET", "/broken/field", 400, "Invalid Field"),
        ("GET", "/broken/busy", 503, "Service Unavailable"),
        ("GET", "/broken/defect", 500, "Oar server error"),
    ],
)
def test_errors_are_in_the_asked_format_and_debug_makes_them_200(
    client: FlaskClient, extension: str, media: str, method: str, path: str, status: int, title: str
) -> None:
    for query, expected in [
        ("", (status, title)),
        ("?debug=1", (200, f"ERROR {status} - {title}")),
    ]:
        answer = client.open(f"/oarapi{path}.{extension}{query}", method=method)
        assert (answer.status_code, answer.mimetype) == (expected[0], media)
        body = yaml.safe_load(answer.text)
        assert body.keys() == ERROR and (body["code"], body["title"]) == expected
        assert "secret" not in answer.text and "Traceback" not in answer.text
        assert ("Retry-After" in answer.headers) == (status == 503)


def test_an_error_page_is_escaped(client: FlaskClient) -> None:
    page = client.get("/oarapi/<script>x.html")
    assert page.status_code == 404 and page.mimetype == "text/html"
    assert "<script" not in page.text and "&lt;script&gt;x" in page.text


def test_an_error_whose_format_nobody_told_is_in_json(client: FlaskClient) -> None:
    assert error(client.get("/oarapi/nosuch")) == (404, "Not found")


def test_debug_is_read_from_forms_too(client: FlaskClient) -> None:
    form = {"debug": "1", "count": "3"}
    answer = client.post("/oarapi/rows.json", data=form, headers=login("oar"))
    assert (
        answer.status_code == 200
        and body_of(answer)["title"] == "ERROR 400 - Missing Required Field"
    )


@pytest.mark.parametrize("path", ["/oarapi/version.json", "/oarapi/rows.json"])
def test_an_unknown_structure_is_406(client: FlaskClient, path: str) -> None:
    assert error(client.get(f"{path}?structure=bogus")) == (406, "Unknown bogus format")
    assert client.get(f"{path}?structure=").status_code == 200


# Collections


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


# The routes of the frame itself


@pytest.mark.parametrize("path", ["/oarapi", "/oarapi/", "/oarapi/.json", "/oarapi/index"])
def test_the_index_has_versions_by_both_names(client: FlaskClient, path: str) -> None:
    said = body_of(client.get(path, headers=JSON))
    assert said["api_version"] == said["api"] and said["apilib_version"] == said["apilib"]
    assert said["oar_version"] == said["oar"] and said["oar"].startswith("2.5")
    assert said["links"][0] == {"rel": "self", "href": "/oarapi/./"}
    for link in said["links"][1:]:
        assert client.get(link["href"], headers=JSON).status_code in (200, 401), link


def test_the_small_routes(client: FlaskClient) -> None:
    assert body_of(client.get("/oarapi/timezone.json")).keys() == {"timezone", "api_timestamp"}
    stress = client.get("/oarapi/stress_factor.yaml").text
    assert float(yaml.safe_load(stress)["GLOBAL_STRESS"]) >= 0
    assert isinstance(yaml.safe_load(stress)["GLOBAL_STRESS"], str)
    head = client.head("/oarapi/version.json")
    assert head.status_code == 200 and not head.data


def test_the_other_dialect_is_not_touched(client: FlaskClient) -> None:
    for path in ("/oarapix", "/oarapi-private/version.json", "/nosuch"):
        assert body_of(client.get(path))["exception"] == "NotFoundError"


def test_the_metrics_name_routes_not_addresses(client: FlaskClient) -> None:
    client.get("/oarapi/rows/3.json")
    text = client.get("/metrics", headers=login("oar")).text
    assert 'route="/oarapi/rows/<id>",status="200"' in text
