"""Which files are read, how they merge, and what stands in for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callboard.kernel.settings import Settings, SettingsError


def write(folder: Path, **files: str) -> Path:
    """Files by name, with ``__`` for a dash and the last ``_`` for a dot."""
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem.replace('__', '-')}.{suffix}").write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, *names: str, env: dict[str, str] | None = None, strict: bool = False) -> Settings:
    return Settings.load([folder / name for name in names], env or {}, strict, directory=folder)


def test_no_file_at_all_is_empty_settings(tmp_path: Path) -> None:
    """A portal starts in an empty folder, and can tell that nobody configured it."""
    settings = load(tmp_path)
    assert settings.as_dict() == {}
    assert settings.has_file is False


def test_default_files_are_laid_over_each_other_in_backstages_order(tmp_path: Path) -> None:
    """Base, each BACKSTAGE_ENV, local, each env's local: later wins."""
    write(tmp_path, app__config_yaml="a: 1\nb: 1\nc: 1\nd: 1\ne: 1")
    (tmp_path / "app-config.staging.yaml").write_text("b: 2\nc: 2\nd: 2\ne: 2")
    (tmp_path / "app-config.eu.yaml").write_text("c: 3\nd: 3\ne: 3")
    (tmp_path / "app-config.local.yaml").write_text("d: 4\ne: 4")
    (tmp_path / "app-config.staging.local.yaml").write_text("e: 5")
    settings = load(tmp_path, env={"BACKSTAGE_ENV": "staging, eu"})
    assert settings.as_dict() == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    assert settings.has_file is True


def test_named_files_replace_the_default_ones(tmp_path: Path) -> None:
    """With --config, app-config.yaml is not read unless it is named."""
    write(tmp_path, app__config_yaml="a: 1", one_yaml="b: 1\nc: 1", two_yaml="c: 2")
    assert load(tmp_path, "one.yaml", "two.yaml").as_dict() == {"b": 1, "c": 2}


def test_objects_merge_and_lists_replace(tmp_path: Path) -> None:
    """The later list wins whole; the later object adds to the earlier one."""
    write(tmp_path, one_yaml="o: {x: 1, y: {z: 1}}\nl: [1, 2, 3]", two_yaml="o: {y: {w: 2}}\nl: [9]")
    assert load(tmp_path, "one.yaml", "two.yaml").as_dict() == {"o": {"x": 1, "y": {"z": 1, "w": 2}}, "l": [9]}


def test_an_explicit_null_hides_what_came_before(tmp_path: Path) -> None:
    """Null takes a value away, so a default holds again."""
    write(tmp_path, one_yaml="a: {b: 1}", two_yaml="a: {b: null}")
    settings = load(tmp_path, "one.yaml", "two.yaml")
    assert settings.has("a.b") is False
    assert settings.get_int("a.b", 7) == 7


def test_environment_variables_are_on_top_and_parse_as_json(tmp_path: Path) -> None:
    """APP_CONFIG_a_b nests; a value that is JSON is taken as such, else as text."""
    write(tmp_path, app__config_yaml="backend: {listen: ':1', baseUrl: x}\nflag: false")
    env = {
        "APP_CONFIG_backend_listen": ":2",
        "APP_CONFIG_flag": "true",
        "APP_CONFIG_catalog_rules": '[{"allow": ["API"]}]',
    }
    assert load(tmp_path, env=env).as_dict() == {
        "backend": {"listen": ":2", "baseUrl": "x"},
        "flag": True,
        "catalog": {"rules": [{"allow": ["API"]}]},
    }


def test_an_environment_variable_that_clashes_with_another_is_an_error(tmp_path: Path) -> None:
    """A value cannot be text and an object at once."""
    with pytest.raises(SettingsError, match="APP_CONFIG_a_b"):
        load(tmp_path, env={"APP_CONFIG_a": "text", "APP_CONFIG_a_b": "1"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v: ${NAME}", {"v": "ada"}),
        ("v: hello ${NAME}, ${NAME}!", {"v": "hello ada, ada!"}),
        ("v: ${UNSET}", {}),
        ("v: x${UNSET}y", {}),
        ("v: ${UNSET:-fallback}", {"v": "fallback"}),
        ("v: ${EMPTY:-fallback}", {"v": "fallback"}),
        ("v: ${NAME:-fallback}", {"v": "ada"}),
        ("v: $${NAME}", {"v": "${NAME}"}),
        ("v: [a, '${UNSET}', b]", {"v": ["a", "b"]}),
        ("v: ${PADDED}", {"v": "x"}),
        ("v: {$env: NAME}", {"v": "ada"}),
        ("v: {$env: UNSET}", {}),
        ("v: {$file: secret.txt}", {"v": "top\nsecret"}),
        ("v: {$file: '${FILE}'}", {"v": "top\nsecret"}),
        ("v: {$include: 'sub/part.yaml#deep.er'}", {"v": {"inner": "ada", "own": "near"}}),
        ("v: {$include: data.json}", {"v": {"j": [1]}}),
        ("v: {$in: [a, b]}", {"v": {"$in": ["a", "b"]}}),
    ],
)
def test_variables_and_includes(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    """Each form as Backstage reads it; included files resolve relative to themselves."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "near.txt").write_text("near\n")
    (tmp_path / "sub" / "part.yaml").write_text("deep:\n  er:\n    inner: ${NAME}\n    own: {$file: near.txt}\n")
    (tmp_path / "secret.txt").write_text("top\nsecret\n\n")
    (tmp_path / "data.json").write_text('{"j": [1]}')
    (tmp_path / "c.yaml").write_text(text)
    env = {"NAME": "ada", "EMPTY": "", "PADDED": " x ", "FILE": "secret.txt"}
    assert load(tmp_path, "c.yaml", env=env).as_dict() == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: [1\nc: 2", 3, 2, "YAML"),
        ("a:\n  b: {$file: nowhere.txt}", 2, 7, "no file"),
        ("a: {$env: X, other: 1}", 1, 5, "only key"),
        ("a: {$fille: x}", 1, 5, r"\$fille is unknown"),
        ("a: {$file: [x]}", 1, 5, "takes text"),
        ("a: {$include: x.txt}", 1, 5, "reads .json"),
        ("a: {$include: 'c.yaml#x.y'}", 1, 5, "has no key x.y"),
        ("a: {$include: c.yaml}", 1, 1, "nested too deeply"),
        ("- a", 1, None, "must be an object"),
        ("a: 1\nb: !thing x", 2, 1, "!thing means nothing"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_column(
    tmp_path: Path, text: str, line: int, column: int | None, message: str
) -> None:
    """Every error names the place where it is to be corrected."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load(tmp_path, "c.yaml")
    assert caught.value.file == str(tmp_path / "c.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Somebody asked for it, so going on without it would be wrong."""
    with pytest.raises(SettingsError, match="no file"):
        load(tmp_path, "absent.yaml")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused with the file's name."""
    (tmp_path / "c.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path, "c.yaml")


def test_yaml_is_read_by_version_1_2(tmp_path: Path) -> None:
    """on and NO are text, 012 is twelve, dates stay text: as Backstage's parser has it."""
    (tmp_path / "c.yaml").write_text("a: on\nb: NO\nc: 012\nd: 2026-01-02\n")
    assert load(tmp_path, "c.yaml").as_dict() == {"a": "on", "b": "NO", "c": 12, "d": "2026-01-02"}
