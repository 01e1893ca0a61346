from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hoplite.exceptions import SettingError
from hoplite.model.caller import Visibility
from hoplite.settings import Settings, describe, from_arguments, load, read

_OTHER_VALUES: dict[str, tuple[str, Any]] = {
    # setting: what is written in the environment or an option, and what it means
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "debug": ("yes", True),
    "data_dir": ("/srv/jobs", Path("/srv/jobs")),
    "http": ("granian", "granian"),
    "threads": ("4", 4),
    "max_streams": ("7", 7),
    "tls_cert": ("/etc/c.pem", Path("/etc/c.pem")),
    "tls_key": ("/etc/k.pem", Path("/etc/k.pem")),
    "behind_proxy": ("127.0.0.1,10.0.0.0/8", ("127.0.0.1", "10.0.0.0/8")),
    "insecure_http": ("1", True),
    "allowed_hosts": ("jobs.example.org", ("jobs.example.org",)),
    "auth": ("kernel,users", ("kernel", "users")),
    "proxy_user_header": ("X-User", "X-User"),
    "proxy_admins": ("ann, bob", ("ann", "bob")),
    "submitters": ("ann", ("ann",)),
    "admins": ("ann", ("ann",)),
    "visibility": ("full", Visibility.FULL),
    "max_running": ("3", 3),
    "max_reservations": ("5", 5),
    "kill_grace": ("500ms", 0.5),
    "status_retry": ("1h", 3600.0),
    "queues": ("default=2, besteffort=-1, x=3", ("default=2", "besteffort=-1", "x=3")),
    "default_walltime": ("30min", 1800.0),
    "admission_time": ("2s", 2.0),
    "admission_memory": ("128 MiB", 128 << 20),
    "walltime_change": ("no", False),
    "walltime_max_increase": ("1h", 3600.0),
    "users_may_delay_jobs": ("true", True),
    "max_array": ("100", 100),
    "local_nodes": ("node1,node2", ("node1", "node2")),
    "sendmail": ("/usr/sbin/sendmail", Path("/usr/sbin/sendmail")),
    "users_may_suspend": ("true", True),
    "stop_jobs": ("true", True),
    "group": ("my.jobs", "my.jobs"),
    "max_body_bytes": ("2 MiB", 2 * 1024**2),
    "max_upload_bytes": ("1 GiB", 1024**3),
    "media_roots": ("/srv/a,/srv/b", ("/srv/a", "/srv/b")),
    "max_config_bytes": ("10kb", 10_000),
    "max_status_bytes": ("4096", 4096),
    "max_result_bytes": ("2 MiB", 2 << 20),
    "request_timeout": ("10", 10.0),
    "max_wait": ("2min", 120.0),
    "keep_days": ("0.5", 0.5),
    "keep_jobs": ("10", 10),
    "keep_log_bytes": ("1.5GiB", 3 * 512 * 1024**2),
    "keep_accounting_days": ("400", 400.0),
    "idempotency_hours": ("1", 1.0),
    "page_limit": ("1000", 1000),
    "default_states": ("Running,Terminated", ("Running", "Terminated")),
    "log_format": ("json", "json"),
    "log_level": ("warning", "warning"),
}


def test_every_setting_is_tried_below() -> None:
    assert list(_OTHER_VALUES) == [setting.name for setting in describe()]


@pytest.mark.parametrize("name", _OTHER_VALUES)
def test_a_setting_can_come_from_an_option_or_a_variable(name: str) -> None:
    written, meant = _OTHER_VALUES[name]
    from_option = read({name: written}, {})
    from_variable = read({}, {f"HOPLITE_{name.upper()}": written})
    assert getattr(from_option.settings, name) == meant
    assert getattr(from_variable.settings, name) == meant
    assert getattr(Settings(), name) != meant
    assert from_option.origins == {name: "--" + name.replace("_", "-")}
    assert from_variable.origins == {name: f"HOPLITE_{name.upper()}"}


