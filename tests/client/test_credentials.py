"""Where credentials come from, and that they go nowhere else."""

from __future__ import annotations

import os
import pickle
import pwd
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from hoplite.client import RemoteJob, RemoteJobManager
from hoplite.client.address import parse_address
from hoplite.client.credentials import Credentials, find_credentials
from hoplite.exceptions import (
    ConnectionError,
    CredentialsError,
    HopliteError,
    NotAuthenticatedError,
)
from tests.client.scripted_server import answer, answering
from tests.conftest import MakeServer
from tests.server.process import ServerProcess
from tests.server.test_who import cli

ME = pwd.getpwuid(os.getuid()).pw_name
BUILD = parse_address("build:5000")


def kept(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_first_place_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_credentials(BUILD) == Credentials()
    file = kept(
        tmp_path / "hoplite" / "client.toml", '[servers."build:5000"]\ntoken = "hop_1_file"\n'
    )
    assert find_credentials(BUILD) == Credentials(str(file), None, "hop_1_file")
    netrc = kept(tmp_path / "netrc", "machine build login me password secret\n")
    assert find_credentials(BUILD) == Credentials(str(netrc), "me", "secret")
    monkeypatch.setenv("HOPLITE_TOKEN", "hop_1_variable\n")
    assert find_credentials(BUILD) == Credentials("HOPLITE_TOKEN", None, "hop_1_variable")
    assert find_credentials(BUILD, "hop_1_given").secret == "hop_1_given"
    assert find_credentials(BUILD, ("me", "pass")) == Credentials("credentials=", "me", "pass")


def test_entries_of_the_clients_file(tmp_path: Path) -> None:
    kept(
        tmp_path / "hoplite" / "client.toml",
        '[servers.build]\nuser = "ci"\npassword = "p"\n[servers."build:81"]\ntoken = "hop_81"\n',
    )
    assert find_credentials(BUILD).user == "ci"
    assert find_credentials(parse_address("https://build:81")).secret == "hop_81"
    assert find_credentials(parse_address("other")) == Credentials()


def test_a_file_that_is_named_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPLITE_CLIENT_CONFIG", str(tmp_path / "mine.toml"))
    with pytest.raises(CredentialsError, match=r"mine\.toml cannot be read: FileNotFoundError"):
        find_credentials(BUILD)
    kept(tmp_path / "mine.toml", '[servers.build]\ntoken = "hop_1_mine"\n')
    assert find_credentials(BUILD).secret == "hop_1_mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_place_that_is_closed_to_this_user_has_no_credentials(tmp_path: Path) -> None:
    kept(tmp_path / "hoplite" / "client.toml", "").parent.chmod(0)
    assert find_credentials(BUILD) == Credentials()


def test_a_token_harms_nobody_where_the_kernel_knows_the_caller(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPLITE_TOKEN", "hop_1_of-another-server")
    with RemoteJobManager(server.url) as manager:
        assert "golden.echo" in manager.get_job_plugins()


def test_the_default_entry_of_netrc_is_for_nobody(tmp_path: Path) -> None:
    kept(tmp_path / "netrc", "machine other login build password x\ndefault login me password y\n")
    assert find_credentials(BUILD) == Credentials()


@pytest.mark.parametrize("name", ["hoplite/client.toml", "netrc"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    text = '[servers.build]\ntoken = "hop_1_x"\n'
    if name == "netrc":
        text = "machine build login me password secret\n"
    kept(tmp_path / name, text).chmod(mode)
    with pytest.raises(CredentialsError, match="chmod 600"):
        find_credentials(BUILD)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(kept(tmp_path / "hoplite" / "client.toml", ""), 65534, 65534)
    with pytest.raises(CredentialsError, match="another user"):
        find_credentials(BUILD)


@pytest.mark.parametrize(
    "text",
    [
        "this is no TOML: hop_1_secret",
        "[servers.build]\n",
        '[servers.build]\ntoken = "hop_1_secret"\nuser = "me"\n',
        '[servers.build]\nuser = "hop_1_secret"\n',
        "[servers.build]\ntoken = 5\n",
        '[servers]\nbuild = "hop_1_secret"\n',
        'servers = "hop_1_secret"\n',
        '[server.build]\ntoken = "hop_1_secret"\n',
        '[servers.build]\ntoken = "hop_1_secret with blanks"\n',
    ],
)
def test_a_wrong_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    kept(tmp_path / "hoplite" / "client.toml", text)
    with pytest.raises(CredentialsError, match=r"client\.toml") as refused:
        find_credentials(BUILD)
    assert "hop_1_secret" not in str(refused.value)


def test_a_wrong_netrc_matters_only_if_it_speaks_of_the_server(tmp_path: Path) -> None:
    kept(tmp_path / "netrc", "nonsense here\n")
    assert find_credentials(BUILD) == Credentials()
    kept(tmp_path / "netrc", "machine build login me password\nsecretword nonsense\n")
    with pytest.raises(CredentialsError, match="line") as refused:
        find_credentials(BUILD)
    assert "secretword" not in str(refused.value)


@pytest.mark.parametrize("token", ["", "two words", "hop_1_ü", "hop\nX: y"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(CredentialsError, match="no token"):
        find_credentials(BUILD, token)


def _held_to(server: ServerProcess, user: str) -> str:
    cli(server, "user", "add", user, "--role", "admin", "--password-stdin", stdin="correct horse")
    return cli(server, "token", "create", "--user", user).split()[-1]


@pytest.fixture
def users_server(make_server: MakeServer) -> ServerProcess:
    return make_server("--auth", "users").start()


def test_tokens_and_passwords_are_accepted(
    users_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _held_to(users_server, ME)
    host = users_server.url.removeprefix("http://")

    def caller(credentials: str | tuple[str, str] | None = None) -> str:
        options = {} if credentials is None else {"credentials": credentials}
        with RemoteJobManager(users_server.url, **options) as manager:  # type: ignore[arg-type] # mypy does not follow the dict
            return manager.create_job("golden.noop").info()["owner"]

    assert caller(token) == ME
    assert caller((ME, "correct horse")) == ME
    kept(tmp_path / "hoplite" / "client.toml", f'[servers."{host}"]\ntoken = "{token}"\n')
    assert caller() == ME
    kept(tmp_path / "netrc", f'machine 127.0.0.1 login {ME} password "correct horse"\n')
    assert caller() == ME
    kept(tmp_path / "netrc", f"machine 127.0.0.1 login any password {token}\n")
    assert caller() == ME
    monkeypatch.setenv("HOPLITE_TOKEN", token)
    assert caller() == ME


def test_wrong_credentials_are_named_by_their_place(
    users_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        RemoteJobManager(users_server.url) as nobody,
        pytest.raises(NotAuthenticatedError, match="no credentials: give credentials="),
    ):
        nobody.get_job_plugins()
    monkeypatch.setenv("HOPLITE_TOKEN", "hop_1_wrong")
    with (
        RemoteJobManager(users_server.url) as manager,
        pytest.raises(NotAuthenticatedError, match="the credentials are from HOPLITE_TOKEN"),
    ):
        manager.get_job_plugins()
    assert manager.is_available()
    manager.close()


def test_a_secret_is_in_no_repr_and_in_no_traceback() -> None:
    told = []
    with _Holder("hop_1_very-secret-token").manager("127.0.0.1:1") as manager:
        shown = [repr(manager), repr(vars(manager)), repr(vars(manager._connection))]
        asks: list[Callable[[], object]] = [
            manager.get_job_plugins,
            lambda: list(manager.jobs()),
            lambda: list(manager.events()),
        ]
        for ask in asks:
            with pytest.raises(ConnectionError) as failed:
                ask()
            told.append(with_variables(failed.value))
    assert all("retry_s" in text for text in told), "variables are shown"
    assert "very-secret-token" not in "".join(shown + told)


def test_a_refused_jobs_traceback_has_no_secret() -> None:
    with answering(answer(400, {"error": "no", "code": "invalid-field"})) as server:
        holder = _Holder("hop_1_very-secret-token")
        with pytest.raises(HopliteError) as refused:
            holder.job(server.address)
    text = with_variables(refused.value)
    assert "post_job" in text
    assert holder.token not in text
    assert b"Authorization: Bearer " + holder.token.encode() in server.requests[0]
    assert holder.token.encode() not in server.requests[0].partition(b"\r\n")[0]


class _Holder:
    """Holds a token where no repr shows it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def manager(self, address: str) -> RemoteJobManager:
        return RemoteJobManager(address, credentials=self.token, retry_s=0)

    def job(self, address: str) -> RemoteJob:
        return RemoteJob(address, name="x", credentials=self.token)


def with_variables(error: BaseException) -> str:
    """The traceback as those show it who show the variables too."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(whole.format())


def test_credentials_are_not_sent_after_a_redirect() -> None:
    with answering(answer(200, {"job_plugins": []})) as elsewhere:
        moved = answer(301, b"", f"Location: http://{elsewhere.address}/job_plugins")
        with (
            answering(moved) as server,
            RemoteJobManager(server.address, credentials="hop_1_x") as manager,
            pytest.raises(HopliteError, match="has moved to"),
        ):
            manager.get_job_plugins()
        assert not elsewhere.requests


def test_a_connection_is_not_pickled() -> None:
    with RemoteJobManager("build", credentials="hop_1_x") as manager, pytest.raises(TypeError):
        pickle.dumps(manager)
