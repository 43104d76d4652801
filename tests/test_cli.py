"""The command line: what it prints, where, and how it ends."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from callboard.cli.serve import SERVE_OPTIONS, Address, ServeOptions, parse_listen, parse_quickly, require_safe_address
from callboard.kernel.errors import InputError
from callboard.kernel.logs import configure_logs
from callboard.kernel.settings import Settings, SettingsError
from tests.cli.calls import Served, run, run_json


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test runs in a folder of its own, without settings; logs are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("APP_CONFIG_", "CALLBOARD_", "BACKSTAGE_"))]:
        monkeypatch.delenv(name)
    yield tmp_path
    configure_logs(level="warning")


# ---- help, usage, errors ------------------------------------------------------------------------------------------------


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Groups and features' commands stand in one list."""
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name in ("serve", "init", "doctor", "user", "token", "action", "db", "plugin"):
        assert f"\n  {name} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("serve", "--prot", "1"),
        ("serve", "--port", "x"),
        ("serve", "--port", "70000"),
        ("user", "add"),
        ("serve", "--log-format", "xml"),
    ],
)
def test_wrong_usage_ends_with_2_and_speaks_on_standard_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Nothing on standard output that a script could take for a result."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_errors_as_json_say_code_and_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A broken settings file is usage, told with line and column."""
    (tmp_path / "app-config.yaml").write_text("a: [1\nb: 2")
    code, out, err = run(capsys, "db", "check", "--json")
    assert (code, out) == (2, "")
    error = json.loads(err)["error"]
    assert (error["code"], error["line"]) == ("settings", 2)
    assert error["file"].endswith("app-config.yaml")


def test_a_server_that_does_not_answer_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    """Unavailable is not the same as wrong."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = run(capsys, "user", "list", "--url", url)
    assert (code, out) == (3, "")
    assert "does not answer" in err


# ---- serve: options and address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ServeOptions()),
        (["--port", "80", "--host=::1", "--demo"], ServeOptions(port=80, host="::1", demo=True)),
        (["--config", "a.yaml", "--config=b.yaml"], ServeOptions(config=[Path("a.yaml"), Path("b.yaml")])),
        (["--log-format", "json", "--strict-config", "--json"], ServeOptions(log_format="json", strict_config=True, json=True)),
        (["--help"], None), (["--port"], None), (["--port", "x"], None), (["--port", "99999"], None), (["--demo=yes"], None),
        (["extra"], None), (["--log-format", "xml"], None), (["--data", "--demo"], None), (["--data="], None),
    ],
)  # fmt: skip
def test_the_short_way_takes_only_well_formed_calls(arguments: list[str], expected: ServeOptions | None) -> None:
    """Whatever it does not understand is left to typer, which explains."""
    assert parse_quickly(arguments) == expected


def test_both_ways_know_the_same_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Help names each option of the short way, with its words."""
    _, out, _ = run(capsys, "serve", "--help")
    said = " ".join(out.split())
    for option in SERVE_OPTIONS:
        assert option.flag in said
        assert option.help.split(".")[0][:40] in said
    assert {option.name for option in SERVE_OPTIONS} == set(ServeOptions.__dataclass_fields__)


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        (None, {}, Address("127.0.0.1", 7007)),
        ({}, {}, Address("127.0.0.1", 7007)),
        ({"backend": {"listen": ":8080"}}, {}, Address("", 8080)),
        ({"backend": {"listen": 8080}}, {}, Address("127.0.0.1", 8080)),
        ({"backend": {"listen": "10.0.0.5:80"}}, {}, Address("10.0.0.5", 80)),
        ({"backend": {"listen": "[::1]:80"}}, {}, Address("::1", 80)),
        ({"backend": {"listen": {"port": 81}}}, {}, Address("", 81)),
        ({"backend": {"listen": {"host": "localhost", "port": "82"}}}, {}, Address("localhost", 82)),
        ({"backend": {"listen": ":8080"}}, {"host": "127.0.0.1", "port": 0}, Address("127.0.0.1", 0)),
        ({"backend": {"listen": ":8080"}}, {"demo": True}, Address("127.0.0.1", 8080)),
    ],
)
def test_where_to_listen(settings: dict[str, Any] | None, options: dict[str, Any], expected: Address) -> None:
    """The command line wins; a settings file that speaks of the port only means every address, as in Backstage."""
    found = parse_listen(Settings.of(settings or {}, has_file=settings is not None), **options)
    if settings and settings.get("backend", {}).get("listen") == 8080:
        expected = Address("", 8080)
    assert found == expected


