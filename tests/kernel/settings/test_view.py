"""Looking values up, where they came from, and what is unknown or secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.kernel.settings import Setting, Settings, SettingsError, format_duration, parse_duration


def test_settings_cannot_be_changed() -> None:
    """Neither by attribute nor through a value that was handed out."""
    settings = Settings.of({"a": {"b": [1]}})
    with pytest.raises(AttributeError):
        settings.strict = True
    settings.get("a")["b"].append(2)
    settings.as_dict()["a"] = None
    assert settings.get("a.b") == [1]


def test_values_come_in_the_type_asked_for() -> None:
    """Texts from the environment count as numbers and flags where these are wanted."""
    settings = Settings.of({"n": "7007", "f": "true", "t": 5, "l": "a, b", "d": "30m", "o": {"x": [{"y": 1}]}})
    assert settings.get_int("n") == 7007
    assert settings.get_bool("f") is True
    assert settings.get_str("t") == "5"
    assert settings.get_list("l") == ["a", "b"]
    assert settings.get_duration("d") == timedelta(minutes=30)
    assert settings.get("o.x[0].y") == 1
    assert settings.section("o").sections("x")[0].get_int("y") == 1
    assert settings.section("o").sections("x")[0].path == "o.x[0]"


@pytest.mark.parametrize(
    ("method", "value"),
    [("get_int", "x"), ("get_int", True), ("get_int", 1.5), ("get_bool", "maybe"), ("get_str", ["a"]), ("get_duration", 5),
     ("get_duration", {"fortnights": 1}), ("section", "text"), ("sections", "text"), ("get_list", {"a": 1})],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_told_with_its_place(tmp_path: Path, method: str, value: Any) -> None:
    """The error carries key, file, line and column."""
    import json

    file = tmp_path / "c.yaml"
    file.write_text(f"top:\n  key: {json.dumps(value)}\n")
    settings = Settings.load([file], {})
    with pytest.raises(SettingsError) as caught:
        getattr(settings.section("top"), method)("key")
    assert (caught.value.field, caught.value.file, caught.value.line, caught.value.column) == (
        "top.key",
        str(file),
        2,
        3,
    )


def test_a_required_value_that_is_absent_is_told_by_its_key() -> None:
    """Without a default there is nothing to go on with."""
    with pytest.raises(SettingsError, match="a.b is required"):
        Settings.of({}).get_str("a.b")


def test_the_source_of_a_value_is_the_last_that_set_it(tmp_path: Path) -> None:
    """Later files, the environment and the command line hide earlier ones."""
    (tmp_path / "one.yaml").write_text("a: 1\nb:\n  c: 1\n")
    (tmp_path / "two.yaml").write_text("\nb: {c: 2}\n")
    settings = Settings.load([tmp_path / "one.yaml", tmp_path / "two.yaml"], {"APP_CONFIG_x": "1"})
    assert str(settings.source_of("a")) == f"{tmp_path / 'one.yaml'}:1:1"
    assert str(settings.source_of("b.c")) == f"{tmp_path / 'two.yaml'}:2:5"
    assert str(settings.source_of("x")) == "environment"
    assert settings.source_of("nothing") is None
    over = settings.overlaid({"a": 3}, name="command line")
    assert (over.get("a"), str(over.source_of("a")), over.get("b.c")) == (3, "command line", 2)


def test_unknown_keys_are_told_with_place_and_nearest_known_key(tmp_path: Path) -> None:
    """A typing error in a known section is found, at any depth."""
    file = tmp_path / "app-config.yaml"
    file.write_text("app:\n  titel: X\nbackend:\n  reading:\n    allow:\n      - hots: a\ncatlog: {}\n")
    assert Settings.load([file], {}).checked().warnings == [
        f"{file}:2:3: unknown key app.titel, ignored; did you mean app.title?",
        f"{file}:6:9: unknown key backend.reading.allow[0].hots, ignored; did you mean backend.reading.allow[0].host?",
        f"{file}:7:1: unknown key catlog, ignored; did you mean catalog?",
    ]


def test_keys_of_backstage_and_its_plugins_are_no_noise() -> None:
    """A usual Backstage file gives no warning, deep plugin settings included."""
    settings = Settings.of(
        {
            "app": {"title": "x", "baseUrl": "y", "extensions": [{"page:home": {"config": {"path": "/"}}}]},
            "organization": {"name": "x"},
            "backend": {
                "baseUrl": "x", "listen": {"port": 7007}, "csp": {"connect-src": ["'self'"]},
                "cors": {"origin": "x", "methods": ["GET"]}, "database": {"client": "pg", "connection": {"host": "x"}},
                "auth": {"externalAccess": [{"type": "static", "options": {"token": "x", "subject": "y"}}]},
                "reading": {"allow": [{"host": "x", "paths": ["/"]}]}, "cache": {"store": "memory"}, "keys": [{"secret": "x"}],
            },
            "integrations": {"github": [{"host": "github.com", "apps": [{"appId": 1}]}]},
            "proxy": {"endpoints": {"/x": {"target": "y"}}},
            "techdocs": {"builder": "local", "generator": {"runIn": "docker"}, "publisher": {"type": "local"}},
            "auth": {"environment": "development", "providers": {"github": {"development": {"clientId": "x"}}}},
            "scaffolder": {"defaultAuthor": {"name": "x"}},
            "catalog": {
                "import": {"entityFilename": "x"}, "rules": [{"allow": ["Component"]}], "processingInterval": {"hours": 1},
                "locations": [{"type": "file", "target": "x", "rules": [{"allow": ["User"]}]}],
                "providers": {"github": {"x": {"organization": "y", "schedule": {"frequency": {"hours": 1}}}}},
            },
            "kubernetes": {"clusterLocatorMethods": [{"type": "config"}]}, "permission": {"enabled": True},
            "costInsights": {"engineerCost": 200000}, "sonarqube": {"baseUrl": "x"}, "pagerDuty": {"eventsBaseUrl": "x"},
        }
    )  # fmt: skip
    assert settings.checked().warnings == []


def test_plugins_make_their_own_keys_known() -> None:
    """A row closes its section: the key is known, its neighbours are not."""
    rows = [Setting("plugins.hello.greeting"), Setting("plugins.hello.items[].name"), Setting("weather.free", "object")]
    given = {"plugins": {"hello": {"greeting": "x", "items": [{"nam": 1}]}}, "weather": {"free": {"any": 1}, "fre": 2}}
    warnings = Settings.of(given).checked(rows).warnings
    assert warnings == [
        "unknown key plugins.hello.items[0].nam, ignored; did you mean plugins.hello.items[0].name?",
        "unknown key weather.fre, ignored; did you mean weather.free?",
    ]


def test_strict_settings_refuse_an_unknown_key(tmp_path: Path) -> None:
    """With --strict-config the first unknown key is an error at its place."""
    (tmp_path / "c.yaml").write_text("a:\nap: {}\n")
    with pytest.raises(SettingsError, match="unknown key ap; did you mean app") as caught:
        Settings.load([tmp_path / "c.yaml"], {}, True).checked([Setting("a")])
    assert caught.value.line == 2


def test_secrets_are_known_by_name_by_url_and_by_declaration() -> None:
    """What must not be logged: tokens, passwords in URLs, and whatever a plugin declared."""
    settings = Settings.of(
        {
            "integrations": {"github": [{"host": "github.com", "token": "ghp_abcdef"}]},
            "backend": {"database": {"connection": "postgresql://me:hunter22@db/x"}},
            "auth": {"providers": {"oidc": {"development": {"clientSecret": "very-secret", "clientId": "public-id"}}}},
            "weather": {"pass": "sunshine", "free": "visible"},
            "proxy": {"endpoints": {"/x": {"credentials": "require"}}},
        }
    ).checked([Setting("weather.pass", "secret"), Setting("weather.free")])
    assert settings.secrets == {"ghp_abcdef", "hunter22", "very-secret", "sunshine"}
    shown = settings.redacted()
    assert shown["backend"]["database"]["connection"] == "postgresql://me:<secret>@db/x"
    assert shown["weather"] == {"pass": "<secret>", "free": "visible"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1 hour", 3600), ("2d", 172800), ("500ms", 0.5), ("PT1H", 3600), ("P1DT12H", 129600), ("PT0.5S", 0.5),
     ({"hours": 1, "minutes": 30}, 5400), ({"seconds": "5"}, 5), ("1.5h", 5400)],
)  # fmt: skip
def test_durations_in_every_form(text: Any, seconds: float) -> None:
    """Objects, ISO 8601 and short texts mean the same as in Backstage."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "5", 5, None, {}, "5 fortnights", "h", {"hours": "x"}, "1H30", "P1H"])
def test_what_is_no_duration_is_refused(text: Any) -> None:
    """A number without a unit could mean anything."""
    with pytest.raises(ValueError):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**11))
def test_a_duration_survives_format_and_parse(milliseconds: int) -> None:
    """Text made from a length of time gives that length again."""
    value = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(value)) == value
