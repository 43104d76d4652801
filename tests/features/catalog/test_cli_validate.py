"""``callboard catalog validate`` as people and CI use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callboard.features.catalog.cli_validate import validate

GOOD = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: s, lifecycle: x, owner: me}\n"
BAD = "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: b\n  tags: [ok, Not Ok]\nspec: {type: s, lifecycle: x, owner: me}\n"
API = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: c}\nspec: {type: s, lifecycle: x, owner: me, definition: {$text: ./api.txt}}\n"
URL = "https://github.com/acme/shop/blob/main/catalog-info.yaml"


@pytest.fixture
def run():  # type: ignore[no-untyped-def]
    app = typer.Typer()
    app.command()(validate)
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def lines(result) -> list[dict]:  # type: ignore[no-untyped-def, type-arg]
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_valid_files_end_with_zero(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """One line a document, with ref and relations."""
    result = run(write(tmp_path, "a.yaml", GOOD), "--json")
    assert result.exit_code == 0
    (line,) = lines(result)
    assert (line["ref"], line["verdict"], line["index"], line["stage"]) == ("component:default/a", "valid", 0, None)
    assert {"source": "component:default/a", "type": "ownedBy", "target": "group:default/me"} in line["relations"]


def test_problems_end_with_one_and_name_the_place(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Line and column of the field in the whole file, for machines and people."""
    path = write(tmp_path, "a.yaml", GOOD + BAD)
    result = run(path, "--json")
    assert result.exit_code == 1
    first, second = lines(result)
    assert (first["verdict"], second["verdict"], second["stage"], second["line"], second["column"]) == (
        "valid",
        "invalid",
        "policy",
        10,
        14,
    )
    assert second["field"] == "metadata.tags[1]"
    human = run(path)
    assert human.exit_code == 1
    assert f"{path}:10:14: policy:" in human.stdout and 'fix: For example "not-ok".' in human.stdout
    assert "2 documents, 1 invalid" in human.stdout


def test_reads_are_answered_by_the_map_alone(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Named in the map: its file, relative to the map; null and unnamed: a read error; a default answers the rest."""
    path = write(tmp_path, "a.yaml", API)
    url = "https://github.com/acme/shop/tree/main/api.txt"
    write(tmp_path, "there.txt", "x")
    for content, expected in [({url: "there.txt"}, 0), ({url: None}, 1), ({}, 1), ({url: "missing.txt"}, 1)]:
        reads = write(tmp_path, "map.json", json.dumps(content))
        assert run(path, "--json", "--base-url", URL, "--reads", reads).exit_code == expected, content
    reads = write(tmp_path, "map.json", "{}")
    default = write(tmp_path, "stub.json", '{"stub": true}')
    assert run(path, "--base-url", URL, "--reads", reads, "--reads-default", default).exit_code == 0


def test_without_a_map_the_files_beside_it_answer(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """In a checkout that is what the catalog will read; the network is not used."""
    path = write(tmp_path, "a.yaml", API)
    assert run(path).exit_code == run(path, "--base-url", URL).exit_code == 1
    write(tmp_path, "api.txt", "x")
    assert run(path).exit_code == run(path, "--base-url", URL).exit_code == 0
    far = write(tmp_path, "b.yaml", API.replace("./api.txt", "https://example.com/api.txt"))
    result = run(far, "--json")
    assert result.exit_code == 1 and "does not use the network" in lines(result)[0]["message"]


def test_targets_resolve_against_the_base(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """As ``type:target``."""
    text = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: l}\nspec: {targets: [./x.yaml]}\n"
    path = write(tmp_path, "a.yaml", text)
    assert lines(run(path, "--json", "--base-url", URL))[0]["location_targets"] == [
        "url:https://github.com/acme/shop/tree/main/x.yaml"
    ]
    assert lines(run(path, "--json"))[0]["location_targets"] == [f"file:{tmp_path.resolve()}/x.yaml"]


def test_more_kinds_can_be_given(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A model layer as YAML."""
    path = write(
        tmp_path, "a.yaml", GOOD.replace("kind: Component", "kind: Robot").replace("backstage.io", "acme.example")
    )
    layer = write(tmp_path, "kinds.yaml", "group: acme.example\nnames: {kind: Robot}\nversions: [{name: v1alpha1}]\n")
    assert run(path).exit_code == 1
    assert run(path, "--kinds", layer).exit_code == 0


def test_wrong_usage_ends_with_two(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Missing files, a base for several, a map that is none."""
    path = write(tmp_path, "a.yaml", GOOD)
    for arguments in (
        [tmp_path / "none.yaml"], [path, path, "--base-url", URL], [path, "--reads", path], [path, "--base-url", "here"],
        [path, "--reads-default", tmp_path / "none"], [path, "--kinds", path], [],
    ):  # fmt: skip
        assert run(*arguments).exit_code == 2, arguments


def test_terminal_codes_in_files_stay_harmless(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A message may quote the file; control characters do not reach the terminal."""
    result = run(write(tmp_path, "a.yaml", GOOD.replace("{name: a}", '{name: "\\e[2Jx"}')))
    assert result.exit_code == 1 and "\x1b" not in result.stdout
