from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hoplite.cli import server as server_module
from hoplite.exceptions import StorageUnavailableError
from hoplite.settings import Settings, describe


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that the server was run with; it is not run."""
    served: list[Settings] = []
    monkeypatch.setattr(server_module, "serve", lambda loaded: served.append(loaded.settings))
    return served


def run(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(
        server_module.server, args, env=dict(environ), prog_name="hoplite-server"
    )


def test_the_help_lists_every_setting_with_its_variable_default_and_description() -> None:
    said = " ".join(run("--help").stdout.split())
    for setting in describe():
        assert setting.option in said
        assert f"env: {setting.env}; default: {setting.default}]" in said
        assert setting.description in said
    for word in ("--config", "-p,", "-d,", "check", "settings", "token", "user"):
        assert word in said


def test_options_reach_the_server(served: list[Settings], tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text("threads = 3\nport = 1\n")
    done = run(
        *("-p", "0", "-d", "--config", str(config), "--stop-jobs", "--auth", "kernel"),
        *("--auth", "users", "--behind-proxy", "127.0.0.1", "--behind-proxy", "10.0.0.0/8"),
        HOPLITE_MAX_STREAMS="9",
    )
    assert (done.exit_code, done.output) == (0, "")
    (settings,) = served
    assert (settings.port, settings.debug, settings.threads) == (0, True, 3)
    assert settings.stop_jobs is True
    assert settings.auth == ("kernel", "users")
    assert settings.behind_proxy == ("127.0.0.1", "10.0.0.0/8")
    assert settings.max_streams == 9


def test_a_flag_of_the_environment_can_be_taken_back(served: list[Settings]) -> None:
    assert run("--no-debug", HOPLITE_DEBUG="true").exit_code == 0
    assert served[0].debug is False


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-p", "abc"], "setting port (from --port): expected a whole number from 0 to 65535"),
        (["--prot", "1"], "No such option '--prot'"),
        (["--config", "/none.toml"], "/none.toml cannot be read"),
        (["--host", "0.0.0.0"], 'needs auth "users" or "proxy"'),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["user", "add"], "Missing argument 'NAME'"),
    ],
)
def test_a_wrong_setting_or_usage_is_one_line_and_exit_2(
    args: list[str], words: str, served: list[Settings]
) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("hoplite-server: ")
    assert words in line
    assert served == []


def test_other_failures_are_one_line_and_exit_1_and_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Settings) -> None:
        raise StorageUnavailableError("no disk")

    def fail(_: Settings) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(server_module, "serve", refuse)
    done = run()
    assert (done.exit_code, done.stderr) == (1, "hoplite-server: no disk\n")
    monkeypatch.setattr(server_module, "serve", fail)
    done = run()
    assert done.exit_code == 1
    assert done.stderr == "hoplite-server: RuntimeError: a defect (--debug shows where)\n"
    assert "Traceback" in run("--debug").stderr
    assert "Traceback" in run(HOPLITE_DEBUG="1").stderr


def test_settings_shows_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text('keep_log_bytes = "1 GiB"\n')
    done = run("--threads", "8", "settings", "--config", str(config), HOPLITE_KILL_GRACE="2min")
    assert done.exit_code == 0
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    assert set(lines) == {"SETTING", *(setting.name for setting in describe())}
    assert lines["keep_log_bytes"][1:] == ["1", "GiB", str(config)]
    assert lines["kill_grace"][1:] == ["2min", "HOPLITE_KILL_GRACE"]
    assert lines["threads"][1:] == ["8", "--threads"]
    assert lines["port"][1:] == ["5000", "default"]