@pytest.mark.parametrize("name", _OTHER_VALUES)
def test_a_setting_can_come_from_the_file_with_the_types_of_toml(name: str, tmp_path: Path) -> None:
    _, meant = _OTHER_VALUES[name]
    file = tmp_path / "s.toml"
    file.write_text(f"{name} = {_toml(meant)}\n")
    found = read({}, {}, file)
    assert getattr(found.settings, name) == meant
    assert found.origins == {name: str(file)}


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int | float):
        return str(value)
    return f'"{value}"'


def test_sizes_and_durations_may_be_text_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('keep_log_bytes = "1 GiB"\nkill_grace = "2min"\nmax_wait = 60\n')
    found = load({}, {}, file)
    assert (found.keep_log_bytes, found.kill_grace, found.max_wait) == (1024**3, 120.0, 60.0)


def test_options_come_before_the_environment_before_the_file_before_defaults(
    tmp_path: Path,
) -> None:
    file = tmp_path / "s.toml"
    file.write_text("port = 1\nthreads = 2\nmax_streams = 3\n")
    environ = {"HOPLITE_THREADS": "20", "HOPLITE_PORT": "10"}
    found = load({"port": 100, "page_limit": None}, environ, file)
    assert (found.port, found.threads, found.max_streams) == (100, 20, 3)
    assert found.page_limit == Settings().page_limit


def test_the_file_is_named_by_option_then_by_variable_then_it_is_the_users(
    home: Path, tmp_path: Path
) -> None:
    assert read({}, {}).config_file is None
    usual = home / "config" / "hoplite" / "hoplite.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text("port = 1\n")
    by_variable, by_option = tmp_path / "v.toml", tmp_path / "o.toml"
    by_variable.write_text("port = 2\n")
    by_option.write_text("port = 3\n")
    environ = {"HOPLITE_CONFIG": str(by_variable)}
    assert load({}, {}).port == 1
    assert load({}, environ).port == 2
    assert load({}, environ, by_option).port == 3


def test_the_file_of_the_data_directory_comes_before_defaults_only(tmp_path: Path) -> None:
    own, named = tmp_path / "config.toml", tmp_path / "s.toml"
    options = {"data_dir": tmp_path}
    assert read(options, {}).config_file is None
    assert read(options, {}).changes_file == own
    own.write_text("port = 1\nthreads = 2\nmax_streams = 3\n")
    named.write_text("port = 100\n")
    assert read(options, {}).config_file == own
    found = read(options, {"HOPLITE_THREADS": "20"}, named)
    settings = found.settings
    assert (settings.port, settings.threads, settings.max_streams) == (100, 20, 3)
    assert found.origins["max_streams"] == str(own)
    assert (found.config_file, found.changes_file) == (named, named)
    own.write_text('data_dir = "elsewhere"\n')
    with pytest.raises(SettingError, match="found by it"):
        read(options, {})


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('data_dir = "state"\ntls_cert = "~/c.pem"\n')
    found = read({}, {}, file).settings
    assert found.data_dir == tmp_path / "state"
    assert found.tls_cert == Path("~/c.pem").expanduser()


def test_arguments_alone_ignore_environment_and_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPLITE_PORT", "1")
    assert from_arguments(threads=3).port == 5000
    assert from_arguments(group="my.jobs", data_dir=home).data_dir == home
    with pytest.raises(SettingError, match="thread"):
        from_arguments(thread=3)


def test_variables_of_clients_and_jobs_are_no_settings() -> None:
    environ = dict.fromkeys(("HOPLITE_TOKEN", "HOPLITE_JOB_ID", "HOPLITE_JOB_UUID"), "x")
    assert load({}, {**environ, "HOPLITE_CRASH_AT": "y", "PATH": "/bin"}) == Settings()


def test_defaults_are_within_their_own_limits() -> None:
    values = {setting.name: getattr(Settings(), setting.name) for setting in describe()}
    assert load(values, {}) == Settings()
