"""Settings that are changed while a server runs: the file, what holds, what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from hoplite.exceptions import SettingError, SettingNotChangedError, StorageUnavailableError
from hoplite.settings import Settings, describe, read
from hoplite.settings.changing import AT_ONCE, BUILT_IN, OF_THE_MACHINE
from hoplite.settings.configuration import Changed, Configuration
from hoplite.settings.described import by_name

TEXT = """\
# The server of the lab.
port = 5001   # the firewall knows it

keep_days = 30.5
queues = [
    "default=2",   # everybody
    "besteffort=0",
]
# page_limit = 100
"""


class Tried:
    """A configuration over one file, and what it told."""

    def __init__(self, file: Path, **options: Any) -> None:
        self.file = file
        self.configuration = Configuration.of(read(options, {}, file))
        self.heard: list[Settings] = []
        self.recorded: list[Changed] = []
        self.configuration.subscribe(self.heard.append)

    def change(self, name: str, value: Any) -> Changed:
        return self.configuration.change(by_name()[name], value, "a test", self.recorded.append)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "hoplite.toml"
    file.write_text(TEXT)
    return file


def test_comments_and_layout_survive(file: Path) -> None:
    tried = Tried(file)
    tried.change("port", 5002)
    assert file.read_text() == TEXT.replace("5001", "5002")
    tried.change("page_limit", "400")
    assert file.read_text() == TEXT.replace("5001", "5002") + "page_limit = 400\n"
    tried.change("page_limit", None)
    assert file.read_text() == TEXT.replace("5001", "5002")


@pytest.mark.parametrize("text", ["port = 1", "port = 1\r\n# end\r\n", "", "# only words", "\n\n"])
def test_a_file_of_any_form_stays_sound(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    Tried(file).change("threads", 7)
    assert read({}, {}, file).settings.threads == 7
    assert text.encode() in file.read_bytes()


@pytest.mark.parametrize("name", sorted(by_name()))
def test_every_default_can_be_written_and_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    if name == "data_dir":
        pytest.skip("the file lies in it")
    value = getattr(Settings(), name)
    loaded = read({"data_dir": tmp_path}, {})
    Configuration.of(loaded).change(by_name()[name], value, "a test", lambda _: None)
    assert getattr(read({"data_dir": tmp_path}, {}).settings, name) == value


def test_what_is_looked_at_when_needed_holds_at_once(file: Path) -> None:
    tried = Tried(file)
    changed = tried.change("page_limit", "400")
    assert (changed.before, changed.value, changed.at_once) == (500, 400, True)
    assert tried.configuration.settings.page_limit == 400
    assert [settings.page_limit for settings in tried.heard] == [400]
    assert tried.recorded == [changed]


def test_what_a_server_is_built_from_holds_after_a_restart(file: Path) -> None:
    tried = Tried(file)
    changed = tried.change("threads", 8)
    assert not changed.at_once
    assert tried.configuration.settings.threads == Settings().threads
    assert tried.configuration.after_restart("threads") == 8
    assert tried.heard == []
    assert Tried(file).configuration.settings.threads == 8


def test_an_option_goes_before_the_file_and_is_named(file: Path) -> None:
    tried = Tried(file, page_limit=70)
    changed = tried.change("page_limit", 400)
    assert (changed.overruled_by, changed.at_once) == ("--page-limit", False)
    assert tried.configuration.settings.page_limit == 70
    assert "page_limit = 400" in file.read_text()


def test_a_change_to_the_same_is_none(file: Path) -> None:
    tried = Tried(file)
    tried.change("keep_days", "30.5")
    assert (tried.recorded, file.read_text()) == ([], TEXT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_limit", "abc"),
        ("page_limit", True),
        ("page_limit", 10**400),
        ("kill_grace", 10**400),
        ("kill_grace", "a while"),
        ("visibility", {"a": 1}),
        ("queues", ["default=2", "default=3", "besteffort=0"]),
        ("behind_proxy", ["nowhere"]),
        ("tls_cert", "/tmp/cert.pem"),
        ("default_states", ["Nowhere"]),
    ],
)
def test_a_wrong_value_changes_nothing(file: Path, name: str, value: Any) -> None:
    tried = Tried(file)
    with pytest.raises(SettingError):
        tried.change(name, value)
    assert (tried.recorded, tried.heard, file.read_text()) == ([], [], TEXT)


def test_a_file_that_was_broken_by_hand_is_left_as_it_is(file: Path) -> None:
    tried = Tried(file)
    file.write_text("port = = 3\n")
    with pytest.raises(SettingNotChangedError, match="not TOML"):
        tried.change("page_limit", 400)
    assert file.read_text() == "port = = 3\n"
    assert tried.configuration.settings.page_limit == 500


def test_who_cannot_record_the_change_makes_none(file: Path) -> None:
    configuration = Configuration.of(read({}, {}, file))

    def record(_: Changed) -> None:
        raise StorageUnavailableError("the journal is away")

    with pytest.raises(StorageUnavailableError, match="journal"):
        configuration.change(by_name()["page_limit"], 400, "a test", record)
    assert configuration.settings.page_limit == 500
    assert file.read_text() == TEXT
    assert [path.name for path in file.parent.iterdir() if path.suffix == ".new"] == []


def test_mode_and_links_stay(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    Tried(link).change("page_limit", 400)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert "page_limit = 400" in file.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 61001, 61002)
    Tried(file).change("page_limit", 400)
    assert (file.stat().st_uid, file.stat().st_gid) == (61001, 61002)


def test_what_cannot_be_written_is_said_and_changes_nothing(file: Path) -> None:
    tried = Tried(file)
    in_the_way = file.with_name(".hoplite.toml.new")
    in_the_way.mkdir()
    with pytest.raises(StorageUnavailableError, match="nothing was changed"):
        tried.change("page_limit", 400)
    assert (tried.recorded, tried.configuration.settings.page_limit) == ([], 500)


def test_a_file_made_by_the_server_is_for_its_owner_only(tmp_path: Path) -> None:
    loaded = read({"data_dir": tmp_path}, {})
    Configuration.of(loaded).change(by_name()["page_limit"], 400, "a test", lambda _: None)
    assert (tmp_path / "config.toml").stat().st_mode & 0o777 == 0o600


def test_a_program_that_embeds_the_server_gives_its_settings_itself() -> None:
    configuration = Configuration(Settings(page_limit=3))
    assert configuration.settings.page_limit == 3
    with pytest.raises(SettingNotChangedError, match="program"):
        configuration.change(by_name()["page_limit"], 4, "a test", lambda _: None)


def test_of_every_setting_it_is_said_once_when_a_change_holds_and_who_may() -> None:
    said = [*AT_ONCE, *BUILT_IN, *OF_THE_MACHINE]
    assert sorted(said) == sorted(by_name())


def test_no_setting_is_a_secret() -> None:
    """All of them are shown to administrators: a secret must be named by the path of a file."""
    telling = re.compile("passw|secret|token|key|credential")
    named = [each for each in describe() if telling.search(each.name)]
    assert {each.name for each in named if each.kind != "path"} == set()
