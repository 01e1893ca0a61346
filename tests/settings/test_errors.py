from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hoplite.exceptions import SettingError
from hoplite.settings import load

_ILL: list[tuple[str, Any]] = [
    ("host", ""),
    ("host", "two words"),
    ("port", "abc"),
    ("port", "65536"),
    ("port", "-1"),
    ("port", "5000.5"),
    ("port", True),
    ("debug", "perhaps"),
    ("debug", ""),
    ("data_dir", ""),
    ("data_dir", "a\0b"),
    ("http", "apache"),
    ("threads", "0"),
    ("auth", "nobody"),
    ("auth", ","),
    ("proxy_user_header", "X User"),
    ("visibility", "some"),
    ("kill_grace", "-1"),
    ("kill_grace", "nan"),
    ("kill_grace", float("nan")),
    ("kill_grace", "5 parsecs"),
    ("status_retry", "1e400"),
    ("group", "no spaces"),
    ("queues", "default,besteffort"),
    ("queues", "default=high,besteffort=0"),
    ("queues", "default=1"),
    ("default_walltime", "0"),
    ("walltime_max_increase", "-1"),
    ("max_reservations", "-1"),
    ("local_nodes", ["two words"]),
    ("max_body_bytes", "16 MB B"),
    ("max_body_bytes", "1"),
    ("max_body_bytes", "9" * 30),
    ("keep_days", "inf"),
    ("keep_days", float("inf")),
    ("page_limit", "1001"),
    ("log_level", "loud"),
    ("allowed_hosts", "a b"),
]


@pytest.mark.parametrize(("name", "value"), _ILL)
def test_an_ill_value_is_refused_with_its_name_source_and_what_would_be_right(
    name: str, value: Any
) -> None:
    option = "--" + name.replace("_", "-")
    with pytest.raises(SettingError) as caught:
        load({name: value}, {})
    assert caught.value.field == name
    assert f"setting {name} (from {option}): expected " in caught.value.message
    if isinstance(value, str):
        with pytest.raises(SettingError, match=rf"setting {name} \(from HOPLITE_{name.upper()}\)"):
            load({}, {f"HOPLITE_{name.upper()}": value})


@pytest.mark.parametrize(
    "line",
    [
        'port = "5000"',
        "port = 5000.0",
        "port = true",
        'debug = "true"',
        "debug = 1",
        'auth = "users"',
        "auth = [1]",
        "auth = []",
        "data_dir = 5",
        "kill_grace = nan",
        "keep_days = inf",
        "max_body_bytes = 2000.5",
        "[visibility]",
        "host = 1979-05-27",
    ],
)
def test_the_file_has_types_and_an_ill_typed_value_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(line + "\n")
    name = line.split(maxsplit=1)[0].strip("[]")
    with pytest.raises(SettingError) as caught:
        load({}, {}, file)
    assert f"setting {name} (from {file}): expected " in caught.value.message


def test_an_unknown_setting_is_refused_and_a_close_name_is_offered(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("kill-grace = 5\n")
    with pytest.raises(SettingError, match=r"kill-grace in .*s\.toml; did you mean kill_grace\?"):
        load({}, {}, file)
    with pytest.raises(SettingError, match=r"HOPLITE_PROT .* did you mean HOPLITE_PORT"):
        load({}, {"HOPLITE_PROT": "1"})
    with pytest.raises(SettingError, match="zzz"):
        load({"zzz": 1}, {})


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2\n"])
def test_a_file_that_is_not_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(content)
    with pytest.raises(SettingError, match=r"s\.toml is not TOML"):
        load({}, {}, file)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"none\.toml cannot be read: No such file"):
        load({}, {}, tmp_path / "none.toml")
    with pytest.raises(SettingError, match="cannot be read"):
        load({}, {"HOPLITE_CONFIG": str(tmp_path)})


_TLS = {"tls_cert": "/c", "tls_key": "/k", "http": "granian", "auth": "users"}


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"tls_cert": "/c"}, "tls_key", "tls_cert is set without tls_key"),
        ({"tls_key": "/k"}, "tls_cert", "tls_key is set without tls_cert"),
        ({"tls_cert": "/c", "tls_key": "/k"}, "http", r"hoplite\[granian\]"),
        ({"host": "0.0.0.0"}, "auth", "other machines"),
        ({"host": "example.org"}, "auth", "other machines"),
        ({"host": "0.0.0.0", "auth": "users"}, "insecure_http", "tls_cert and tls_key"),
        ({"auth": "proxy"}, "behind_proxy", 'auth "proxy" needs behind_proxy'),
        ({"queues": "default=2,x=0"}, "queues", "no queue besteffort"),
        ({"queues": "default=2,besteffort=0,default=3"}, "queues", "default twice"),
        ({"behind_proxy": "127.0.0.1"}, "auth", "needs auth"),
        ({"auth": "proxy", "behind_proxy": "0.0.0.0/0"}, "behind_proxy", "everybody"),
        ({"auth": "users", "behind_proxy": "10.0.0.1/8"}, "behind_proxy", "host bits"),
        ({"auth": "users", "behind_proxy": "proxy.lan"}, "behind_proxy", "127.0.0.1"),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        load(given, {})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        {"host": "localhost"},
        {"host": "127.8.8.8"},
        {"host": "::1"},
        {"host": "0.0.0.0", "auth": "users", "insecure_http": True},
        {"host": "0.0.0.0", "auth": "kernel,users", "behind_proxy": "10.0.0.1"},
        {"host": "::", "auth": "proxy", "behind_proxy": "fd00::/8"},
        {"host": "0.0.0.0", **_TLS},
    ],
)
def test_sound_combinations_are_taken(given: dict[str, Any]) -> None:
    load(given, {})


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere the kernel is not asked")
def test_the_kernel_cannot_be_asked_behind_granian() -> None:
    with pytest.raises(SettingError, match="does not tell the client's port") as caught:
        load({"http": "granian"}, {})
    assert caught.value.field == "auth"


def test_granian_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"pip install 'hoplite\[granian\]'"):
        load({"http": "granian", "auth": "users"}, {})
