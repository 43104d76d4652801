"""``/api/importing/v1``: the whole way over HTTP, in camel case, with problem+json for what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.importing.job_kinds import APPLY_JOB, PLAN_JOB
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import user
from tests.features.importing.conftest import sheet_of

pytestmark = pytest.mark.anyio

IMPORTS = "/api/importing/v1/imports"
ONE = sheet_of(["a", "team", "First", "service"])


async def test_the_whole_way_over_rest(desk: Any):
    """Upload, proposal, mapping, plan, entities, apply, drift, sources, undo."""
    async with desk() as d, d.site.portal.client(SYSTEM) as client:
        uploaded = await client.post(f"{IMPORTS}?filename=x.csv", content=ONE)
        assert uploaded.status_code == 201
        record = uploaded.json()
        assert (record["stage"], record["sizeBytes"], record["createdBy"]) == ("draft", len(ONE), "plugin:callboard")
        one = f"{IMPORTS}/{record['id']}"
        proposal = (await client.get(f"{one}/proposal")).json()
        assert [guess["mapping"]["column"] for guess in proposal["guesses"]] == ["name", "owner", "description", "type"]
        mapping = {**proposal["mapping"], "lifecycle": "experimental", "ownerRefs": {"team": "new"}}
        chosen = await client.put(f"{one}/mapping", json={"sheet": record["sheet"], "mapping": mapping})
        assert chosen.json()["mapping"]["createOwners"] is True
        assert (await client.post(f"{one}/plan", json={"waitSeconds": 0})).json()["stage"] == "planning"
        await d.site.portal.jobs.run_due((PLAN_JOB,))
        summary = (await client.get(f"{one}/summary")).json()
        assert (summary["rows"], summary["rowsTaken"], summary["counts"]["create"]) == (1, 1, 2)
        page = (await client.get(f"{one}/planned?action=create&limit=1")).json()
        assert (page["totalItems"], page["items"][0]["entity"]["spec"]["lifecycle"]) == (2, "experimental")
        refused = await client.post(f"{one}/apply", json={"digest": "other"})
        assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
        body = {"digest": summary["digest"], "waitSeconds": 0}
        assert (await client.post(f"{one}/apply", json=body)).json()["stage"] == "applying"
        await d.site.portal.jobs.run_due((APPLY_JOB,))
        assert (await client.get(one)).json()["stage"] == "applied"
        assert (await client.get(f"{one}/drift")).json() == {
            "state": "none",
            "progress": None,
            "error": "",
            "drift": None,
        }
        asked = await client.post(f"{one}/drift", json={"waitSeconds": 0})
        assert (asked.status_code, asked.json()["state"]) == (200, "computing")
        await d.site.settle()
        assert (await client.get(f"{one}/drift")).json()["drift"]["total"] == 0
        assert [s["name"] for s in (await client.get("/api/importing/v1/sources")).json()["items"]] == ["sheet:x"]
        assert (await client.get(IMPORTS)).json()["totalItems"] == 1
        assert (await client.delete(one)).status_code == 409
        assert (await client.post(f"{one}/undo", json={})).json()["stage"] == "undone"
        assert (await client.get(f"{IMPORTS}/none")).status_code == 404


async def test_what_is_sent_wrong_is_told_with_its_field(desk: Any):
    """Nothing of it ends as a fault of the server."""
    async with desk() as d, d.site.portal.client(SYSTEM) as client:
        record = (await client.post(f"{IMPORTS}?filename=x.csv", content=ONE)).json()
        one, sheet = f"{IMPORTS}/{record['id']}", record["sheet"]
        good = {"columns": [{"column": "name", "role": "name"}]}
        for mapping in (
            None, [], {}, {"columns": 1}, {"columns": [1]}, {"columns": [{"column": "name", "role": "boss"}]},
            {"columns": [{"column": "name", "role": ["name"]}]}, {"columns": [{"column": "name", "role": "name", "key": 1}]},
            {**good, "colour": 1}, {**good, "createOwners": "yes"}, {**good, "owner": 3}, {**good, "ownerRefs": []},
            {**good, "ownerRefs": {"a": 1}}, {**good, "kind": "Nothing"}, {**good, "repositoryHost": "nowhere"},
        ):  # fmt: skip
            answer = await client.put(f"{one}/mapping", json={"sheet": sheet, "mapping": mapping})
            assert answer.status_code == 400, (mapping, answer.text)
        for method, path, body in (
            ("POST", f"{one}/apply", {"digest": 1}), ("POST", f"{one}/apply", {"digest": "x", "leaving": "burn"}),
            ("POST", f"{one}/plan", {"waitSeconds": "long"}), ("POST", f"{one}/plan", {"waitSeconds": 1e9}),
            ("PUT", f"{one}/mapping", {"sheet": 1, "mapping": good}), ("GET", f"{one}/planned?limit=x", None),
            ("GET", f"{one}/planned?action=burn", None), ("POST", IMPORTS, None), ("GET", f"{IMPORTS}?offset=-1", None),
        ):  # fmt: skip
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 400, (path, answer.text)
        assert (await client.post(f"{IMPORTS}?filename=x.csv", content=b"x" * 21_000_000)).status_code == 413
        assert (await client.put(f"{one}/mapping", json={"sheet": sheet, "mapping": good})).status_code == 200
        assert (await client.put(f"{one}/mapping", json={"sheet": "other", "mapping": good})).status_code == 400


async def test_names_of_files_are_only_names(desk: Any):
    """Folders, control characters and what is too long are taken off; a name that is nothing is replaced."""
    async with desk() as d:
        for sent, kept in (
            ("../../etc/x.csv", "x.csv"), ("C:\\files\\x.csv", "x.csv"), ("a\x00b\n.csv", "ab.csv"), ("y" * 500 + ".csv", "y" * 196 + ".csv"),
        ):  # fmt: skip
            assert (await d.upload(ONE, sent)).filename == kept


async def test_who_may_not_import_gets_no_further(desk: Any):
    """403 for who is known, 401 for nobody."""
    policy = {"permission": {"policy": {"defaults": False, "roles": {}}}}
    async with desk(more=policy) as d:
        async with d.site.portal.client(user("eve")) as client:
            assert (await client.post(f"{IMPORTS}?filename=x.csv", content=ONE)).status_code == 403
            assert (await client.get(IMPORTS)).status_code == 403
        async with d.site.portal.client() as client:
            assert (await client.get(IMPORTS)).status_code == 401


async def test_the_actions_list_compare_and_undo(desk: Any):
    """As agents and templates call them; a dry run of undo leaves everything."""
    async with desk() as d:
        record = await d.bring_in(ONE)
        invoke = d.site.portal.actions.invoke
        listed = await invoke("importing:list-imports", {}, actor=SYSTEM)
        assert [item["id"] for item in listed["items"]] == [record.id]
        asked = {"id": record.id, "waitSeconds": 0}
        assert (await invoke("importing:get-drift", asked, actor=SYSTEM))["state"] == "computing"
        await d.site.settle()
        compared = await d.imports.get_drift(record.id, actor=SYSTEM)
        assert compared.drift is not None
        assert compared.drift.total == 0
        tried = await invoke("importing:undo-import", {"id": record.id}, actor=SYSTEM, dry_run=True)
        assert tried["stage"] == "applied"
        done = await invoke("importing:undo-import", {"id": record.id}, actor=SYSTEM)
        assert done["stage"] == "undone"
