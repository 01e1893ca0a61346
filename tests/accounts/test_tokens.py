from __future__ import annotations

import time
from pathlib import Path

import pytest

from hoplite.accounts import Account, AccountStore
from hoplite.exceptions import InvalidFieldError, NotFoundError
from hoplite.model.caller import Role

PASSWORD = "correct horse battery"
ANN = Account("ann", Role.USER)


def test_a_token_opens_what_its_user_may(store: AccountStore) -> None:
    made = store.create_token("ann", label="backup")
    assert made.text.startswith(f"hop_{made.token.id}_")
    assert len(made.text.split("_", 2)[2]) == 43
    assert store.verify_token(made.text) == ANN
    assert made.text not in repr(made)


def test_what_is_not_the_token_opens_nothing(store: AccountStore) -> None:
    text = store.create_token("ann").text
    second = store.create_token("ann").text
    swapped = f"hop_1_{second.split('_', 2)[2]}"
    wrong = ["", "hop_", "hop_1_", text[:-1], text + "A", text.upper(), " " + text, swapped]
    wrong += ["hop_0_" + "A" * 43, f"hop_{'9' * 30}_" + "A" * 43, "hop_99_" + "A" * 43]
    wrong += [text[:-1] + ("A" if text[-1] != "A" else "B"), "hop_\u0661_" + "A" * 43]
    for each in wrong:
        assert store.verify_token(each) is None, each
    assert store.verify_token(text) == ANN


def test_a_token_revoked_elsewhere_is_out_at_once(store: AccountStore, other: AccountStore) -> None:
    first, second = store.create_token("ann"), store.create_token("ann")
    assert store.verify_token(first.text) == ANN
    other.revoke_token(first.token.id)
    assert store.verify_token(first.text) is None
    assert store.verify_token(second.text) == ANN
    store.revoke_token(second.token.id)
    assert store.verify_token(second.text) is None


def test_the_tokens_of_a_removed_user_are_gone_even_if_the_name_comes_back(
    store: AccountStore, other: AccountStore
) -> None:
    text = store.create_token("ann").text
    assert store.verify_token(text) == ANN
    other.remove_user("ann")
    assert store.verify_token(text) is None
    other.add_user("ann", "admin", PASSWORD)
    assert store.verify_token(text) is None
    assert store.tokens() == []


def test_the_id_of_a_revoked_token_never_comes_back(store: AccountStore) -> None:
    first = store.create_token("ann").token.id
    store.revoke_token(first)
    assert store.create_token("ann").token.id > first


def test_an_expired_token_opens_nothing_also_when_it_is_remembered(store: AccountStore) -> None:
    until = time.time() + 0.3
    text = store.create_token("ann", until).text
    assert store.verify_token(text) == ANN
    while time.time() <= until:
        time.sleep(0.01)
    assert store.verify_token(text) is None
    assert store.tokens()[0].expires_at == until


def test_the_last_use_is_noted_but_not_each_time(store: AccountStore, other: AccountStore) -> None:
    text = store.create_token("ann").text
    assert store.tokens()[0].last_used_at is None
    store.verify_token(text)
    noted = store.tokens()[0].last_used_at
    assert noted is not None
    store.verify_token(text)
    other.verify_token(text)
    assert other.tokens()[0].last_used_at == noted


def test_a_last_use_that_cannot_be_noted_keeps_nobody_out(store: AccountStore) -> None:
    text = store.create_token("ann").text
    store._connection.execute("PRAGMA query_only = ON")
    assert store.verify_token(text) == ANN


def test_a_remembered_token_is_verified_in_microseconds(store: AccountStore) -> None:
    text = store.create_token("ann").text
    store.verify_token(text)
    begun = time.perf_counter()
    for _ in range(2000):
        store.verify_token(text)
    assert time.perf_counter() - begun < 1.0, "some 6 microseconds each; 500 are allowed here"


def test_what_cannot_be_is_refused(store: AccountStore) -> None:
    with pytest.raises(NotFoundError, match="no user bob"):
        store.create_token("bob")
    with pytest.raises(NotFoundError, match="no token 99"):
        store.revoke_token(99)
    with pytest.raises(InvalidFieldError, match="in the future"):
        store.create_token("ann", time.time() - 1)


def test_tokens_survive_a_restart(path: Path) -> None:
    with AccountStore(path) as first:
        first.add_user("ann", "user", PASSWORD)
        text = first.create_token("ann").text
    with AccountStore(path) as second:
        assert second.verify_token(text) == ANN
