"""A server that is root touches files as the one who asks."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oar.media_server import NOBODY, OCTETS, MediaServer, as_root, entries, owned_by

pytestmark = as_root
JSON_BODY = {"Content-Type": "application/json"}


class Place:
    """A server, and a directory of nobody's."""

    def __init__(self, base: Path) -> None:
        base.chmod(0o711)
        self.mine = owned_by(NOBODY, base / "mine")
        self.server = MediaServer(base / "data", "--media-roots", str(base / "data"))
        self.server.start()
        assert self.server.url, self.server.log_text()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("media"))
    yield place
    assert place.server.alive
    assert "defect" not in place.server.log_text()
    place.server.close()


def test_what_is_made_belongs_to_who_asked(place: Place) -> None:
    path = place.mine / "new" / "dir" / "file"
    made = place.server.media("POST", path, NOBODY, b"text", OCTETS)
    assert made.status == 201, made.body
    account = pwd.getpwnam(NOBODY)
    for each in (path, path.parent, path.parent.parent):
        facts = each.stat()
        assert (facts.st_uid, facts.st_gid) == (account.pw_uid, account.pw_gid)
        assert stat.S_IMODE(facts.st_mode) == (0o755 if each.is_dir() else 0o644)
    assert place.server.media("GET", path, NOBODY).body == b"text"
    mode = place.server.media(
        "POST", b"/chmod" + bytes(path), NOBODY, b'{"mode": "u=rw,go="}', JSON_BODY
    )
    assert mode.status == 202 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert place.server.media("GET", path, "daemon").status == 403
    assert place.server.media("GET", path, "root").status == 403, "not below root's own roots"
    assert place.server.media("DELETE", path.parent.parent, NOBODY).status == 204
    assert entries(place.mine) == []


def test_nobody_gets_what_his_rights_do_not_give_him(place: Place, tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    secret, closed, foreign = tmp_path / "secret", tmp_path / "closed", tmp_path / "foreign"
    secret.write_text("secret")
    secret.chmod(0o600)
    closed.mkdir(mode=0o700)
    (closed / "x").write_text("secret")
    foreign.mkdir(mode=0o755)
    (foreign / "readable").write_text("readable")
    (place.mine / "link").symlink_to(secret)
    ask = place.server.media
    assert ask("GET", secret, NOBODY).status == 403
    assert ask("GET", place.mine / "link", NOBODY).status == 403
    assert ask("GET", closed / "x", NOBODY).status == 403
    assert ask("GET", b"/ls" + bytes(closed), NOBODY).status == 403
    assert ask("GET", foreign / "readable", NOBODY).body == b"readable"
    for force in (b"", b"/force"):
        for path in (secret, closed / "y", foreign / "y", foreign / "readable"):
            answer = ask("POST", force + bytes(path), NOBODY, b"new", OCTETS)
            assert answer.status == 403, answer.body
    for path in (secret, closed, closed / "x", foreign, foreign / "readable", Path("/etc/hosts")):
        assert ask("DELETE", path, NOBODY).status == 403
        assert (
            ask("POST", b"/chmod" + bytes(path), NOBODY, b'{"mode": "777"}', JSON_BODY).status
            == 403
        )
    assert secret.read_text() == "secret" and entries(foreign) == [b"readable"]
    assert ask("DELETE", place.mine / "link", NOBODY).status == 204


@pytest.mark.parametrize(
    "path",
    ["/proc/self/root/etc/shadow", "/proc/self/fd/0", "/proc/self/environ", "/proc/self/mem",
     "/proc/1/environ", "/etc/shadow", "/dev/null", "/dev/stdin", "/proc/self/cwd/etc/passwd",
     "/proc/thread-self/fd/4", "/dev/fd/3"],
)  # fmt: skip
def test_nothing_is_had_through_the_process_that_serves(place: Place, path: str) -> None:
    answer = place.server.media("GET", path, NOBODY)
    # What the kernel makes up as it is read has no size.
    assert answer.status in (403, 404) or answer.body == b"", answer.body


def test_all_that_the_callers_rights_reach_can_be_read(place: Place) -> None:
    assert b"root:" in place.server.media("GET", "/etc/passwd", NOBODY).body
    assert "hosts" in place.server.names("/etc", NOBODY)
    (place.mine / "absolute").symlink_to("/etc/passwd")
    assert b"root:" in place.server.media("GET", place.mine / "absolute", NOBODY).body
    assert place.server.media("DELETE", place.mine / "absolute", NOBODY).status == 204


def test_the_home_is_the_callers_own(place: Place) -> None:
    refused = place.server.media("GET", "/ls/~/", NOBODY)
    assert refused.status == 404 and pwd.getpwnam(NOBODY).pw_dir in refused.said["message"]
    listed = place.server.media("GET", "/ls/~", "daemon")
    assert listed.status == 200 and listed.said["total"] == len(os.listdir("/usr/sbin"))  # noqa: PTH208 - names only
    assert place.server.media("DELETE", "/~/", "daemon").status == 403


def test_who_has_no_account_has_no_files(place: Place) -> None:
    for name in ("kameleon", "oar"):
        refused = place.server.media("GET", "/ls/etc", name)
        assert refused.status == 403 and "no Unix account" in refused.said["message"]


def test_readers_look_and_change_nothing(place: Place) -> None:
    assert b"root:" in place.server.media("GET", "/etc/passwd", "bin").body
    refused = place.server.media("POST", "/tmp/hoplite-of-bin", "bin", b"", OCTETS)
    assert refused.status == 403 and not Path("/tmp/hoplite-of-bin").exists()


def test_the_processes_that_serve_hold_nothing_of_the_servers(place: Place) -> None:
    """A secret of the server's environment is in no process of another account."""
    place.server.names("/etc", NOBODY)
    for each in place.server.keepers():
        environ = Path(f"/proc/{each}/environ").read_bytes()
        assert b"HOPLITE" not in environ and b"HOME=" not in environ
