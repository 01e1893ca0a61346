"""Folders of real FTP servers, downloaded by jobs of a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hoplite.client import RemoteJobManager
from hoplite.exceptions import JobFailedError
from tests.builtin_plugins.ftp_server import PASSWORD, USER, FtpServer
from tests.server.process import ServerProcess

FTP = "hoplite.plugins.download_folder_from_ftp_job"
MakeFtp = Callable[..., FtpServer]
WHEN = 1_600_000_000


@pytest.fixture
def make_ftp(tmp_path: Path) -> Iterator[MakeFtp]:
    """Makes servers of ``tmp_path / "root"``."""
    made: list[FtpServer] = []

    def make(features: str = "", cert: Path | None = None) -> FtpServer:
        made.append(FtpServer(tmp_path / "root", features, cert))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What is served: files and folders, one of them empty, with names of all sorts."""
    root = tmp_path / "root"
    for name, content in {
        "a.txt": b"a",
        "sub/b c.bin": bytes(range(256)) * 4000,
        "sub/deep/ümläut.txt": b"",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        os.utime(root / name, (WHEN, WHEN))
    (root / "empty").mkdir()
    return root


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    (tmp_path / "dest").mkdir()
    return tmp_path / "dest"


@pytest.fixture
def manager(server: ServerProcess) -> Iterator[RemoteJobManager]:
    with RemoteJobManager(server.url) as manager:
        yield manager


def config(ftp: FtpServer, dest: Path, **more: Any) -> dict[str, Any]:
    return {
        "server_address": "127.0.0.1",
        "server_port": ftp.port,
        "dest_root": str(dest),
        "username": USER,
        "password": PASSWORD,
        **more,
    }


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("features", ["", "old"])
def test_a_folder_comes_whole_and_what_is_here_does_not_come_again(
    manager: RemoteJobManager, make_ftp: MakeFtp, root: Path, dest: Path, features: str
) -> None:
    ftp = make_ftp(features)
    (dest / "a.txt").write_text("an older one")
    job = manager.run(FTP, config(ftp, dest))
    size = sum(len(content) for content in tree(root).values() if content)
    status = job.status()
    assert (status["files"], status["bytes"], status["skipped"]) == (3, size, 0)
    assert (status["progress"]["done"], status["progress"]["total"]) == (size, size)
    assert tree(dest) == tree(root)
    assert (dest / "a.txt").stat().st_mtime == WHEN
    assert PASSWORD not in str(status) + job.log()
    (root / "a.txt").write_bytes(b"c")
    again = manager.run(FTP, config(ftp, dest, ftp_root="/")).status()
    assert (again["files"], again["skipped"]) == (3, 2)
    assert tree(dest) == tree(root)


def test_it_goes_on_where_a_broken_connection_left_off(
    manager: RemoteJobManager, make_ftp: MakeFtp, root: Path, dest: Path
) -> None:
    job = manager.run(FTP, config(make_ftp("breaks"), dest))
    assert tree(dest) == tree(root)
    assert job.log().count("trying again") == 2


def test_a_part_of_an_earlier_job_is_gone_on_with_and_of_another_version_is_not(
    manager: RemoteJobManager, make_ftp: MakeFtp, root: Path, dest: Path
) -> None:
    (dest / "sub").mkdir()
    size = (root / "sub/b c.bin").stat().st_size
    part = dest / "sub" / f".b c.bin.{size}-20200913122640.part"
    part.write_bytes(b"!" * 1000)
    (dest / "sub" / f".b c.bin.{size}-20190913122640.part").write_bytes(b"?" * 1000)
    manager.run(FTP, config(make_ftp(), dest))
    # What was there of this version is taken as it is.
    found = (dest / "sub/b c.bin").read_bytes()
    assert found == b"!" * 1000 + (root / "sub/b c.bin").read_bytes()[1000:]
    assert not list(dest.rglob("*.part"))
    part.write_bytes(b"!" * 1000)
    manager.run(FTP, config(make_ftp(), dest, resume=False))
    assert tree(dest) == tree(root)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_with_tls_the_server_must_be_the_one_that_is_trusted(
    manager: RemoteJobManager, make_ftp: MakeFtp, root: Path, dest: Path, tmp_path: Path
) -> None:
    cert = tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", cert, "-keyout",
         tmp_path / "key.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = tmp_path / "both.pem"
    both.write_text(cert.read_text() + (tmp_path / "key.pem").read_text())
    ftp = make_ftp(cert=both)
    manager.run(FTP, config(ftp, dest, tls=True, ca_file=str(cert)))
    assert tree(dest) == tree(root)
    with pytest.raises(JobFailedError, match="self-signed"):
        manager.run(FTP, config(ftp, dest, tls=True))
    with pytest.raises(JobFailedError, match="550 SSL/TLS required"):
        manager.run(FTP, config(ftp, dest))


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"ftp_root": "/nowhere/"}, "Could not open the ftp directory: '/nowhere/'"),
        ({"dest_root": "/no/such/folder"}, "Local path does not exist: '/no/such/folder'"),
        ({"server_address": "no-such-host.invalid"}, "Name or service not known"),
        ({"password": "wrong"}, None),
        ({"server_port": "21"}, None),
        ({"server_port": 70000}, None),
        ({"user": "ann"}, None),
    ],
)
def test_what_cannot_be_done_fails_the_job_and_is_named(
    manager: RemoteJobManager,
    make_ftp: MakeFtp,
    root: Path,
    dest: Path,
    more: dict[str, Any],
    error: str | None,
) -> None:
    with pytest.raises(JobFailedError) as raised:
        manager.run(FTP, config(make_ftp(), dest, **more))
    status = raised.value.status
    if error is None:
        words = {"password": "530 ", "server_port": "config.server_port", "user": "no field 'user'"}
        assert words[next(iter(more))] in raised.value.remote_message
    else:
        assert error in status["error"]
        assert error in raised.value.remote_message
    assert tree(dest) == {}