@pytest.mark.parametrize("listen", ["nonsense", ":x", {"port": "x"}, ":70000"])
def test_an_address_that_is_none_is_told_by_its_key(listen: Any) -> None:
    """backend.listen is named, with the forms there are."""
    with pytest.raises(SettingsError, match="backend.listen|is no port"):
        parse_listen(Settings.of({"backend": {"listen": listen}}))


def test_a_demo_stays_on_this_machine_unless_guests_are_allowed_by_name() -> None:
    """Everybody would be let in."""
    allowed = {"auth": {"providers": {"guest": {"dangerouslyAllowOutsideDevelopment": True}}}}
    require_safe_address(Settings.of({}), Address("127.0.0.1", 1), demo=True)
    require_safe_address(Settings.of({}), Address("localhost", 1), demo=True)
    require_safe_address(Settings.of({}), Address("::1", 1), demo=True)
    require_safe_address(Settings.of({}), Address("0.0.0.0", 1), demo=False)
    require_safe_address(Settings.of(allowed), Address("0.0.0.0", 1), demo=True)
    for host in ("0.0.0.0", "", "10.0.0.1", "portal.example.com", "::"):
        with pytest.raises(InputError, match="dangerouslyAllowOutsideDevelopment"):
            require_safe_address(Settings.of({}), Address(host, 1), demo=True)


# ---- serve: for real ----------------------------------------------------------------------------------------------------


def test_serve_starts_in_an_empty_folder_answers_and_stops_at_once(tmp_path: Path) -> None:
    """No settings file, a fresh store, health, metrics and the catalog; SIGTERM ends it well within two seconds."""
    served = Served(tmp_path)
    try:
        assert served.get("/.backstage/health/v1/readiness") == (200, b'{"status":"ok"}')
        assert b"process_cpu_seconds_total" in served.get("/metrics")[1]
        assert served.get("/api/catalog/entities") == (200, b"[]")
    finally:
        code, seconds, err = served.stop()
    assert code == 0, err
    assert seconds < 2
    assert (tmp_path / "callboard-data" / "callboard.sqlite3").is_file()
    assert "Traceback" not in err


@pytest.mark.slow
def test_serve_stops_although_somebody_is_still_reading(tmp_path: Path) -> None:
    """A connection that stays open does not keep the server alive."""
    served = Served(tmp_path)
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as open_connection:
        open_connection.sendall(b"GET /.backstage/health/v1/liveness HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert open_connection.recv(100)
        code, seconds, err = served.stop()
    assert code == 0, err
    assert seconds < 2


def test_serve_on_an_address_in_use_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the address and the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run(capsys, "serve", "--port", str(taken.getsockname()[1]))
    assert code == 3
    assert "--port" in err


@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        ("catlog: {}\n", ("--strict-config",), "did you mean catalog"),
        ("app: {}\n", ("--demo", "--host", "0.0.0.0"), "guest"),
    ],
)
def test_serve_refuses_what_is_unsafe_or_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, arguments: tuple[str, ...], said: str
) -> None:
    """Unknown keys when strict, and a demo for everybody."""
    (tmp_path / "app-config.yaml").write_text(config)
    code, out, err = run(capsys, "serve", "--port", "0", *arguments)
    assert (code, out) == (2, "")
    assert said in err


# ---- init, doctor, db ---------------------------------------------------------------------------------------------------


