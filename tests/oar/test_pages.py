"""What pages show to whom, and what their forms add to requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD

ME, OTHER, ADMIN = "kameleon", "alice", "oar"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    server = Cluster(tmp_path_factory.mktemp("pages") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    server.close()
    assert "defect" not in server.log_text()


@pytest.fixture(scope="module")
def job(cluster: Cluster) -> int:
    """Of kameleon, on hold, with a name of his own."""
    body = {"command": "true # secret", "hold": "", "name": "<b>mine</b>"}
    job_id: int = cluster.told("POST", "/jobs.json", ME, json=body)["id"]
    return job_id


def actions(page: str) -> set[str]:
    """Where the forms of a page are sent to."""
    return set(re.findall(r'<form method="post" action="([^"?]*)', page))


def test_buttons_are_for_those_who_may_press_them(cluster: Cluster, job: int) -> None:
    def shown_to(user: str) -> str:
        return cluster.ask("GET", f"/jobs/{job}.html", user).text

    own = f"/oarapi-priv/jobs/{job}"
    for user in (ME, ADMIN):
        page = shown_to(user)
        assert actions(page) == {f"{own}/resumptions/new.html", f"{own}/deletions/new.html"}
        assert "secret" in page and "&lt;b&gt;mine" in page and "<b>mine" not in page
    others = shown_to(OTHER)
    assert actions(others) == set() and "secret" not in others and "mine" not in others


def test_the_menu_shows_what_one_may_use(cluster: Cluster) -> None:
    def menu(user: str | None) -> set[str]:
        page = cluster.ask("GET", "/index.html", user).text
        return set(re.findall(r">([^<>]+)</a></li>", page.partition("<main")[0]))

    for_all = {"OAR", "hoplite", "Jobs", "Submit a job", "Resources"}
    for_users = for_all | {"Files", "Accounting"}
    assert menu(None) == for_all and menu(ME) == for_users
    assert menu(ADMIN) - for_users == {
        "New resources", "Admission rules", "New rule", "Configuration"
    }  # fmt: skip


def test_forms_of_administrators_can_be_looked_at_and_not_sent(cluster: Cluster) -> None:
    for path in ("/resources", "/admission_rules"):
        assert cluster.ask("GET", f"{path}/form.html").status_code == 200
        assert cluster.ask("GET", f"{path}/form.json").status_code == 406
        sent = cluster.ask("POST", f"{path}.html?then=page", ME, data={"rule": "x"})
        assert sent.status_code == 403 and "Only the oar user" in sent.text


def test_what_a_form_did_is_told_once_by_a_cookie_for_this_site_alone(
    cluster: Cluster, job: int
) -> None:
    with requests.Session() as browser:
        browser.auth = (ME, PASSWORD)
        path = f"{cluster.url}/oarapi-priv/jobs/{job}"
        sent = browser.post(
            f"{path}/resumptions/new.html?then=page",
            # requests sends no Content-Type without a body.
            data={"x": "y"},
            allow_redirects=False,
            timeout=20,
        )
        assert (sent.status_code, sent.headers["Location"]) == (
            303,
            f"/oarapi-priv/jobs/{job}.html",
        )
        cookie = sent.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and ME not in cookie
        assert "Resume request was sent" in browser.get(f"{path}.html", timeout=20).text
        assert "Resume request was sent" not in browser.get(f"{path}.html", timeout=20).text
    plain = cluster.ask("POST", f"/jobs/{job}/deletions/new.html", ME, data={"x": "y"})
    assert plain.status_code in (202, 400) and "Set-Cookie" not in plain.headers


def test_only_a_form_below_the_mounts_can_mean_delete(cluster: Cluster) -> None:
    made = cluster.told("POST", "/resources.json", ADMIN, json={"hostname": "gone"})["id"]
    cluster.told("POST", f"/resources/{made}/state.json", ADMIN, json={"state": "Dead"})
    path = f"/resources/{made}.json?method=delete"
    assert cluster.ask("POST", path, ADMIN, json={"drain": "YES"}).json()["drain"] == "YES"
    assert cluster.ask("GET", path, ADMIN).status_code == 200
    assert cluster.ask("POST", path, ME, data={"x": "y"}).status_code == 403
    other_dialect = cluster.request(
        "POST", "/jobs?method=delete", data={"x": "y"}, auth=(ADMIN, PASSWORD)
    )
    assert other_dialect.status_code in (400, 415), "a POST to the other dialect stays one"
    assert cluster.ask("POST", path, ADMIN, data={"x": "y"}).json()["status"] == "deleted"


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "x" * 300])
def test_a_file_without_a_sound_name_is_not_put_anywhere(
    cluster: Cluster, tmp_path: Path, name: str
) -> None:
    before = sorted(each.name for each in cluster.home(ME).iterdir())
    answer = cluster.ask(
        "POST", "/media/ls/~/", ME, files={"file": (name, b"x")}, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    assert sorted(each.name for each in cluster.home(ME).iterdir()) == before


def test_a_form_puts_a_file_into_a_directory(cluster: Cluster) -> None:
    def put(**fields: str) -> requests.Response:
        files = {"file": ("ü x.txt", b"text")}
        return cluster.ask("POST", "/media/ls/~/in/here", ME, files=files, data=fields)

    answer = put()
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith("/in/here/%C3%BC%20x.txt")
    assert put().status_code == 403 and put(force="1").status_code == 201
    as_bytes = cluster.ask(
        "POST",
        "/media/ls/~/in",
        ME,
        data=b"x",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert as_bytes.status_code == 406


def test_an_end_of_a_text_is_shown_to_browsers_alone(cluster: Cluster) -> None:
    home = cluster.home(ME)
    (home / "long").write_text("".join(f"line {n} <i>\n" for n in range(100)))
    (home / "bytes").write_bytes(b"\x00\x01" * 50)
    html = {"Accept": "text/html"}
    page = cluster.ask("GET", "/media/~/long?show=3", ME, headers=html).text
    assert "line 97 &lt;i&gt;\nline 98" in page and "line 96" not in page and "<i>" not in page
    for headers in (html, {"Accept": "application/json"}):
        plain = cluster.ask("GET", "/media/~/long", ME, headers=headers)
        assert plain.headers["Content-Type"] == "application/octet-stream"
    as_json = cluster.ask("GET", "/media/~/long?show=3", ME, headers={"Accept": "*/*"})
    assert as_json.headers["Content-Type"] == "application/octet-stream"
    assert "It is no text" in cluster.ask("GET", "/media/~/bytes?show=3", ME, headers=html).text
    assert cluster.ask("GET", "/media/~/long?show=0", ME, headers=html).status_code == 400
