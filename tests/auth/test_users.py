from __future__ import annotations

import pytest

from hoplite.api.auth.users import UsersAuthenticator
from hoplite.exceptions import NotAuthenticatedError
from hoplite.model.caller import Caller, Role
from tests.auth.environs import FewAccounts, basic, environ

USERS = UsersAuthenticator(FewAccounts())
ALICE = Caller("alice", Role.USER, "basic")
ROBOT = Caller("robot", Role.READER, "token")


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        (basic("alice", "correct hörse"), ALICE),
        (basic("alice", "correct hörse").replace("Basic", "basic"), ALICE),
        ("Bearer hop_1_right", ROBOT),
        ("bearer   hop_1_right ", ROBOT),
    ],
)
def test_right_credentials(header: str, caller: Caller) -> None:
    assert USERS.identify(environ(HTTP_AUTHORIZATION=header)) == caller


@pytest.mark.parametrize(
    "header",
    [
        basic("alice", "wrong"),
        basic("nobody", "correct hörse"),
        "Basic",
        "Basic %%%",
        "Basic " + "YWxpY2U=",
        "Basic //8=",
        "Bearer hop_1_wrong",
        "Bearer hop_",
    ],
)
def test_wrong_credentials_are_refused_and_not_repeated(header: str) -> None:
    with pytest.raises(NotAuthenticatedError) as refused:
        USERS.identify(environ(HTTP_AUTHORIZATION=header))
    assert 'wrong"' not in str(refused.value)
    assert "hop_1" not in str(refused.value)


@pytest.mark.parametrize("header", ["", " ", "Bearer", "Bearer the-key-of-a-job", "Digest x"])
def test_what_is_no_credential_of_ours_is_left_to_others(header: str) -> None:
    """A job shows its key as a Bearer too."""
    assert USERS.identify(environ(HTTP_AUTHORIZATION=header)) is None


def test_it_offers_both_schemes() -> None:
    assert [each.split()[0] for each in USERS.challenges()] == ["Basic", "Bearer"]
    assert all('realm="hoplite"' in each for each in USERS.challenges())
