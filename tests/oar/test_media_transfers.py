"""Downloads in parts, uploads that break, sizes, and memory."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.oar.media_server import OCTETS, SERVERS, MediaServer, entries
from tests.server.process import wait_until

LINES = b"".join(b"line %d\n" % n for n in range(1, 11))
LIMIT = 3 * 2**20
GIB = 2**30


class Place:
    def __init__(self, base: Path, *options: str) -> None:
        self.home = base / "home"
        self.home.mkdir()
        self.files = self.home / "files"
        self.files.mkdir()
        self.server = MediaServer(base / "data", *options)
        self.server.environ["HOME"] = str(self.home)
        self.server.start()
        assert self.server.url, self.server.log_text()
        self.media = self.server.media


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(
        tmp_path_factory.mktemp("media"), "--max-upload-bytes", "3MiB", "--max-body-bytes", "1MiB",
        "--request-timeout", "3",
    )  # fmt: skip
    (place.files / "ten").write_bytes(LINES)
    yield place
    assert place.server.alive
    assert "defect" not in place.server.log_text()
    place.server.close()


@pytest.mark.parametrize(
    ("tail", "lines"),
    [
        ("1", LINES[-8:]),
        ("3", b"line 8\nline 9\nline 10\n"),
        ("0", b""),
        ("99", LINES),
        ("", LINES),
    ],
)
def test_the_last_lines_of_a_file(place: Place, tail: str, lines: bytes) -> None:
    answer = place.media("GET", "/~/files/ten", query=f"?tail={tail}")
    assert (answer.status, answer.body) == (200, lines)


@pytest.mark.parametrize("tail", ["abc", "-1", "1.5", "9" * 30])
def test_a_tail_that_is_no_number_is_400(place: Place, tail: str) -> None:
    answer = place.media("GET", "/~/files/ten", query=f"?tail={tail}")
    assert answer.status == 400 and "tail" in answer.said["message"]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-5", (0, 6)),
        ("bytes=-4", (67, 71)),
        ("bytes=60-", (60, 71)),
        ("bytes=70-999", (70, 71)),
    ],
)
def test_a_part_of_a_file(place: Place, asked: str, part: tuple[int, int]) -> None:
    answer = place.media("GET", "/~/files/ten", headers={"Range": asked})
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1] - 1}/71"
    assert answer.body == LINES[slice(*part)]


def test_parts_that_are_not_there_and_parts_that_are_many(place: Place) -> None:
    outside = place.media("GET", "/~/files/ten", headers={"Range": "bytes=71-"})
    assert outside.status == 416 and outside.headers["Content-Range"] == "bytes */71"
    assert outside.said["code"] == 416
    several = place.media("GET", "/~/files/ten", headers={"Range": "bytes=0-1,4-5"})
    assert (several.status, several.body) == (200, LINES)
    assert place.media("GET", "/~/files/ten", headers={"Range": "nonsense"}).status in (200, 416)


def test_what_has_not_changed_is_not_sent_again(place: Place) -> None:
    path = place.files / "changing"
    path.write_bytes(LINES)
    first = place.media("GET", "/~/files/changing")
    etag, modified = first.headers["Etag"], first.headers["Last-Modified"]
    assert first.headers["Accept-Ranges"] == "bytes"
    assert first.headers["Content-Type"] == "application/octet-stream"
    assert first.headers["X-Content-Type-Options"] == "nosniff"

    def again(**headers: str) -> tuple[int, bytes]:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return place.media("GET", "/~/files/changing", headers=sent)[::2]

    assert again(If_None_Match=etag) == (304, b"")
    assert again(If_Modified_Since=modified) == (304, b"")
    assert again(Range="bytes=0-3", If_Range=etag) == (206, b"line")
    os.utime(path, (1, 1))
    assert again(If_None_Match=etag) == (200, LINES)
    assert again(Range="bytes=0-3", If_Range=etag) == (200, LINES)
    assert again(If_Modified_Since=formatdate(1, usegmt=True)) == (304, b"")
    head = place.media("HEAD", "/~/files/changing")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "71", b"")


def test_an_upload_makes_directories_and_replaces_only_by_force(place: Place) -> None:
    made = place.media("POST", "/~/files/up/a/b", body=b"first", headers=OCTETS)
    href = f"/oarapi-priv/media{place.home}/files/up/a/b"
    assert made.status == 201 and made.headers["Location"] == href
    assert made.said == {
        "status": "created", "success": "true", "links": [{"rel": "self", "href": href}],
    }  # fmt: skip
    path = place.files / "up" / "a" / "b"
    path.chmod(0o750)
    again = place.media("POST", "/~/files/up/a/b", body=b"second", headers=OCTETS)
    assert again.status == 403 and again.said["title"] == "File already exists"
    assert path.read_bytes() == b"first"
    forced = place.media("POST", "/force/~/files/up/a/b", body=b"second", headers=OCTETS)
    assert forced.status == 201 and path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o750, "the mode stays"
    assert place.media("POST", "/~/files/up/empty", body=b"", headers=OCTETS).status == 201
    assert (place.files / "up" / "empty").read_bytes() == b""
    assert entries(place.files / "up") == [b"a", b"empty"]


def form(name: str, content: bytes, filename: str = '; filename="a.txt"') -> tuple[bytes, Any]:
    body = b"--X\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n--X--\r\n" % (
        name.encode(), filename.encode(), content,
    )  # fmt: skip
    return body, {"Content-Type": "multipart/form-data; boundary=X"}


def test_an_upload_by_a_form(place: Place) -> None:
    content = os.urandom(2 * 2**20)
    body, headers = form("file", content)
    assert place.media("POST", "/~/files/form", body=body, headers=headers).status == 201
    assert (place.files / "form").read_bytes() == content
    for wrong in (form("other", b"x"), form("file", b"x", "")):
        refused = place.media("POST", "/~/files/form2", body=wrong[0], headers=wrong[1])
        assert refused.status == 400 and "file" in refused.said["message"]
    for media in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        refused = place.media("POST", "/~/files/j", body=b"{}", headers={"Content-Type": media})
        assert refused.status == 406 and media in refused.said["message"]
    assert not (place.files / "j").exists() and not (place.files / "form2").exists()


def test_a_chunked_upload(place: Place) -> None:
    pieces = [b"a" * 70_000, b"b" * 70_000]
    assert place.media("POST", "/~/files/chunked", body=iter(pieces), headers=OCTETS).status == 201
    assert (place.files / "chunked").read_bytes() == b"".join(pieces)


def test_sizes_are_limited_for_files_by_their_own_setting(place: Place) -> None:
    assert place.media("POST", "/~/files/most", body=b"x" * LIMIT, headers=OCTETS).status == 201
    assert (place.files / "most").stat().st_size == LIMIT
    for size in (LIMIT + 1, LIMIT + 100_000, 20 * LIMIT):
        for body in (b"x" * size, iter([b"x" * size])):
            status, text = unread(place, "/~/files/over/new", body)
            assert status == 413 and b"max_upload_bytes" in text and str(LIMIT).encode() in text
    form_body, headers = form("file", b"x" * (LIMIT + 1))
    assert place.media("POST", "/~/files/over/new", body=form_body, headers=headers).status == 413
    assert not (place.files / "over").exists()
    # Others keep theirs: a mode is no file.
    body, json_body = b" " * (2 * 2**20), {"Content-Type": "application/json"}
    refused = place.media("POST", "/chmod/~/files/most", body=body, headers=json_body)
    assert refused.status == 413 and "max_body_bytes" in refused.said["message"]


def unread(place: Place, path: str, body: Any) -> tuple[int, bytes]:
    """The answer to a body that the server need not read to its end."""
    connection = place.server.connect()
    headers = {
        "Accept": "application/json",
        "Authorization": place.server.authorization(),
        **OCTETS,
    }
    try:
        connection.request("POST", "/oarapi-priv/media" + path, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        assert connection.sock is not None
        response = http.client.HTTPResponse(connection.sock, method="POST")
        response.begin()
        return response.status, response.read()
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("mount", ["/oarapi", "/oarapi-priv"])
def test_a_strangers_large_upload_is_refused_before_it_is_received(
    place: Place, announced: bool, mount: str
) -> None:
    """Else strangers could fill the disk on which uploads wait until they are whole."""
    told = f"Content-Length: {2 * 2**20}" if announced else "Transfer-Encoding: chunked"
    head = (
        f"POST {mount}/media/~/files/stranger HTTP/1.1\r\nHost: localhost\r\n{told}\r\n"
        "Content-Type: application/octet-stream\r\nAccept: application/json\r\n\r\n"
    )
    piece = b"x" * 2**16
    with raw(place) as connection:
        connection.sendall(head.encode())
        if not announced:
            for _ in range(17):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 401 and "Basic" in response.headers["WWW-Authenticate"]
        assert b"Permission denied" in response.read()
    assert not (place.files / "stranger").exists()


def upload_head(place: Place, path: str, length: int) -> bytes:
    return (
        f"POST /oarapi-priv/media{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        f"Content-Type: application/octet-stream\r\nAuthorization: {place.server.authorization()}"
        "\r\n\r\n"
    ).encode()


def raw(place: Place) -> socket.socket:
    parts = urlsplit(place.server.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


@pytest.mark.parametrize("sent", [0, 1000, 2_000_000])
def test_an_upload_whose_client_hangs_up_leaves_nothing(place: Place, sent: int) -> None:
    before = psutil.Process(place.server.pid).num_fds()
    for _ in range(3):
        with raw(place) as connection:
            connection.sendall(upload_head(place, "/~/files/broken/new", 2_500_000) + b"x" * sent)
    descriptors = psutil.Process(place.server.pid).num_fds
    wait_until(lambda: descriptors() <= before + 2, "the connections to be forgotten")
    assert not (place.files / "broken").exists()
    assert place.media("GET", "/~/files/broken/new").status == 404


def test_a_slow_upload_goes_on_and_a_stalled_one_is_cut_off(place: Place) -> None:
    """The request timeout (3 s) is for each 64 KiB of an upload, not for all of it."""
    with raw(place) as slow, raw(place) as stalled:
        stalled.sendall(upload_head(place, "/~/files/stalled", 1_000_000) + b"x" * 1000)
        slow.sendall(upload_head(place, "/~/files/slow", 8 * 70_000))
        stalled.settimeout(0.7)
        cut_off_after = 0
        for n in range(1, 8):
            slow.sendall(b"y" * 70_000)
            with contextlib.suppress(TimeoutError):
                # Until it is cut off this takes its time.
                cut_off_after = cut_off_after or (n if stalled.recv(12) == b"HTTP/1.1 408" else 0)
        assert cut_off_after > 1
        slow.sendall(b"y" * 70_000)
        assert slow.recv(12) == b"HTTP/1.1 201"
    assert (place.files / "slow").stat().st_size == 8 * 70_000
    assert not (place.files / "stalled").exists()


def begin_download(place: Place) -> socket.socket:
    """A connection on which more comes than is read."""
    with (place.files / "holes").open("wb") as file:
        file.truncate(50 * 2**20)
    connection = raw(place)
    asking = (
        f"GET /oarapi-priv/media/~/files/holes HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
        f"Authorization: {place.server.authorization()}\r\n\r\n"
    )
    connection.sendall(asking.encode())
    return connection


def serving(place: Place) -> list[psutil.Process]:
    keepers = [psutil.Process(each) for each in place.server.keepers()]
    return [each for keeper in keepers for each in keeper.children()]


def test_a_download_whose_client_hangs_up_leaves_no_process(place: Place) -> None:
    for _ in range(3):
        with begin_download(place) as connection:
            assert connection.recv(12) == b"HTTP/1.1 200"
    wait_until(lambda: not serving(place), "the processes that read to end")
    assert place.media("GET", "/~/files/ten").body == LINES


def test_one_caller_has_so_many_operations_under_way_and_holds_up_no_others(place: Place) -> None:
    slow = [begin_download(place) for _ in range(16)]
    try:
        for connection in slow:
            assert connection.recv(12) == b"HTTP/1.1 200"
        refused = place.media("GET", "/~/files/ten")
        assert refused.status == 503 and "16 file operations" in refused.said["message"]
        assert "Retry-After" in refused.headers
        # Somebody else, whom this server refuses for what he is, not for what is under way.
        assert place.media("GET", "/~/files/ten", by="oar").status != 503
    finally:
        for connection in slow:
            connection.close()
    wait_until(lambda: not serving(place), "the processes that read to end")
    assert place.media("GET", "/~/files/ten").body == LINES


def test_the_same_with_granian(tmp_path: Path) -> None:
    place = Place(
        tmp_path, "--http", "granian", "--max-upload-bytes", "3MiB", "--max-body-bytes", "1MiB"
    )
    try:
        content = os.urandom(LIMIT)
        made = place.media("POST", "/~/files/a/b", body=content, headers=OCTETS)
        assert made.status == 201, made.body
        assert place.media("GET", "/~/files/a/b").body == content
        part = place.media("GET", "/~/files/a/b", headers={"Range": "bytes=5-9"})
        assert (part.status, part.body) == (206, content[5:10])
        assert unread(place, "/~/files/c", content + b"x" * 100_000)[0] == 413
        stranger = place.server.connect()
        stranger.putrequest("POST", "/oarapi/media/~/files/c")
        for name, value in {**OCTETS, "Content-Length": str(LIMIT)}.items():
            stranger.putheader(name, value)
        stranger.endheaders()
        assert stranger.getresponse().status == 401
        stranger.close()
        assert entries(place.files) == [b"a"]
    finally:
        place.server.close()


def test_a_full_disk_is_507_and_leaves_nothing(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "none", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    place = Place(tmp_path)
    try:
        place.server.terminate()
        place.server.start("--media-roots", str(small))
        full = place.media("POST", small / "a" / "b", body=b"x" * 2**21, headers=OCTETS)
        assert full.status == 507 and "no space" in full.said["message"].lower()
        assert entries(small) == []
        assert place.media("POST", small / "a" / "b", body=b"x", headers=OCTETS).status == 201
        place.server.terminate()
        place.server.environ["TMPDIR"] = str(small)
        place.server.start()
        waiting = unread(place, "/~/files/x", b"x" * 2**21)
        assert waiting[0] == 507 and b"wait" in waiting[1], waiting
        assert entries(place.files) == [] and "defect" not in place.server.log_text()
    finally:
        place.server.close()
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_two_gigabytes_in_flat_memory(tmp_path: Path) -> None:
    """A file of holes, read to its end: the server's memory stays as it was."""
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 3 * GIB:
        pytest.skip("less than 3 GiB of disk are free")
    place = Place(tmp_path)
    process = psutil.Process(place.server.pid)
    with (place.files / "large").open("wb") as file:
        file.truncate(2 * GIB)
        file.seek(2 * GIB - 4)
        file.write(b"end\n")
    assert place.media("GET", "/~/files/large", query="?tail=1").body[-4:] == b"end\n"
    before = process.memory_info().rss
    most, received, last = before, 0, b""
    connection = place.server.connect()
    headers = {"Accept": "*/*", "Authorization": place.server.authorization(SERVERS)}
    connection.request("GET", "/oarapi-priv/media/~/files/large", headers=headers)
    response = connection.getresponse()
    assert response.headers["Content-Length"] == str(2 * GIB)
    while piece := response.read(2**22):
        received += len(piece)
        last = piece[-4:]
        if received % 2**26 < 2**22:
            most = max(most, process.memory_info().rss)
    connection.close()
    assert (received, last) == (2 * GIB, b"end\n")
    assert most - before < 64 * 2**20, f"{(most - before) / 2**20:.0f} MiB more"
    place.server.close()
