"""Whom a job's owner wants to be told."""

from __future__ import annotations

import pytest

from hoplite.exceptions import InvalidFieldError
from hoplite.model.notify import Notify, Tag, read_notify


def test_it_names_an_address_or_a_program_and_what_is_to_be_told() -> None:
    assert read_notify("mail:me@example.org") == Notify(mail="me@example.org")
    assert read_notify("[END, ERROR]mail:root") == Notify(
        frozenset({Tag.END, Tag.ERROR}), mail="root"
    )
    assert read_notify("[RUNNING] exec:/usr/bin/tell me -x") == Notify(
        frozenset({Tag.RUNNING}), exec=("/usr/bin/tell", "me", "-x")
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me@example.org",
        "sms:me",
        "mail:",
        "mail:-oQ/tmp",
        "mail:a b@example.org",
        "mail:a@b\nBcc: c@d",
        "exec:",
        "exec:/bin/rm $HOME",
        "exec:/bin/a;b",
        "exec:/bin/a\nb",
        "[LOUD]mail:root",
        "[]mail:root",
    ],
)
def test_what_would_tell_nobody_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="notify") as error:
        read_notify(text)
    assert error.value.field == "notify"