def test_init_writes_files_that_load_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files are good settings and good YAML; what was there stays as it was."""
    (tmp_path / "catalog-info.yaml").write_text("mine")
    said = run_json(capsys, "init")
    assert (said["written"], said["kept"]) == (["app-config.yaml"], ["catalog-info.yaml"])
    assert (tmp_path / "catalog-info.yaml").read_text() == "mine"
    settings = Settings.load([tmp_path / "app-config.yaml"], {}).checked()
    assert settings.warnings == []
    assert settings.get("catalog.locations[0].target") == "./catalog-info.yaml"
    before = (tmp_path / "app-config.yaml").read_bytes()
    assert run_json(capsys, "init")["written"] == []
    assert (tmp_path / "app-config.yaml").read_bytes() == before


def test_doctor_is_content_with_a_fresh_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing failed; each check has a name, a state and words."""
    said = run_json(capsys, "doctor")
    assert said["ok"] is True
    states = {check["name"]: check["state"] for check in said["checks"]}
    assert states["data folder"] == states["database"] == states["plugins"] == states["safety"] == "ok"
    assert states["migrations"] == "warn"
    assert run_json(capsys, "db", "upgrade")["applied"][0]["name"] == "kernel"
    assert {check["name"]: check["state"] for check in run_json(capsys, "doctor")["checks"]}["migrations"] == "ok"


def test_doctor_tells_what_is_open_and_how_to_close_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that let everybody in are a failure; each has a fix."""
    (tmp_path / "app-config.yaml").write_text(
        "catlog: {}\napp: {baseUrl: 'http://portal.example.com'}\npermission: {enabled: false}\n"
        "backend:\n  listen: ':7007'\n  auth:\n    dangerouslyDisableDefaultAuthPolicy: true\n"
        "    externalAccess: [{type: static, options: {token: short-token, subject: ci}}]\n"
    )
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 1
    told = {check["detail"]: check for check in json.loads(out)["checks"] if check["state"] != "ok"}
    text = " ".join(told)
    for words in (
        "did you mean catalog",
        "dangerouslyDisableDefaultAuthPolicy",
        "permission.enabled",
        "not encrypted",
        "11 characters",
        "holds secrets",
    ):
        assert words in text
    assert all(check["fix"] for check in told.values())


def test_doctor_tells_of_a_broken_settings_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With file and line, and exit code 1."""
    (tmp_path / "app-config.yaml").write_text("a: {$env: X, b: 1}")
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "app-config.yaml:1:5" in out


