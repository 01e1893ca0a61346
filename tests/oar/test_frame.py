"""Who may, how errors are said, and the routes of the frame itself."""

from __future__ import annotations

from base64 import b64encode

import pytest
import yaml
from flask.testing import FlaskClient

from tests.oar.asking import ERROR, JSON, body_of, error, login
from tests.oar.golden import USERS


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
