from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hoplite.accounts import AccountStore
from hoplite.cli.server import server
from hoplite.model.caller import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data_dir = tmp_path / "data"
    monkeypatch.setenv("HOPLITE_DATA_DIR", str(data_dir))
    return data_dir


def run(*args: str, given: str = "") -> Result:
    return CliRunner().invoke(server, args, input=given, prog_name="hoplite-server")


def add(name: str, role: str = "user") -> Result:
    return run("user", "add", name, "--role", role, "--password-stdin", given=PASSWORD + "\n")


def test_a_user_is_added_listed_changed_and_removed(data_dir: Path) -> None:
    assert add("ann", "admin").stdout == "added user ann (admin)\n"
    assert data_dir.stat().st_mode & 0o066 == 0
    with AccountStore(data_dir / "accounts.db") as running:
        account = running.verify_password("ann", PASSWORD)
        assert account is not None
        assert account.role is Role.ADMIN
        assert run("user", "list").stdout.splitlines()[1].split()[:2] == ["ann", "admin"]
        run("user", "passwd", "ann", "--password-stdin", given="another password\n")
        assert running.verify_password("ann", PASSWORD) is None
        assert running.verify_password("ann", "another password") is not None
        assert run("user", "remove", "ann").exit_code == 0
        assert running.verify_password("ann", "another password") is None


def test_a_token_is_shown_once_listed_and_revoked(data_dir: Path) -> None:
    add("ann")
    made = run("token", "create", "--user", "ann", "--expires", "30d", "--label", "backup")
    text = made.stdout.strip()
    with AccountStore(data_dir / "accounts.db") as running:
        assert running.verify_token(text) is not None
        (token,) = running.tokens()
        assert token.expires_at is not None
        assert abs(token.expires_at - time.time() - 30 * 86400) < 60
        listed = run("token", "list").stdout
        assert listed.splitlines()[1].split()[:2] == ["1", "ann"]
        assert "backup" in listed
        assert run("token", "revoke", "1").exit_code == 0
        assert running.verify_token(text) is None


def test_no_password_token_or_hash_is_in_any_list(data_dir: Path) -> None:
    add("ann")
    text = run("token", "create", "--user", "ann").stdout.strip()
    with AccountStore(data_dir / "accounts.db") as running:
        (stored,) = running._connection.execute("SELECT hash FROM tokens").fetchone()
    shown = "".join(
        run(*args).output for args in (("user", "list"), ("token", "list"), ("settings",))
    )
    for secret in (PASSWORD, text, text.split("_", 2)[2], "argon2", stored.hex()):
        assert secret not in shown


@pytest.mark.parametrize("expires", ["never", "2100-01-31", "2100-01-31T10:00:00+02:00", "12h"])
def test_a_token_may_end_after_a_span_at_a_date_or_never(data_dir: Path, expires: str) -> None:
    add("ann")
    assert run("token", "create", "--user", "ann", "--expires", expires).exit_code == 0
    with AccountStore(data_dir / "accounts.db") as store:
        (token,) = store.tokens()
    assert (token.expires_at is None) == (expires == "never")


@pytest.mark.parametrize("expires", ["30", "soon", "2100-13-01", "-1d", ""])
def test_an_expiry_that_is_none_is_refused(data_dir: Path, expires: str) -> None:
    done = run("token", "create", "--user", "ann", "--expires", expires)
    assert done.exit_code == 2
    assert "is none of 30d, 12h, never, 2030-12-31" in done.stderr


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["user", "remove", "bob"], "there is no user bob", 1),
        (["user", "passwd", "bob", "--password-stdin"], "there is no user bob", 1),
        (["user", "add", "Bob!", "--password-stdin"], "is not a user name", 1),
        (["user", "add", "ann", "--password-stdin"], "exists already", 1),
        (["user", "add", "bob", "--role", "king"], "'king' is not one of", 2),
        (["user", "add", "bob"], "--password-stdin", 2),
        (["token", "create", "--user", "bob"], "there is no user bob", 1),
        (["token", "create", "--user", "ann", "--expires", "2000-01-01"], "in the future", 1),
        (["token", "revoke", "7"], "there is no token 7", 1),
        (["token", "revoke", "x"], "'x' is not a valid integer", 2),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    data_dir: Path, args: list[str], words: str, code: int
) -> None:
    add("ann")
    done = run(*args, given=PASSWORD + "\n")
    assert done.exit_code == code
    (line,) = done.stderr.splitlines()
    assert words in line


def test_a_short_password_is_refused_and_not_repeated(data_dir: Path) -> None:
    done = run("user", "add", "ann", "--password-stdin", given="geheim\n")
    assert done.exit_code == 1
    assert "8 to 1024 characters" in done.stderr
    assert "geheim" not in done.output


def test_accounts_can_be_made_while_settings_still_contradict(data_dir: Path) -> None:
    done = CliRunner().invoke(
        server,
        ["--host", "0.0.0.0", "user", "add", "ann", "--password-stdin"],
        input=PASSWORD,
        prog_name="hoplite-server",
    )
    assert done.exit_code == 0