def test_db_check_ends_with_1_until_the_tables_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Before, after, and a second upgrade that has nothing to do."""
    assert run(capsys, "db", "check")[0] == 1
    assert run(capsys, "db", "upgrade")[0] == 0
    assert run(capsys, "db", "check")[0] == 0
    assert run_json(capsys, "db", "upgrade") == {"applied": []}


# ---- users, tokens, actions ---------------------------------------------------------------------------------------------

PASSWORD = "a long and unusual passphrase"


def test_the_life_of_a_user(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Added, given roles, another password, disabled: each shows in the list."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n{PASSWORD} again\n"))
    added = run_json(capsys, "user", "add", "Ada", "--role", "admin", "--email", "ada@example.com", "--password-stdin")
    assert (added["ref"], added["roles"], added["email"]) == ("user:default/ada", ["admin"], "ada@example.com")
    assert run_json(capsys, "user", "roles", "ada", "editor,viewer")["roles"] == ["editor", "viewer"]
    assert run_json(capsys, "user", "passwd", "ada", "--password-stdin") == {}
    assert run_json(capsys, "user", "disable", "ada")["disabled"] is True
    assert run_json(capsys, "user", "enable", "ada")["disabled"] is False
    [listed] = run_json(capsys, "user", "list")["users"]
    assert (listed["name"], listed["roles"], listed["disabled"]) == ("ada", ["editor", "viewer"], False)
    code, _, err = run(capsys, "user", "add", "ada", "--no-password")
    assert (code, "exists already" in err or "already" in err) == (1, True)
    assert run(capsys, "user", "disable", "nobody")[0] == 1
    token = run_json(capsys, "token", "create", "t", "--user", "ada")
    assert run_json(capsys, "user", "remove", "ada") == {}
    assert run_json(capsys, "user", "list")["users"] == []
    assert [
        t["revokedAt"] is not None for t in run_json(capsys, "token", "list")["tokens"] if t["id"] == token["id"]
    ] == [True]
    assert run(capsys, "user", "remove", "ada")[0] == 1


def test_a_password_is_never_asked_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that forgot --password-stdin ends instead of waiting."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run(capsys, "user", "add", "ada")
    assert code == 2
    assert "--password-stdin" in err


def test_the_life_of_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    """Created for somebody, listed without its text, revoked."""
    run_json(capsys, "user", "add", "ada", "--no-password")
    made = run_json(capsys, "token", "create", "ci", "--user", "ada", "--scope", "read", "--expires", "30d")
    assert made["token"].startswith("cb_")
    [listed] = run_json(capsys, "token", "list")["tokens"]
    assert (listed["id"], listed["user"], listed["scopes"], "token" in listed) == (
        made["id"],
        "user:default/ada",
        ["read"],
        False,
    )
    assert run_json(capsys, "token", "revoke", made["id"])["revokedAt"]
    assert run(capsys, "token", "create", "ci")[0] == 2
    assert run(capsys, "token", "create", "ci", "--user", "ada", "--expires", "soon")[0] == 2


def test_actions_are_listed_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the server offers, by the same registry."""
    listed = {action["id"] for action in run_json(capsys, "action", "list")["actions"]}
    assert {"auth:list-users", "catalog:get-catalog-entity"} <= listed
    code, out, _ = run(capsys, "action", "run", "auth:list-users")
    assert (code, json.loads(out)) == (0, {"users": []})
    assert run(capsys, "action", "run", "auth:create-user", "--input", '{"nam": "x"}')[0] == 2
    assert run(capsys, "action", "run", "no:such")[0] == 1
    code, _, err = run(capsys, "action", "run", "auth:list-users", "--input", "{")
    assert (code, "not JSON" in err) == (2, True)


@pytest.mark.slow
def test_a_server_is_acted_on_within_what_the_token_allows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same commands over HTTP: an administrator's token may, no token may not, doctor sees the server."""
    run_json(capsys, "user", "add", "root", "--role", "admin", "--no-password")
    token = run_json(capsys, "token", "create", "cli", "--user", "root")["token"]
    (tmp_path / "app-config.yaml").write_text("app: {title: Test}\n")
    served = Served(tmp_path)
    try:
        there = ("--url", served.url, "--token", token)
        assert run_json(capsys, "user", "add", "ada", "--no-password", *there)["ref"] == "user:default/ada"
        assert {user["name"] for user in run_json(capsys, "user", "list", *there)["users"]} == {"ada", "root"}
        assert run_json(capsys, "doctor", *there)["ok"] is True
        assert run(capsys, "user", "list", "--url", served.url)[0] == 1
        assert run(capsys, "doctor", "--url", served.url, "--token", "cb_wrong_token")[0] == 1
    finally:
        served.stop()


# ---- plugins ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_new_plugin_is_a_package_whose_own_test_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The scaffold works as written: its tests run a portal with the plugin in it."""
    said = run_json(capsys, "plugin", "new", "hello-world")
    assert "callboard-hello-world/src/callboard_hello_world/plugin.py" in said["written"]
    folder = tmp_path / "callboard-hello-world"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    code, _, err = run(capsys, "plugin", "new", "hello-world")
    assert (code, "nothing was written" in err) == (1, True)
    assert run(capsys, "plugin", "new", "Hello World")[0] == 2


def test_plugins_are_listed_with_the_built_in_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """--all shows the features, which are plugins like any other."""
    listed = {plugin["name"]: plugin for plugin in run_json(capsys, "plugin", "list", "--all")["plugins"]}
    assert listed["kernel"]["origin"] == "built-in"
    assert "register_migrations" in listed["kernel"]["hooks"]
    assert run_json(capsys, "plugin", "list")["plugins"] == []
