"""Files over the OAR dialect, where the server acts with its own account, below its roots alone."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.files.swapping import exchange
from tests.oar.media_server import OCTETS, MediaServer, entries
from tests.server.process import wait_until

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


class Place:
    """A server, and the directory that is home to it and its one root."""

    def __init__(self, base: Path) -> None:
        self.outside = base / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")
        self.home = base / "home"
        self.home.mkdir()
        self.server = MediaServer(self.home / "data")
        self.server.start()
        assert self.server.url, self.server.log_text()
        self.media, self.names = self.server.media, self.server.names

    def make(self, name: str, text: str = "", mode: int = 0o644) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("media"))
    yield place
    assert place.server.alive
    assert "defect" not in place.server.log_text()
    place.server.close()


def test_a_directory_is_listed(place: Place) -> None:
    place.make("list/b.txt", "12345", 0o640)
    (place.home / "list" / "a").mkdir(parents=True, exist_ok=True)
    (place.home / "list" / "link").symlink_to("b.txt")
    (place.home / "list" / "lost").symlink_to("nosuch")
    os.mkfifo(place.home / "list" / "pipe")
    for path in ("/ls/~/list", "/ls/~/list/", f"/ls{place.home}/list", f"/ls/{place.home}//list/."):
        answer = place.media("GET", path)
        assert answer.status == 200, answer.body
        by_name = {each["name"]: each for each in answer.said["items"]}
        assert list(by_name) == ["a", "b.txt", "link", "lost", "pipe"]
        assert [each["type"] for each in by_name.values()] == ["d", "f", "f", "l", "p"]
        assert by_name["a"]["size"] is None and by_name["b.txt"]["size"] == "5"
        assert by_name["b.txt"]["mode"] == stat.S_IFREG | 0o640
        assert isinstance(by_name["a"]["mtime"], int)
        assert (answer.said["total"], answer.said["offset"]) == (5, 0)
    assert answer.headers["Allow"] == "GET, POST"


def test_a_directory_comes_in_pages_if_asked(place: Place) -> None:
    for name in "abcde":
        place.make(f"pages/{name}")
    first = place.media("GET", "/ls/~/pages", query="?limit=2").said
    assert [each["name"] for each in first["items"]] == ["a", "b"] and first["total"] == 5
    links = {link["rel"]: link["href"] for link in first["links"]}
    assert links["next"] == "/oarapi-priv/media/ls/~/pages?limit=2&offset=2"
    last = place.media("GET", "/ls/~/pages", query="?limit=2&offset=4").said
    assert [each["name"] for each in last["items"]] == ["e"]
    assert "next" not in {link["rel"] for link in last["links"]}
    (place.home / "empty").mkdir(parents=True, exist_ok=True)
    empty = place.media("GET", "/ls/~/empty").said
    assert empty == {"items": [], "links": [], "offset": 0, "total": 0}


def test_names_that_are_no_text_can_be_followed(place: Place) -> None:
    names = [b"caf\xe9", b"new\nline", b"%41", "ü ?#&".encode(), b"<b>", b"ends\n"]
    (place.home / "names").mkdir(parents=True, exist_ok=True)
    for name in names:
        assert place.media("POST", b"/~/names/" + name, body=name, headers=OCTETS).status == 201
    assert entries(place.home / "names") == sorted(names)
    listed = place.media("GET", "/ls/~/names").said["items"]
    assert {"caf\ufffd", "new\nline", "ü ?#&"} <= {each["name"] for each in listed}
    for each, name in zip(listed, sorted(names), strict=True):
        connection = place.server.connect()
        headers = {"Accept": "application/json", "Authorization": place.server.authorization()}
        connection.request("GET", each["uri"], headers=headers)
        assert connection.getresponse().read() == name
        connection.close()
    for name in names:
        assert place.media("DELETE", b"/~/names/" + name).status == 204
    assert place.names("/~/names") == []


def test_a_page_has_links_that_work(place: Place) -> None:
    place.make("page/inner/<script>.txt", "x")
    html = {"Accept": "text/html,*/*;q=0.8"}
    page = place.media("GET", "/ls/~/page", headers=html)
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.body.decode()
    assert f'href="/oarapi-priv/media/ls{place.home}/page/inner"' in text
    assert f'href="/oarapi-priv/media/ls{place.home}"' in text, "the way up"
    inner = place.media("GET", "/ls/~/page/inner", headers=html).body.decode()
    assert f'href="/oarapi-priv/media{place.home}/page/inner/%3Cscript%3E.txt"' in inner
    assert "<script>" not in inner and "-rw-r--r--" in inner
    assert "Up</a>" not in place.media("GET", "/ls/~/", headers=html).body.decode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/~/nosuch", 404),
        ("GET", "/~/dir", 404),
        ("GET", "/ls/~/nosuch", 404),
        ("GET", "/ls/~/file", 404),
        ("GET", "/~/file/below", 404),
        pytest.param("GET", "/~/unreadable", 403, marks=not_root),
        pytest.param("GET", "/ls/~/closed", 403, marks=not_root),
        pytest.param("GET", "/~/closed/x", 403, marks=not_root),
        ("GET", "/~/pipe", 403),
        ("GET", "/~/loop", 403),
        ("GET", "/~/out/secret", 403),
        ("GET", "/~/absolute", 403),
        ("GET", "/ls/~/out", 403),
        ("GET", "/etc/passwd", 403),
        ("GET", "/proc/self/root/etc/passwd", 403),
        ("GET", "/ls/", 403),
        ("GET", "/~/../x", 400),
        ("GET", "/../../etc/passwd", 400),
        ("GET", "/~/a\0b", 400),
        ("GET", "/~/" + "x" * 300, 400),
        ("POST", "/~/out/new", 403),
        ("POST", "/force/~/out/secret", 403),
        ("POST", "/force/~/dir", 403),
        ("POST", "/~/dir", 403),
        ("POST", "/~/file", 403),
        ("POST", "/~/file/below", 404),
        pytest.param("POST", "/~/closed/new", 403, marks=not_root),
        ("POST", "/~/", 403),
        ("POST", "/~/a/../b", 400),
        ("DELETE", "/~/nosuch", 404),
        ("DELETE", "/~/out/secret", 403),
        pytest.param("DELETE", "/~/closed/x", 403, marks=not_root),
        ("DELETE", "/etc/hosts", 403),
        ("DELETE", "/~/", 403),
        ("DELETE", "/", 403),
    ],
)
def test_what_cannot_be_had_is_refused_and_named(
    place: Place, method: str, path: str, status: int
) -> None:
    if not (place.home / "closed").exists():
        place.make("file", "file")
        place.make("unreadable", "x", 0)
        place.make("closed/x")
        (place.home / "dir").mkdir(parents=True, exist_ok=True)
        os.mkfifo(place.home / "pipe")
        (place.home / "loop").symlink_to("loop")
        (place.home / "out").symlink_to("../outside")
        (place.home / "absolute").symlink_to(place.outside / "secret")
        (place.home / "closed").chmod(0)
    before = entries(place.home), entries(place.outside)
    headers = OCTETS if method == "POST" else {}
    answer = place.media(method, path, body=b"new" if method == "POST" else None, headers=headers)
    assert answer.status == status, answer.body
    assert answer.said.keys() == {"code", "title", "message"} and answer.said["code"] == status
    assert "secret" not in answer.said["message"] or "outside" not in answer.said["message"]
    assert (entries(place.home), entries(place.outside)) == before
    assert (place.outside / "secret").read_text() == "secret"


def test_errors_are_in_yaml_where_files_are_asked_for(place: Place) -> None:
    answer = place.media("GET", "/~/nosuch", headers={"Accept": "application/octet-stream"})
    assert answer.headers["Content-Type"].startswith("text/yaml")
    assert yaml.safe_load(answer.body)["message"] == f"File not found: {place.home}/nosuch"
    debugged = place.media("GET", "/~/nosuch", query="?debug=1")
    assert (debugged.status, debugged.said["title"]) == (200, "ERROR 404 - Not found")


def test_a_pipe_or_a_device_is_never_opened(place: Place) -> None:
    """A reader of the pipe would let its writer go on."""
    (place.home / "pipes").mkdir(parents=True, exist_ok=True)
    os.mkfifo(place.home / "pipes" / "pipe")
    assert not _has_reader(place.home / "pipes" / "pipe")
    for method, path in [
        ("GET", "/~/pipes/pipe"),
        ("GET", "/ls/~/pipes"),
        ("GET", "/~/pipes/pipe"),
    ]:
        place.media(method, path)
        assert not _has_reader(place.home / "pipes" / "pipe")
    assert place.media("POST", "/chmod/~/pipes/pipe", body=b'{"mode": "600"}',
                       headers={"Content-Type": "application/json"}).status == 202  # fmt: skip
    assert stat.S_IMODE((place.home / "pipes" / "pipe").stat().st_mode) == 0o600
    assert place.media("DELETE", "/~/pipes/pipe").status == 204


def _has_reader(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    return True


def test_a_tree_is_removed_and_no_link_in_it_is_followed(place: Place) -> None:
    place.make("tree/a/b/c/file", "x")
    (place.home / "tree" / "a" / "out").symlink_to(place.outside)
    (place.home / "link").symlink_to("tree")
    assert place.media("DELETE", "/~/link").status == 204
    assert (place.home / "tree").is_dir(), "a link goes, and what it leads to stays"
    answer = place.media("DELETE", "/~/tree/")
    assert (answer.status, answer.body) == (204, b"") and "Content-Type" not in answer.headers
    assert not (place.home / "tree").exists() and (place.outside / "secret").exists()


def test_a_deep_tree_is_removed(place: Place) -> None:
    path = "/".join("d" * 1500)
    assert place.media("POST", f"/~/deep/{path}/f", body=b"", headers=OCTETS).status == 201
    assert place.media("DELETE", "/~/deep").status == 204
    assert not (place.home / "deep").exists()


@pytest.mark.parametrize(
    ("mode", "made"), [("755", 0o755), (644, 0o644), ("u+x,go=", 0o700), ("a=rX", 0o444), ("0", 0)]
)
def test_a_mode_is_changed(place: Place, mode: str | int, made: int) -> None:
    path = place.make("mode", mode=0o600)
    body = yaml.safe_dump({"mode": mode})
    answer = place.media("POST", "/chmod/~/mode", body=body, headers={"Content-Type": "text/yaml"})
    assert (answer.status, answer.body) == (202, b""), answer.body
    assert answer.headers["Location"] == f"/oarapi-priv/media{place.home}/mode"
    assert stat.S_IMODE(path.stat().st_mode) == made


@pytest.mark.parametrize("body", ['{"mode": "u=rw; ls"}', '{"mode": 888}', "{}", "[]", "{", '{"mode": null}'])  # fmt: skip
def test_a_wrong_mode_is_400_and_changes_nothing(place: Place, body: str) -> None:
    path = place.make("mode", mode=0o600)
    json_body = {"Content-Type": "application/json"}
    answer = place.media("POST", "/chmod/~/mode", body=body, headers=json_body)
    assert answer.status == 400, answer.body
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (
        place.media("POST", "/chmod/~/nosuch", body='{"mode": "1"}', headers=json_body).status
        == 404
    )


def test_links_that_are_swapped_while_requests_run_lead_nowhere(place: Place) -> None:
    """Neither reading nor writing nor removing gets out, however a directory and a link to the
    outside change places."""
    here, other = (place.home / "race" / name for name in ("here", "other"))
    place.make("race/here/secret", "inside")
    other.symlink_to(place.outside)
    over, swaps = threading.Event(), [0]

    def swap() -> None:
        while not over.is_set():
            exchange(here, other)
            swaps[0] += 1

    seen: set[int] = set()
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for n in range(60):
            read = place.media("GET", "/~/race/here/secret")
            assert (read.status, read.body) == (200, b"inside") or read.status == 403
            seen.add(read.status)
            place.media("POST", f"/~/race/here/new{n}", body=b"x", headers=OCTETS)
            place.media("DELETE", f"/~/race/here/new{n}")
            assert place.media("DELETE", "/~/race/here/nosuch").status in (403, 404)
    finally:
        over.set()
        thread.join()
    assert swaps[0] > 60 and {200, 403} <= seen
    assert entries(place.outside) == [b"secret"]
    assert (place.outside / "secret").read_text() == "secret"


def test_strangers_and_readers_are_refused(place: Place) -> None:
    connection = place.server.connect()
    connection.request("GET", f"/oarapi/media{place.home}", headers={"Accept": "text/yaml"})
    response = connection.getresponse()
    assert response.status == 401 and b"Permission denied" in response.read()
    connection.close()
    assert place.media("GET", "/ls" + str(place.home), by="bin").status == 403


def test_the_keeper_is_started_anew_and_ends_with_the_server(place: Place) -> None:
    keepers = place.server.keepers
    place.names("/~/")
    (keeper,) = keepers()
    os.kill(keeper, 9)
    wait_until(lambda: keeper not in keepers(), "its end")
    place.names("/~/")
    (keeper,) = keepers()
    place.server.terminate()
    wait_until(lambda: not Path(f"/proc/{keeper}").exists(), "the keeper's end")
    place.server.start()
