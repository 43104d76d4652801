"""``callboard catalog …`` on a local store and on a server: one shape, one set of exit codes."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from python_calamine import load_workbook

from tests.cli.calls import run, run_json

Capture = pytest.CaptureFixture[str]
PAYMENTS = "component:default/payments"


def test_a_list_is_the_same_near_and_far(capsys: Capture, door: tuple[str, ...]):
    """As a table for people and as JSON for scripts; filters, kind, owner and text narrow it."""
    page = run_json(capsys, "catalog", "list", "--kind", "component", *door)
    assert set(page) == {"items", "totalItems", "offset"}
    assert [entity["metadata"]["name"] for entity in page["items"]] == ["payments"]
    for narrowed in (("--filter", "metadata.tags=java"), ("--owner", "team-a"), ("--text", "PAYM")):
        found = run_json(capsys, "catalog", "list", *narrowed, *door)
        assert [entity["metadata"]["name"] for entity in found["items"]] == ["payments"], narrowed
    code, out, _ = run(capsys, "catalog", "list", "--limit", "1", *door)
    assert code == 0
    assert out.splitlines()[0].split() == ["REF", "TYPE", "LIFECYCLE", "OWNER", "TITLE"]
    assert out.splitlines()[-1] == "1 to 1 of 3; --offset 1 shows the next."
    assert run_json(capsys, "catalog", "list", "--kind", "api", *door) == {"items": [], "totalItems": 0, "offset": 0}
    code, out, _ = run(capsys, "catalog", "list", "--kind", "api", *door)
    assert (code, out) == (0, "No entity matches.\n")


def test_one_entity_is_shown_as_yaml_or_json(capsys: Capture, door: tuple[str, ...]):
    """The kind may be left out; what is not there ends with 1, what is no ref with 2."""
    code, out, _ = run(capsys, "catalog", "show", "payments", *door)
    assert code == 0
    assert yaml.safe_load(out)["metadata"]["title"] == "Payments"
    shown = run_json(capsys, "catalog", "show", "Component:Payments", *door)
    assert shown["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team-a"}]
    code, out, err = run(capsys, "catalog", "show", "paymint", "--json", *door)
    assert (code, out) == (1, "")
    assert json.loads(err)["error"]["code"] == "not_found"
    assert run(capsys, "catalog", "show", ":::", *door)[0] == 2


def test_why_ends_with_1_where_something_stopped(capsys: Capture, door: tuple[str, ...], organisation: Path):
    """By ref, by path; the failing document with its place and what to do; nothing known is a problem, too."""
    good = run_json(capsys, "catalog", "why", PAYMENTS, *door)
    assert [subject["stoppedAt"] for subject in good["subjects"]] == [None]
    code, out, _ = run(capsys, "catalog", "why", "org.yaml", "--json", *door)
    assert code == 1
    stopped = [s for s in json.loads(out)["subjects"] if s["stoppedAt"]]
    assert [s["stoppedAt"] for s in stopped] == ["validated"]
    (finding,) = next(step for step in stopped[0]["steps"] if step["state"] == "failed")["findings"]
    assert (finding["file"], finding["line"]) == (str(organisation), 14)
    code, out, _ = run(capsys, "catalog", "why", "org.yaml", *door)
    assert (code, "FAILED  validated" in out, "fix:" in out) == (1, True, True)
    assert run(capsys, "catalog", "why", "component:nobody", *door)[0] == 1


def test_an_entity_is_read_again_when_asked(capsys: Capture, door: tuple[str, ...]):
    """On a store before the command ends; an unknown one ends with 1."""
    assert run_json(capsys, "catalog", "refresh", PAYMENTS, *door) == {"refreshed": PAYMENTS}
    assert run(capsys, "catalog", "refresh", "component:nobody", *door)[0] == 1


def test_an_export_can_be_read_back(capsys: Capture, door: tuple[str, ...]):
    """YAML, JSON lines and CSV, without what the catalog added by itself."""
    code, out, _ = run(capsys, "catalog", "export", "--kind", "component", *door)
    assert code == 0
    (document,) = yaml.safe_load_all(out)
    assert document == {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "payments", "title": "Payments", "tags": ["java"]},
        "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
    }
    lines = run(capsys, "catalog", "export", "--json", *door)[1].splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"Component", "Group", "Location"}
    rows = list(csv.DictReader(io.StringIO(run(capsys, "catalog", "export", "--format", "csv", *door)[1])))
    assert {row["name"] for row in rows if row["kind"] == "Component"} == {"payments"}
    assert run(capsys, "catalog", "export", "--format", "xml", *door)[0] == 2


def test_an_export_goes_into_a_file(capsys: Capture, door: tuple[str, ...], tmp_path: Path):
    """A workbook and a zip, whole or not at all; how many entities they hold is said beside them."""
    book, archive = tmp_path / "catalog.xlsx", tmp_path / "catalog.zip"
    code, out, err = run(capsys, "catalog", "export", "--format", "xlsx", "--kind", "component", "-o", str(book), *door)
    assert (code, out) == (0, "")
    assert f"1 entity in {book}." in err
    headers, row = load_workbook(book).get_sheet_by_index(0).to_python()
    assert dict(zip(headers, row))["owner"] == "team-a"
    assert run(capsys, "catalog", "export", "--format", "zip", "--output", str(archive), *door)[0] == 0
    with zipfile.ZipFile(archive) as files:
        assert yaml.safe_load(files.read("component/default/payments/catalog-info.yaml"))["spec"]["owner"] == "team-a"
    marked = run(capsys, "catalog", "export", "--format", "csv", "--bom", *door)[1]
    assert marked.startswith("\ufeffkind,")
    missing = tmp_path / "no-such-folder" / "x.csv"
    code, _, err = run(capsys, "catalog", "export", "--format", "csv", "--output", str(missing), *door)
    assert (code, "cannot be written" in err) == (3, True)
    assert sorted(p.name for p in tmp_path.glob("*catalog*")) == ["catalog.xlsx", "catalog.zip"]


def test_a_location_comes_and_goes(capsys: Capture, door: tuple[str, ...]):
    """``add`` a URL, ``locations`` lists it, ``--remove`` takes it and what it brought; each may be repeated or says why not."""
    url = "https://localhost:1/catalog-info.yaml"
    code, out, _ = run(capsys, "catalog", "add", url, "--json", *door)
    added = json.loads(out)
    assert added["location"]["target"] == url
    assert code == (0 if door else 1)  # a store has read it already, in vain; a server will
    assert run_json(capsys, "catalog", "locations", *door)["items"] == [added["location"]]
    assert (
        json.loads(run(capsys, "catalog", "add", url, "--json", *door)[1])["location"]["id"] == added["location"]["id"]
    )
    assert (
        run_json(capsys, "catalog", "locations", "--remove", added["location"]["id"], *door)["removed"]
        == added["location"]["id"]
    )
    assert run_json(capsys, "catalog", "locations", *door) == {"items": []}
    assert run(capsys, "catalog", "locations", "--remove", added["location"]["id"], *door)[0] == 1


def test_a_dry_run_says_what_is_wrong_and_changes_nothing(capsys: Capture, door: tuple[str, ...]):
    """Exit status 1, with the problem as result; nothing is registered."""
    code, out, err = run(capsys, "catalog", "add", "https://localhost:1/a.yaml", "--dry-run", "--json", *door)
    assert (code, err) == (1, "")
    assert len(json.loads(out)["problems"]) == 1
    code, out, _ = run(capsys, "catalog", "add", "https://localhost:1/a.yaml", "--dry-run", *door)
    assert (code, "Reading from 'https://localhost:1/a.yaml' is not allowed" in out) == (1, True)
    assert run_json(capsys, "catalog", "locations", *door) == {"items": []}


# ---- a local store ------------------------------------------------------------------------------------------------------


def test_a_file_on_this_machine_is_added_to_a_store(capsys: Capture, organisation: Path):
    """Its entities and its errors are told at once. Only whoever holds the store may name files."""
    code, out, _ = run(capsys, "catalog", "add", "org.yaml", "--data", "other", "--config", "none.yaml")
    assert code == 2  # the settings file does not exist
    code, out, _ = run(capsys, "catalog", "add", str(organisation), "--data", "other", "--json")
    answer = json.loads(out)
    assert code == 1
    assert answer["refs"] == [PAYMENTS, "group:default/team-a"]
    assert [(p["line"], p["severity"]) for p in answer["problems"]] == [(14, "error")]
    assert run_json(capsys, "catalog", "show", "payments", "--data", "other")["kind"] == "Component"
    assert run(capsys, "catalog", "add", "absent.yaml", "--data", "other")[0] == 2
    organisation.write_text(
        organisation.read_text(encoding="utf-8").replace("wrong name", "right-name"), encoding="utf-8"
    )
    assert run_json(capsys, "catalog", "add", "org.yaml", "--data", "other")["problems"] == []


def test_a_path_is_not_for_a_server(capsys: Capture):
    """A server has files of its own."""
    code, _, err = run(capsys, "catalog", "add", "a.yaml", "--url", "http://127.0.0.1:1")
    assert (code, "not paths of this machine" in err) == (2, True)
    code, _, err = run(capsys, "catalog", "refresh", "--url", "http://127.0.0.1:1")
    assert (code, "by itself" in err) == (2, True)


def test_an_empty_store_says_what_fills_it(capsys: Capture, organisation: Path):
    """Then it is filled as the settings say, with every problem told; the exit code is 1 until they are gone."""
    code, out, _ = run(capsys, "catalog", "list")
    assert (code, "callboard catalog refresh" in out) == (0, True)
    code, out, _ = run(capsys, "catalog", "refresh")
    assert (code, out.splitlines()[0]) == (1, "3 entities, 1 problems.")
    organisation.write_text(
        organisation.read_text(encoding="utf-8").replace("wrong name", "right-name"), encoding="utf-8"
    )
    assert run_json(capsys, "catalog", "refresh") == {"entities": 4, "problems": []}


def test_a_server_that_is_not_there_ends_with_3(capsys: Capture):
    """Every command alike."""
    there = ("--url", "http://127.0.0.1:1")
    calls: list[tuple[Any, ...]] = [
        ("list",),
        ("show", "a"),
        ("why", "a"),
        ("refresh", "a"),
        ("locations",),
        ("export",),
    ]
    for call in [*calls, ("add", "https://a.example/b.yaml")]:
        assert run(capsys, "catalog", *call, *there)[0] == 3, call


@pytest.mark.slow
def test_a_server_shows_no_more_than_the_token_may_see(capsys: Capture, organisation: Path, tmp_path: Path):
    """Without one: 1, as with a wrong one."""
    from tests.cli.calls import Served

    served = Served(tmp_path)
    try:
        there = ("--url", served.url)
        assert run(capsys, "catalog", "list", *there)[0] == 1
        assert run(capsys, "catalog", "list", *there, "--token", "nonsense")[0] == 1
        assert run(capsys, "catalog", "list", *there, "--token", "a-token-for-the-whole-catalog")[0] == 0
    finally:
        served.stop()


@pytest.mark.slow
def test_a_guest_of_a_demo_needs_no_token(capsys: Capture, organisation: Path, tmp_path: Path):
    """Reading and changing: the command asks in as the guest, as a page would."""
    from tests.cli.calls import Served

    served = Served(tmp_path, "--demo", "--config", "app-config.yaml")
    try:
        there = ("--url", served.url)
        assert run(capsys, "catalog", "list", *there)[0] == 0
        url = "https://localhost:1/a.yaml"
        assert run_json(capsys, "catalog", "add", url, *there)["location"]["target"] == url
        assert run_json(capsys, "policy", "explain", "me", "catalog.entity.delete", *there)["result"] == "ALLOW"
    finally:
        served.stop()


def test_validate_prints_one_line_a_document(capsys: Capture, organisation: Path):
    """With what the catalog would say, before anybody registers it."""
    code, out, _ = run(capsys, "catalog", "validate", "org.yaml", "--json")
    assert code == 1
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["valid", "valid", "invalid"]


OLD_API = 'openapi: 3.1.0\npaths: {/a: {get: {responses: {"200": {description: ok}}}}, /b: {get: {}}}\n'


def test_definitions_of_apis_are_compared(capsys: Capture, door: tuple[str, ...], tmp_path: Path):
    """Files with files; a change that breaks clients ends with 1 where that is asked for, what cannot be read with 2 and its place."""
    old, new, broken = (tmp_path / name for name in ("old.yaml", "new.yaml", "broken.yaml"))
    old.write_text(OLD_API)
    new.write_text(OLD_API.replace(", /b: {get: {}}", ""))
    broken.write_text("openapi: 3.1.0\npaths: [\n")
    code, out, _ = run(capsys, "catalog", "api-diff", str(old), str(new))
    assert (code, out) == (0, "GET /b\n  ! Removed\n1 breaking, 0 risky, 0 safe\n")
    assert run(capsys, "catalog", "api-diff", str(old), str(new), "--fail-on-breaking")[0] == 1
    assert run(capsys, "catalog", "api-diff", str(new), str(old), "--fail-on-breaking")[0] == 0
    diff = run_json(capsys, "catalog", "api-diff", str(old), str(new))
    assert (diff["breaking"], diff["changes"][0]["rule"], diff["format"]) == (1, "operation_removed", "openapi")
    code, _, err = run(capsys, "catalog", "api-diff", str(old), str(broken))
    assert code == 2 and f"{broken}:" in err
    assert run(capsys, "catalog", "api-diff", str(old), str(tmp_path / "no.yaml"))[0] == 2
    code, _, err = run(capsys, "catalog", "api-diff", str(old), "api:default/gone", *door)
    assert code == 1 and "gone" in err
    code, _, err = run(capsys, "catalog", "api-diff", str(old), PAYMENTS, *door)
    assert code == 2 and "has no definition" in err
