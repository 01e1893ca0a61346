from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hoplite.accounts import AccountStore
from hoplite.cli.server import server
from hoplite.data_directory import allowed_mode, prepare
from hoplite.journal.store import SqliteJournal
from hoplite.manager.lock import DataDirLock


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory as a server leaves it."""
    # Root's jobs run as others, who must reach it; pytest's directories are closed to them.
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == os.geteuid() and each.name.startswith(("pytest-", "test_")):
            each.chmod(0o711)
    data_dir = prepare(tmp_path / "data")
    SqliteJournal(data_dir / "journal.db").close()
    with AccountStore(data_dir / "accounts.db") as store:
        store.add_user("ann", "admin", "correct horse battery")
    return data_dir


def check(data_dir: Path, *args: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """The exit code, and of each check whether it is ok and what it says."""
    done = CliRunner().invoke(
        server, ["check", "--data-dir", str(data_dir), *args], prog_name="hoplite-server"
    )
    assert done.stderr == ""
    return done.exit_code, _parsed(done.stdout)


def _parsed(output: str) -> dict[str, tuple[bool, str]]:
    found = {}
    for line in output.splitlines():
        verdict, rest = line[:7].strip(), line[9:]
        what, _, text = rest.partition(": ")
        assert verdict in ("ok", "problem")
        found[what] = (verdict == "ok", text)
    return found


def problems(found: dict[str, tuple[bool, str]]) -> dict[str, str]:
    return {what: text for what, (ok, text) in found.items() if not ok}


def test_a_sound_server_has_no_problems(data_dir: Path) -> None:
    before = sorted(path.name for path in data_dir.iterdir())
    code, found = check(data_dir)
    assert problems(found) == {}
    assert code == 0
    assert list(found) == [
        "configuration",
        "data directory",
        "writing",
        "lock",
        "journal",
        "accounts",
        "free space",
    ]
    assert found["journal"][1].startswith("sound, schema version ")
    assert found["lock"][1] == "no server is running here"
    assert sorted(path.name for path in data_dir.iterdir()) == before


def test_a_directory_that_is_not_there_will_be_made_and_is_not_made_by_looking(
    tmp_path: Path,
) -> None:
    code, found = check(tmp_path / "a" / "b")
    assert (code, problems(found)) == (0, {})
    assert found["data directory"][1].endswith("will be made")
    assert not (tmp_path / "a").exists()


def test_a_running_server_is_named_and_can_be_checked(data_dir: Path) -> None:
    with DataDirLock(data_dir) as lock:
        lock.announce("http://127.0.0.1:5000")
        journal = SqliteJournal(data_dir / "journal.db")
        code, found = check(data_dir)
        journal.close()
    assert code == 0
    assert found["lock"][1] == f"in use by hoplite-server pid {os.getpid()} (http://127.0.0.1:5000)"
    assert found["journal"][0]


def test_a_wrong_configuration_is_a_problem_of_its_own(data_dir: Path) -> None:
    code, found = check(data_dir, "--threads", "none")
    assert code == 1
    assert "setting threads (from --threads)" in problems(found)["configuration"]
    code, found = check(data_dir, "--host", "0.0.0.0")
    assert code == 1
    assert set(problems(found)) == {"configuration"}
    assert "journal" in found


def test_a_directory_open_to_others_is_a_problem(data_dir: Path) -> None:
    data_dir.chmod(0o755)
    code, found = check(data_dir)
    assert code == 1
    assert f"chmod {allowed_mode():04o}" in problems(found)["data directory"]


def test_a_file_in_place_of_the_directory_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    code, found = check(tmp_path / "data")
    assert code == 1
    assert "is not a directory" in problems(found)["data directory"]


@pytest.mark.parametrize("name", ["journal.db", "accounts.db"])
def test_a_foreign_database_is_a_problem(data_dir: Path, name: str) -> None:
    (data_dir / name).unlink()
    with closing(sqlite3.connect(data_dir / name)) as theirs:
        theirs.execute("PRAGMA application_id = 7")
        theirs.execute("CREATE TABLE theirs (x)")
    (data_dir / name).chmod(0o600)
    code, found = check(data_dir)
    assert code == 1
    assert "another program" in problems(found)[name.removesuffix(".db")]


@pytest.mark.parametrize("name", ["journal.db", "accounts.db"])
def test_a_file_that_is_no_database_is_a_problem(data_dir: Path, name: str) -> None:
    (data_dir / name).write_bytes(b"torn" * 5000)
    code, found = check(data_dir)
    assert code == 1
    assert set(problems(found)) == {name.removesuffix(".db")}


@pytest.mark.parametrize("name", ["journal.db", "accounts.db"])
def test_a_damaged_database_is_a_problem(data_dir: Path, name: str) -> None:
    path = data_dir / name
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    code, found = check(data_dir)
    assert code == 1
    assert set(problems(found)) == {name.removesuffix(".db")}


@pytest.mark.parametrize("name", ["journal.db", "accounts.db"])
def test_a_database_of_a_newer_release_is_a_problem(data_dir: Path, name: str) -> None:
    with closing(sqlite3.connect(data_dir / name)) as newer:
        newer.execute("PRAGMA user_version = 999")
    code, found = check(data_dir)
    assert code == 1
    assert "newer hoplite" in problems(found)[name.removesuffix(".db")]


def test_accounts_open_to_others_and_accounts_of_nobody_are_problems(
    data_dir: Path, tmp_path: Path
) -> None:
    (data_dir / "accounts.db").chmod(0o644)
    assert "chmod 0600" in problems(check(data_dir)[1])["accounts"]
    empty = prepare(tmp_path / "empty")
    assert "user add" in problems(check(empty, "--auth", "users")[1])["accounts"]


def test_a_certificate_that_cannot_be_read_is_a_problem(data_dir: Path) -> None:
    pem = str(data_dir / "none.pem")
    tls = ("--tls-cert", pem, "--tls-key", pem, "--http", "granian", "--auth", "users")
    assert "No such file" in problems(check(data_dir, *tls)[1])["TLS certificate"]


@pytest.fixture
def ordinary_user(data_dir: Path) -> Iterator[None]:
    """The directory belongs to an ordinary user, and the test's effective user is that one."""
    check(data_dir)  # import everything while this interpreter may still be read
    if os.geteuid() != 0:
        yield
        return
    os.chown(data_dir, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("ordinary_user")
def test_a_read_only_directory_is_a_problem(data_dir: Path) -> None:
    data_dir.chmod(0o500)
    code, found = check(data_dir)
    data_dir.chmod(0o700)
    assert code == 1
    assert "cannot be written: Permission denied" in problems(found)["writing"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_a_problem(data_dir: Path) -> None:
    os.chown(data_dir, 65534, 65534)
    code, found = check(data_dir)
    assert code == 1
    assert "not to root" in problems(found)["data directory"]
