"""``callboard search``: the same near and far."""

from __future__ import annotations

import csv
import json
import shutil
import time
from pathlib import Path

import pytest

from tests.cli.calls import run, run_json

PAGES = ("backups.html.md", "manage-sign-on-accounts.html.md", "request-fastly-tls-certificate.html.md")
Capture = pytest.CaptureFixture[str]


def test_a_search_is_the_same_near_and_far(capsys: Capture, door: tuple[str, ...]):
    """JSON with kind, name, location and reasons; terms of a thousand characters; filters; what cannot be used is exit status 2."""
    until = time.monotonic() + 10  # a server that has just begun is still reading its catalog
    while not run_json(capsys, "search", "payments", *door)["items"] and time.monotonic() < until:
        time.sleep(0.1)
    asked = ("search", "please tell me " * 60 + "about paymnets", "--limit", "1")
    (item,) = run_json(capsys, *asked, *door)["items"]
    assert (item["kind"], item["name"], item["ref"]) == ("Component", "payments", "component:default/payments")
    assert item["location"] == "/catalog/default/component/payments" and item["reasons"]
    code, out, _ = run(capsys, "search", "payments", "--filter", "kind=Component", "--facet", "kind", *door)
    assert code == 0 and out.startswith("Payments\n") and "kind: Component 1" in out
    assert run(capsys, "search", "zzyzx", *door)[1] == "Nothing found.\n"
    for bad in (("x" * 1001,), ("x", "--type", "films"), ("x", "--filter", "kind")):
        assert run(capsys, "search", *bad, *door)[0] == 2, bad


def test_the_index_is_made_again_near_and_far(capsys: Capture, door: tuple[str, ...]):
    """What there was and is, as JSON; a word beside it is a mistake, not a search."""
    again = run_json(capsys, "search", "--reindex", *door)
    assert again["isDone"] is ("--url" not in door) and (not again["isDone"] or again["documents"] > 0)
    code, out, _ = run(capsys, "search", "--reindex", *door)
    assert code == 0 and "index" in out
    assert run(capsys, "search", "money", "--reindex", *door)[0] == 2
    until = time.monotonic() + 10
    while not run_json(capsys, "search", "payments", *door)["items"]:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_sheet_and_a_folder_of_docs_are_searched_in_a_fresh_data_folder(
    capsys: Capture, tmp_path: Path, shared: Path
):
    """As the how-to says: one row of settings, one import, and the first search reads and indexes the documentation.

    Pages are told by their file, entities by what gave them; what cannot be read or is empty is told beside the answer.
    """
    govuk = shared / "corpus" / "govuk"
    code, out, err = run(capsys, "search", "anything")
    assert (code, out) == (0, "Nothing found.\n") and "callboard catalog import" in err
    pages = tmp_path / "pages" / "manual"
    pages.mkdir(parents=True)
    for name in PAGES:
        shutil.copy(govuk / "docs" / "manual" / name, pages)
    with (govuk / "repos.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "repos.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(row for row in rows if row[0] in ("repo_name", "govuk-developer-docs", "signon"))
    settings = "techdocs:\n  sites:\n    - {entity: 'component:default/govuk-developer-docs', source: %s}\n"
    (tmp_path / "app-config.yaml").write_text(settings % "pages", encoding="utf-8")
    assert run(capsys, "catalog", "import", "repos.csv")[0] == 0

    def sources(term: str) -> list[str]:
        items = run_json(capsys, "search", term, "--limit", "10")["items"]
        return [f"docs/{one['file']}" if one["file"] else f"repos.csv#{one['name']}" for one in items]

    assert sources("how do I remove a user in Signon")[0] == "docs/manual/manage-sign-on-accounts.html.md"
    assert sources("who owns signon")[0] == "repos.csv#signon"
    code, out, err = run(capsys, "search", "signon", "--type", "software-catalog", "--limit", "1")
    assert out.splitlines()[:2] == ["signon", "    component:default/signon  sheet:repos"] and not err
    (pages / PAGES[0]).write_text("# Quokkas\n\nThey smile.\n", encoding="utf-8")
    assert sources("quokkas") == [f"docs/manual/{PAGES[0]}"], "a changed page is read again without a server"
    (tmp_path / "app-config.yaml").write_text(settings % "nowhere", encoding="utf-8")
    shutil.rmtree(tmp_path / "callboard-data")
    assert run(capsys, "catalog", "import", "repos.csv")[0] == 0
    code, out, err = run(capsys, "search", "signon", "--json")
    assert code == 0 and json.loads(out)["items"] and "cannot be read" in err and "nowhere" in err
