"""``catalog.providers.spreadsheet``: a sheet that is read again and again, with nobody looking at the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callboard.kernel.errors import InputError
from callboard.testing import component
from callboard.testing.http import FakeAnswer
from tests.features.importing.conftest import sheet_of

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"
NAME = "spreadsheet:inventory"
URL = "https://files.test/inventory.csv"


def setting(**row: Any) -> dict[str, Any]:
    return {"spreadsheet": {"inventory": row}}


async def test_a_file_is_read_and_read_again(each_world: Any, tmp_path: Path):
    """What the sheet names comes, what it names no more goes; a restart changes nothing; entities name the file."""
    path = tmp_path / "inventory.csv"
    path.write_bytes(sheet_of(["a", "team", "First", "service"], ["b", "team", "", "service"]))
    async with each_world.site(providers=setting(path=str(path))) as site:
        assert await site.refs() == {A, B, "group:default/team"}
        assert (await site.get(A))["metadata"]["annotations"]["backstage.io/managed-by-location"] == f"file:{path}"
        path.write_bytes(sheet_of(["a", "team", "Again", "service"]))
        await site.run_provider(NAME)
        assert await site.refs() == {A, "group:default/team"}
        assert await site.description(A) == "Again"
        assert await site.all_findings() == []
        revision = await site.revision()
    async with each_world.site(providers=setting(path=str(path))) as site:
        assert await site.revision() == revision
    async with each_world.site() as site:
        assert await site.refs() == set()


async def test_columns_and_defaults_of_the_settings_win_over_the_guess(world: Any, tmp_path: Path):
    """``mapping.columns`` by role and key, and defaults under their names."""
    path = tmp_path / "inventory.tsv"
    path.write_text("Server\tWhere\nweb\tParis\ndb\tOslo\n", encoding="utf-8")
    mapping = {
        "columns": {"server": "name", "Where": "annotation:example.com/place"},
        "kind": "Resource", "type": "host", "owner": "group:default/ops", "createOwners": False,
    }  # fmt: skip
    async with world.site(providers=setting(path=str(path), mapping=mapping)) as site:
        web = await site.get("resource:default/web")
        assert web["metadata"]["annotations"]["example.com/place"] == "Paris"
        assert (web["spec"]["type"], web["spec"]["owner"]) == ("host", "group:default/ops")


async def test_a_url_is_read_through_the_readers_of_the_catalog(world: Any):
    """So the same hosts are allowed; while it does not answer, what it gave stays and the source says why."""
    world.answer_with(URL, _answer(sheet_of(["a", "team", "", "service"])))
    async with world.site(providers=setting(url=URL)) as site:
        assert await site.find(A) is not None
        world.fail(URL, 500)
        await site.run_provider(NAME)
        assert await site.find(A) is not None
        (finding,) = await site.all_findings()
        assert NAME in finding.message
    async with world.site(providers=setting(url="https://elsewhere.test/x.csv")) as site:
        (finding,) = await site.all_findings()
        assert "elsewhere.test" in finding.message


def _answer(body: bytes) -> Any:
    async def give() -> FakeAnswer:
        return FakeAnswer(200, {}, body)

    return give


async def test_rows_that_are_left_out_are_told(world: Any, tmp_path: Path):
    """One that another source gives otherwise, one without a name; the rest is in, and the problem names both rows.

    What the other source gives just so is left to it without a word.
    """
    world.write("org.yaml", component("a", metadata={"title": "Mine"}), component("same"))
    path = tmp_path / "inventory.csv"
    path.write_bytes(
        sheet_of(
            ["same", "team", "", "service"],
            ["a", "team", "", "service"],
            ["b", "team", "", "service"],
            ["", "team", "No name", "service"],
        )
    )
    async with world.site("org.yaml"):
        pass  # it was there first
    async with world.site("org.yaml", providers=setting(path=str(path))) as site:
        assert (await site.find(B)) is not None
        (finding,) = await site.all_findings()
        assert "row 3" in finding.message
        assert "row 5" in finding.message
        assert (await site.get(A))["metadata"]["annotations"]["backstage.io/managed-by-location"].endswith("org.yaml")


async def test_a_file_that_is_no_sheet_any_more_takes_nothing_away(world: Any, tmp_path: Path):
    """Gone, empty, or a page of a sign-in instead of the file: unknown is not none."""
    path = tmp_path / "inventory.csv"
    path.write_bytes(sheet_of(["a", "team", "", "service"]))
    async with world.site(providers=setting(path=str(path))) as site:
        for content in (b"", b"<!doctype html><html><body>Sign in</body></html>", sheet_of()):
            path.write_bytes(content)
            await site.run_provider(NAME)
            assert await site.find(A) is not None, content
            assert len(await site.all_findings()) == 1, content
        path.unlink()
        await site.run_provider(NAME)
        assert await site.find(A) is not None
        path.write_bytes(sheet_of(["a", "team", "", "service"]))
        await site.run_provider(NAME)
        assert await site.all_findings() == []


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "path"),
        ({"path": "a.csv", "url": URL}, "path"),
        ({"path": "a.csv", "mapping": {"columns": ["name"]}}, "mapping.columns"),
        ({"path": "a.csv", "mapping": {"colour": "red"}}, "mapping"),
    ],
)
async def test_settings_that_cannot_be_used_stop_the_start_with_their_key(world: Any, row: Any, field: str):
    """Neither path nor URL, both, columns that are no object, a default that does not exist."""
    with pytest.raises(InputError) as error:
        async with world.site(providers={"spreadsheet": {"inventory": {"schedule": {}, **row}}}):
            pass
    assert error.value.field == f"catalog.providers.spreadsheet.inventory.{field}"
