from __future__ import annotations

import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import argon2
import pytest

from hoplite.accounts import Account, AccountStore
from hoplite.exceptions import InvalidFieldError, NotFoundError
from hoplite.model.caller import Role

PASSWORD = "correct horse battery"
ANN = Account("ann", Role.USER)


def test_the_right_password_and_no_other_opens(store: AccountStore) -> None:
    assert store.verify_password("ann", PASSWORD) == ANN
    assert store.verify_password("ann", PASSWORD + " ") is None
    assert store.verify_password("ann", "") is None
    assert store.verify_password("Ann", PASSWORD) is None
    assert store.verify_password("bob", PASSWORD) is None
    assert store.verify_password("ann", "x" * 100_000) is None
    assert store.verify_password("ann'--", PASSWORD) is None
    assert store.verify_password("\ud800\0", "\0") is None
    assert store.verify_password("ann", "\ud800 not text") is None


def test_a_user_removed_elsewhere_is_out_at_once(store: AccountStore, other: AccountStore) -> None:
    assert store.verify_password("ann", PASSWORD) == ANN
    other.remove_user("ann")
    assert store.verify_password("ann", PASSWORD) is None


def test_a_password_changed_elsewhere_counts_at_once(
    store: AccountStore, other: AccountStore
) -> None:
    assert store.verify_password("ann", PASSWORD) == ANN
    other.set_password("ann", "another password")
    assert store.verify_password("ann", PASSWORD) is None
    assert store.verify_password("ann", "another password") == ANN


def test_changes_made_by_the_store_itself_count_at_once(store: AccountStore) -> None:
    assert store.verify_password("ann", PASSWORD) == ANN
    store.set_password("ann", "another password")
    assert store.verify_password("ann", PASSWORD) is None
    store.remove_user("ann")
    assert store.verify_password("ann", "another password") is None


def test_a_verified_password_is_remembered_and_a_wrong_one_is_not(store: AccountStore) -> None:
    store.verify_password("ann", PASSWORD)
    begun = time.perf_counter()
    for _ in range(200):
        assert store.verify_password("ann", PASSWORD) == ANN
    assert time.perf_counter() - begun < 1.0, "200 runs of argon2 take some ten seconds"
    assert store.verify_password("ann", "wrong password") is None


def test_an_unknown_user_costs_what_a_wrong_password_costs(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    real = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, known: str | bytes, given: str | bytes) -> bool:
        computed.append(str(known).rsplit("$", 2)[0])
        return real(self, known, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    store.verify_password("ann", "wrong password")
    store.verify_password("nobody", "wrong password")
    assert len(computed) == 2
    assert computed[0] == computed[1], "same algorithm, same costs"
    assert computed[0].startswith("$argon2id$")


def test_no_more_than_two_passwords_are_computed_at_once(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()
    now = most = 0
    real = argon2.PasswordHasher.verify

    def watched(self: argon2.PasswordHasher, known: str | bytes, given: str | bytes) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        try:
            return real(self, known, given)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(argon2.PasswordHasher, "verify", watched)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda n: store.verify_password("ann", f"wrong {n}"), range(8)))
    assert most == 2


@pytest.mark.parametrize(
    "name", ["", "Ann", "1ann", "-rf", "ann lee", "ann\n", "a" * 65, "ann:x", "ann/..", "ünn"]
)
def test_a_name_that_is_none_is_refused(store: AccountStore, name: str) -> None:
    with pytest.raises(InvalidFieldError, match="is not a user name: up to 64 of a-z") as caught:
        store.add_user(name, "user", PASSWORD)
    assert caught.value.field == "name"


@pytest.mark.parametrize("name", ["_", "a.b-c_d@example.org", "a" * 64])
def test_names_of_many_kinds_are_taken(store: AccountStore, name: str) -> None:
    store.add_user(name, Role.ADMIN, PASSWORD)
    assert store.verify_password(name, PASSWORD) == Account(name, Role.ADMIN)


def test_what_cannot_be_is_refused(store: AccountStore) -> None:
    with pytest.raises(InvalidFieldError, match="exists already"):
        store.add_user("ann", "admin", PASSWORD)
    with pytest.raises(InvalidFieldError, match="admin, user, reader"):
        store.add_user("bob", "king", PASSWORD)
    with pytest.raises(InvalidFieldError, match="8 to 1024 characters") as caught:
        store.add_user("bob", "user", "geheim")
    assert "geheim" not in caught.value.message
    with pytest.raises(InvalidFieldError, match="not UTF-8"):
        store.set_password("ann", "\ud800" * 10)
    with pytest.raises(NotFoundError, match="no user bob"):
        store.set_password("bob", PASSWORD)
    with pytest.raises(NotFoundError, match="no user bob"):
        store.remove_user("bob")
    assert [(user.name, user.role) for user in store.users()] == [("ann", Role.USER)]


def test_the_files_are_closed_to_others_and_hold_no_password(
    store: AccountStore, path: Path
) -> None:
    text = store.create_token("ann").text
    files = sorted(path.parent.iterdir())
    assert len(files) > 1, "the write-ahead log is there"
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        assert PASSWORD.encode() not in content
        assert text.split("_", 2)[2].encode() not in content
