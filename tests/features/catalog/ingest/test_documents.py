"""From files to entities: bad documents beside good ones, rules, placeholders, kinds."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.testing import api, component, group, location, system

pytestmark = pytest.mark.anyio

A, B, C = "component:default/a", "component:default/b", "component:default/c"
BAD_YAML = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: b\n  tags: [one, two\nspec: {}\n"


def _bad(name: str) -> dict[str, Any]:
    """A component without an owner."""
    document = component(name)
    del document["spec"]["owner"]
    return document


# ---- one bad document among good ones ---------------------------------------------------------------------------------


async def test_a_bad_document_does_not_hold_back_the_good_ones(each_world: Any) -> None:
    """The others of its file come in; the bad one is told on the Location, with file, line, column and field."""
    path = each_world.write("all.yaml", component("a"), _bad("b"), component("c"))
    async with each_world.site("all.yaml") as site:
        assert await site.refs() == {A, C}
        (finding,) = await site.all_findings()
        assert (finding.severity, finding.stage, finding.entity_ref) == ("error", "kind", B)
        assert finding.file == str(path)
        text = path.read_text().splitlines()
        assert finding.line is not None and finding.column is not None
        assert text[finding.line - 1][finding.column - 1 :].startswith("spec")
        assert finding.field == "spec.owner"
        assert "owner" in finding.message
        (failed,) = await site.commands.list_unprocessed("failed", owner=None, actor=site.actor)
        assert failed["entity_ref"] == B
        assert failed["unprocessed_entity"]["metadata"]["name"] == "b"


async def test_an_entity_whose_document_went_bad_keeps_its_last_good_state(each_world: Any) -> None:
    """The entity stays as it was, says in its status what is wrong and where, and recovers with its document."""
    each_world.write("all.yaml", component("a"), component("b", metadata={"description": "good"}))
    async with each_world.site("all.yaml") as site:
        uid = (await site.get(B))["metadata"]["uid"]
        bad = _bad("b")
        bad["metadata"]["description"] = "never seen"
        path = each_world.write("all.yaml", component("a"), bad)
        await site.sweep()
        assert await site.description(B) == "good"
        (item,) = await site.status(B)
        assert (item["type"], item["level"]) == ("backstage.io/catalog-processing", "error")
        error = item["error"]
        assert (error["file"], error["stage"]) == (str(path), "kind")
        assert error["line"] > 8
        assert error["column"] >= 1
        assert error["field"].startswith("spec")
        assert await site.status(A) == []
        each_world.write("all.yaml", component("a"), component("b", metadata={"description": "better"}))
        await site.sweep()
        assert await site.description(B) == "better"
        assert await site.status(B) == []
        assert (await site.get(B))["metadata"]["uid"] == uid
        assert await site.all_findings() == []
        assert await site.changes(B) == ["created", "failed", "recovered"]


async def test_a_bad_document_that_changes_but_stays_bad_is_told_anew(world: Any) -> None:
    """The status follows the document: another error, the same last good state."""
    world.write("all.yaml", component("a"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", _bad("a"))
        await site.sweep()
        before = (await site.errors(A))[0]["message"]
        document = component("a")
        del document["spec"]["lifecycle"]
        world.write("all.yaml", document)
        await site.sweep()
        (error,) = await site.errors(A)
        assert error["message"] != before
        assert "lifecycle" in error["message"]


async def test_a_document_that_cannot_be_told_apart_loses_nothing_of_its_file(each_world: Any) -> None:
    """Broken YAML between good documents: all entities stay, and the one that is missing carries the error."""
    each_world.write("all.yaml", component("a"), component("b"), component("c"))
    async with each_world.site("all.yaml") as site:
        path = each_world.write("all.yaml", component("a", metadata={"description": "new"}), BAD_YAML, component("c"))
        await site.sweep()
        assert await site.refs() == {A, B, C}
        assert await site.description(A) == "new"
        (error,) = await site.errors(B)
        assert (error["name"], error["stage"], error["file"]) == ("YAMLParseError", "parse", str(path))
        assert path.read_text().splitlines()[error["line"] - 1] in BAD_YAML
        assert await site.status(A) == [] and await site.status(C) == []
        assert [e["message"] for e in await site.location_errors()] == [error["message"]]
        each_world.write("all.yaml", component("a"), component("b"), component("c"))
        await site.sweep()
        assert await site.status(B) == []
        assert await site.location_errors() == []
        assert await site.changes(B) == ["created", "failed", "recovered"]


async def test_broken_yaml_that_was_also_moved_is_told_to_the_entity_that_is_missing(world: Any) -> None:
    """A new document above it shifts the broken one; the error still stands where its owner looks."""
    world.write("all.yaml", component("a"), component("b"), component("c"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", component("new"), component("a"), BAD_YAML, component("c"))
        await site.sweep()
        assert len(await site.errors(B)) == 1
        assert await site.status(A) == [] and await site.status(C) == []


async def test_a_document_removed_while_another_is_broken_goes_when_all_can_be_read(each_world: Any) -> None:
    """As long as something in the file cannot be read, nothing of it goes; after that, what is not there does."""
    each_world.write("all.yaml", component("a"), component("b"), component("c"))
    async with each_world.site("all.yaml") as site:
        each_world.write("all.yaml", BAD_YAML, component("c"))
        await site.sweep()
        assert await site.refs() == {A, B, C}
        each_world.write("all.yaml", BAD_YAML + "# still broken\n", component("c"))
        await site.sweep()
        assert await site.refs() == {A, B, C}
        each_world.write("all.yaml", component("b"), component("c"))
        await site.sweep()
        assert await site.refs() == {B, C}
        each_world.write("all.yaml", component("c"))
        await site.sweep()
        assert await site.refs() == {C}
        assert await site.all_findings() == []


async def test_a_broken_document_that_is_removed_takes_its_entity_along(world: Any) -> None:
    """Whoever deletes a broken document means it."""
    world.write("all.yaml", component("a"), component("b"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", component("x"), component("a"), BAD_YAML)
        await site.sweep()
        world.write("all.yaml", component("x"), component("a"))
        await site.sweep()
        assert await site.refs() == {"component:default/x", A}


@pytest.mark.parametrize("content", [b"\xff\xfe not text", b"kind: Component\0", b"a: &a [*a]\n"])
async def test_a_file_that_is_unusable_as_a_whole_keeps_everything(world: Any, content: bytes) -> None:
    """Not UTF-8, a NUL character, YAML that cannot be: every entity of the file stays and says what is wrong."""
    world.write("all.yaml", component("a"), component("b"))
    async with world.site("all.yaml") as site:
        path = world.write("all.yaml", content)
        await site.sweep()
        assert await site.refs() == {A, B}
        for ref in (A, B):
            (error,) = await site.errors(ref)
            assert (error["stage"], error["file"], error["line"]) == ("parse", str(path), 1)
        assert len(await site.location_errors()) == 1
        world.write("all.yaml", component("b"))
        await site.sweep()
        assert await site.refs() == {B}
        assert await site.status(B) == []
        assert await site.location_errors() == []


async def test_an_empty_file_means_that_nothing_is_there(world: Any) -> None:
    """Comments, empty documents and written nulls are no documents and no errors."""
    world.write("all.yaml", component("a"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", "# nothing yet\n---\nnull\n---\n")
        await site.sweep()
        assert await site.refs() == set()
        assert await site.all_findings() == []


async def test_a_document_that_is_no_mapping_is_an_error_of_the_location(world: Any) -> None:
    """A list or a text at the root is told with its line."""
    world.write("all.yaml", component("a"), "- one\n- two\n")
    async with world.site("all.yaml") as site:
        assert await site.refs() == {A}
        (error,) = await site.location_errors()
        assert "Expected object at root, got array" in error["message"]
        assert error["line"] is not None


async def test_many_bad_documents_are_all_told(world: Any) -> None:
    """A large file is taken in in parts; what is wrong in the first part stays told when the last has been written."""
    documents = [component(f"c{n}") for n in range(1_050)]
    world.write("all.yaml", "- stray one\n", *documents[:1_020], "- stray two\n", *documents[1_020:])
    async with world.site("all.yaml") as site:
        assert len(await site.refs()) == 1_050
        assert len(await site.location_errors()) == 2


async def test_a_bad_envelope_is_told_with_its_field(world: Any) -> None:
    """Without a kind or a name nobody can say which entity it is: the Location carries the error."""
    world.write("all.yaml", component("a"), "kind: Component\nmetadata: {}\n")
    async with world.site("all.yaml") as site:
        assert await site.refs() == {A}
        (error,) = await site.location_errors()
        assert error["stage"] == "envelope"


# ---- one ref in two places --------------------------------------------------------------------------------------------


async def test_of_two_documents_with_one_ref_in_a_file_the_first_stands(each_world: Any) -> None:
    """Both are told: a warning on the entity, an error on the Location; changing others in the file alters nothing."""
    first = component("a", metadata={"description": "first"})
    second = component("A", metadata={"description": "second"})
    each_world.write("all.yaml", first, second, component("b"))
    async with each_world.site("all.yaml") as site:
        assert await site.description(A) == "first"
        assert [f.severity for f in await site.findings(A)] == ["warning"]
        (error,) = await site.conflicts()
        assert (error.stage, error.name) == ("conflict", "ConflictError")
        each_world.write("all.yaml", first, second, component("b", metadata={"description": "changed"}))
        await site.sweep()
        assert await site.description(A) == "first"
        assert [f.severity for f in await site.findings(A)] == ["warning"]
        each_world.write("all.yaml", second, first, component("b"))
        await site.sweep()
        assert await site.description(A) == "second"
        each_world.write("all.yaml", first, component("b"))
        await site.sweep()
        assert await site.description(A) == "first"
        assert await site.all_findings() == []


async def test_a_second_document_of_a_ref_that_is_added_later_does_not_win(world: Any) -> None:
    """What stands first in the file stands, whenever the other was written."""
    first = component("a", metadata={"description": "first"})
    world.write("all.yaml", first)
    async with world.site("all.yaml") as site:
        world.write("all.yaml", first, component("a", metadata={"description": "second"}))
        await site.sweep()
        assert await site.description(A) == "first"
        assert len(await site.conflicts()) == 1


async def test_a_repeated_ref_is_not_told_any_more_when_the_second_is_gone(world: Any) -> None:
    """The first document is as it was; what was said about it is not."""
    world.write("all.yaml", component("a"), component("b"), component("a", owner="other"))
    async with world.site("all.yaml") as site:
        assert len(await site.all_findings()) == 2
        world.write("all.yaml", component("a"), component("b"))
        await site.sweep()
        assert await site.all_findings() == []
        assert await site.changes(A) == ["created"]


async def test_of_a_ref_named_twice_in_a_large_file_the_first_stands(world: Any) -> None:
    """Also when the two are taken in in different parts."""
    documents = [component(f"c{n}") for n in range(1_050)]
    first, second = (component("a", metadata={"description": text}) for text in ("first", "second"))
    world.write("all.yaml", first, *documents, second)
    async with world.site("all.yaml") as site:
        assert await site.description(A) == "first"
        assert len(await site.conflicts()) == 1


async def test_of_two_files_with_one_ref_the_first_stands_and_both_sides_are_told(each_world: Any) -> None:
    """The one that stands gets a warning that names the other, the other's Location an error that names the first."""
    one = each_world.write("one.yaml", component("a", metadata={"description": "one"}))
    two = each_world.write("two.yaml", component("a", metadata={"description": "two"}), component("b"))
    async with each_world.site("one.yaml") as site:
        assert await site.description(A) == "one"
    async with each_world.site("one.yaml", "two.yaml") as site:
        assert await site.refs() == {A, B}
        assert await site.description(A) == "one"
        (warning,) = await site.findings(A)
        assert (warning.severity, warning.stage, warning.name) == ("warning", "conflict", "ConflictError")
        assert f"file:{two}" in warning.message and f"file:{one} was first" in warning.message
        assert warning.file == str(two)
        (error,) = await site.conflicts()
        assert f"already described by file:{one}" in error.message
        assert (error.file, error.line) == (str(two), 1)
        assert "Rename" in (error.fix or "")
        assert await site.status(A) == []


async def test_the_other_document_of_a_ref_comes_in_when_the_first_goes(each_world: Any) -> None:
    """Nobody has to touch the second file: it takes the ref over as soon as the first lets go, and all is quiet."""
    each_world.write("one.yaml", component("a", metadata={"description": "one"}), component("c"))
    each_world.write("two.yaml", component("a", metadata={"description": "two"}), component("b"))
    async with each_world.site("one.yaml") as site:
        pass
    async with each_world.site("one.yaml", "two.yaml") as site:
        each_world.write("one.yaml", component("c"))
        await site.sweep()
        assert await site.refs() == {A, B, C}
        assert await site.description(A) == "two"
        assert await site.all_findings() == []
        each_world.write("one.yaml", component("a", metadata={"description": "one"}), component("c"))
        await site.sweep()
        assert await site.description(A) == "two"
    async with each_world.site("one.yaml") as site:
        assert await site.refs() == {A, C}
        assert await site.description(A) == "one"
        assert await site.all_findings() == []


async def test_a_conflict_ends_when_the_newcomer_goes(world: Any) -> None:
    """Renaming or removing the second document takes both findings away."""
    world.write("one.yaml", component("a"))
    world.write("two.yaml", component("a"), component("b"))
    async with world.site("one.yaml") as site:
        pass
    async with world.site("one.yaml", "two.yaml") as site:
        assert len(await site.all_findings()) == 2
        world.write("two.yaml", component("a2"), component("b"))
        await site.sweep()
        assert await site.refs() == {A, B, "component:default/a2"}
        assert await site.all_findings() == []


async def test_a_file_reached_by_two_ways_keeps_to_the_first_until_it_closes(each_world: Any) -> None:
    """The origin does not change back and forth with every edit; when the first way is gone, the second takes over."""
    file = each_world.write("a.yaml", component("a", metadata={"description": "old"}))
    each_world.write("all.yaml", location("all", "./a.yaml"))
    async with each_world.site("a.yaml", "all.yaml") as site:
        origin = "backstage.io/managed-by-origin-location"
        assert (await site.get(A))["metadata"]["annotations"][origin] == f"file:{file}"
        each_world.write("a.yaml", component("a", metadata={"description": "new"}))
        await site.sweep()
        await site.sweep()
        assert await site.changes(A) == ["created", "updated"]
    async with each_world.site("all.yaml") as site:
        entity = await site.get(A)
        assert entity["metadata"]["annotations"][origin] == f"file:{each_world.path('all.yaml')}"
        assert await site.changes(A) == ["created", "updated", "updated"]


async def test_a_way_that_the_rules_close_does_not_spoil_the_one_that_is_open(each_world: Any) -> None:
    """A kind that one location may give and another may not: it comes in, in whichever order, and the refusal is told."""
    each_world.write("all.yaml", location("all", "./team.yaml"))
    open_one = {"type": "file", "target": str(each_world.path("team.yaml")), "rules": [{"allow": ["Group"]}]}
    open_two = {"type": "file", "target": str(each_world.path("all.yaml")), "rules": [{"allow": ["Group"]}]}
    for rows in ([open_one, "all.yaml"], ["all.yaml", open_one], ["team.yaml", open_two], [open_two, "team.yaml"]):
        each_world.write("team.yaml", group("team"))
        async with each_world.site(*rows, rules=None) as site:
            assert await site.refs() == {"group:default/team", "location:default/all"}
            assert await site.status("group:default/team") == []
            each_world.write("team.yaml", group("team", metadata={"description": "new"}))
            await site.sweep()
            assert await site.description("group:default/team") == "new"
            assert await site.status("group:default/team") == []
            assert [f.stage for f in await site.all_findings()] == ["rules"]
        async with each_world.site() as site:
            assert await site.refs() == set()


# ---- moved, renamed, removed ------------------------------------------------------------------------------------------


async def test_a_removed_document_removes_its_entity_and_its_relations(each_world: Any) -> None:
    """What its document said of others goes with it."""
    each_world.write("all.yaml", component("a", system="shop"), component("b"), system("shop"), group("team"))
    async with each_world.site("all.yaml") as site:
        assert {"type": "hasPart", "targetRef": A} in (await site.get("system:default/shop"))["relations"]
        each_world.write("all.yaml", component("b"), system("shop"), group("team"))
        await site.sweep()
        assert await site.refs() == {B, "system:default/shop", "group:default/team"}
        assert (await site.get("system:default/shop"))["relations"] == [
            {"type": "ownedBy", "targetRef": "group:default/team"}
        ]
        assert {r["targetRef"] for r in (await site.get("group:default/team"))["relations"]} == {
            B,
            "system:default/shop",
        }


async def test_a_renamed_document_is_another_entity(each_world: Any) -> None:
    """The old name goes, the new one comes; documents that only changed places stay what they are."""
    each_world.write("all.yaml", component("a"), component("b"), component("c"))
    async with each_world.site("all.yaml") as site:
        uids = {ref: (await site.get(ref))["metadata"]["uid"] for ref in (A, C)}
        each_world.write("all.yaml", component("c"), component("b2"), component("a"))
        await site.sweep()
        assert await site.refs() == {A, "component:default/b2", C}
        assert {ref: (await site.get(ref))["metadata"]["uid"] for ref in (A, C)} == uids
        assert await site.changes(A) == ["created"]
        assert await site.changes(B) == ["created", "deleted"]


async def test_a_document_that_moves_to_another_file_stays_in_the_catalog(each_world: Any) -> None:
    """Cut here, pasted there: whichever file is read first, the entity ends up coming from the second."""
    for names in (("one.yaml", "two.yaml"), ("two.yaml", "one.yaml")):
        left, right = names
        each_world.write(left, component("a"), component("b"))
        each_world.write(right, component("c"))
        async with each_world.site("*.yaml") as site:
            each_world.write(left, component("b"))
            path = each_world.write(right, component("c"), component("a"))
            await site.sweep()
            assert await site.refs() == {A, B, C}
            annotations = (await site.get(A))["metadata"]["annotations"]
            assert annotations["backstage.io/managed-by-location"] == f"file:{path}"
            assert await site.all_findings() == []


async def test_a_renamed_file_keeps_its_entities(each_world: Any) -> None:
    """Under a pattern a file that got another name gives the same entities: same uid, no deletion in between."""
    each_world.write("old.yaml", component("a"), location("more", "./deep/*.yml"))
    each_world.write("deep/x.yml", component("b"))
    async with each_world.site("*.yaml") as site:
        uid = (await site.get(A))["metadata"]["uid"]
        each_world.path("old.yaml").rename(each_world.path("new.yaml"))
        await site.sweep()
        assert await site.refs() == {A, B, "location:default/more"}
        entity = await site.get(A)
        assert entity["metadata"]["uid"] == uid
        assert entity["metadata"]["annotations"]["backstage.io/managed-by-location"].endswith("new.yaml")
        assert await site.changes(A) == ["created", "updated"]
        assert await site.all_findings() == []


async def test_an_unchanged_file_costs_no_write(each_world: Any) -> None:
    """Touched, but with the same bytes; or not touched at all: the revision stays, and so does the history."""
    each_world.write("all.yaml", component("a"), _bad("b"))
    async with each_world.site("all.yaml") as site:
        before = await site.revision()
        await site.sweep()
        each_world.write("all.yaml", component("a"), _bad("b"))
        await site.sweep()
        assert await site.revision() == before


async def test_only_the_changed_document_of_a_file_is_written(world: Any) -> None:
    """One edit among many documents changes one entity."""
    documents = [component(f"c{n}") for n in range(50)]
    world.write("all.yaml", *documents)
    async with world.site("all.yaml") as site:
        documents[7]["metadata"]["description"] = "changed"
        world.write("all.yaml", component("new"), *documents)
        await site.sweep()
        rows = await site.rows(
            "SELECT ref FROM catalog_history h JOIN catalog_ref r ON r.id = h.ref_id WHERE change = 'updated'"
        )
        assert [row[0] for row in rows] == ["component:default/c7"]


# ---- rules ------------------------------------------------------------------------------------------------------------


async def test_settings_without_rules_mean_the_default_of_backstage_and_say_so(each_world: Any) -> None:
    """Component, API and Location come in; each refusal names the entity, its place and the setting to change."""
    path = each_world.write("all.yaml", component("a"), api("b"), location("c"), group("team"))
    async with each_world.site("all.yaml", rules=None) as site:
        assert await site.refs() == {A, "api:default/b", "location:default/c"}
        (finding,) = await site.all_findings()
        assert (finding.stage, finding.name, finding.entity_ref) == ("rules", "NotAllowedError", "group:default/team")
        assert finding.message == (
            f"Entity group:default/team at file:{path}, originated at file:{path}, is not of an allowed kind for that location"
        )
        assert "catalog.rules" in (finding.fix or "")
        assert (await site.why("group:default/team")).subjects[0].stopped_at == "validated"


async def test_without_a_settings_file_every_kind_comes_in(world: Any) -> None:
    """Nobody wrote rules, so there are none."""
    world.write("all.yaml", component("a"), group("team"), system("shop"))
    target = {"type": "file", "target": str(world.path("all.yaml"))}
    from callboard.kernel.settings import Settings

    given = Settings.of({"catalog": {"locations": [target], "watchFiles": False}}, has_file=False)
    async with world.site(settings=given) as site:
        assert await site.refs() == {A, "group:default/team", "system:default/shop"}


async def test_the_rules_of_a_location_hold_for_it_alone(world: Any) -> None:
    """A kind allowed for one configured location is refused from another, also through nested Locations."""
    world.write("org.yaml", location("org", "./team.yaml"))
    world.write("team.yaml", group("team"))
    world.write("other.yaml", group("other"))
    row = {"type": "file", "target": str(world.path("org.yaml")), "rules": [{"allow": ["Group"]}]}
    async with world.site(row, "other.yaml", rules=None) as site:
        assert await site.refs() == {"location:default/org", "group:default/team"}


async def test_a_changed_rule_is_applied_to_what_is_there(each_world: Any) -> None:
    """After a restart with other rules, entities of kinds that are not allowed any more are told, others come in."""
    each_world.write("all.yaml", component("a"), group("team"))
    async with each_world.site("all.yaml", rules=[{"allow": ["Component"]}]) as site:
        assert await site.refs() == {A}
    async with each_world.site("all.yaml", rules=[{"allow": ["Component", "Group"]}]) as site:
        assert await site.refs() == {A, "group:default/team"}
        assert await site.all_findings() == []
    async with each_world.site("all.yaml", rules=[{"allow": ["Group"]}]) as site:
        (error,) = await site.errors(A)
        assert error["stage"] == "rules"


# ---- placeholders -----------------------------------------------------------------------------------------------------


async def test_placeholders_bring_files_from_beside(each_world: Any) -> None:
    """$text, $json and $yaml are read relative to the file that names them."""
    document = api("a", definition={"$text": "./specs/a.yaml"})
    document["metadata"]["x-json"] = {"$json": "./more.json"}
    document["metadata"]["x-yaml"] = {"$yaml": "specs/a.yaml"}
    each_world.write("api/all.yaml", document)
    each_world.write("api/specs/a.yaml", "openapi: 3.1.0\n")
    each_world.write("api/more.json", '{"tier": [1, 2]}')
    async with each_world.site("api/all.yaml") as site:
        entity = await site.get("api:default/a")
        assert entity["spec"]["definition"] == "openapi: 3.1.0\n"
        assert entity["metadata"]["x-json"] == {"tier": [1, 2]}
        assert entity["metadata"]["x-yaml"] == {"openapi": "3.1.0"}


async def test_a_changed_included_file_refreshes_its_entities_alone(each_world: Any) -> None:
    """The descriptor stays as it is; what it includes changed, and so does the entity, but no other."""
    each_world.write("all.yaml", api("a", definition={"$text": "./a.txt"}), api("b", definition={"$text": "./b.txt"}))
    each_world.write("a.txt", "first")
    each_world.write("b.txt", "same")
    async with each_world.site("all.yaml") as site:
        before = await site.revision()
        await site.sweep()
        assert await site.revision() == before
        each_world.write("a.txt", "second")
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "second"
        assert await site.changes("api:default/a") == ["created", "updated"]
        assert await site.changes("api:default/b") == ["created"]


async def test_an_included_file_that_is_missing_is_told_and_read_when_it_comes(each_world: Any) -> None:
    """The document is refused with the reason; it comes in by itself when the file is there."""
    each_world.write("all.yaml", api("a", definition={"$text": "./a.txt"}), component("b"))
    async with each_world.site("all.yaml") as site:
        assert await site.refs() == {B}
        (finding,) = await site.all_findings()
        assert (finding.stage, finding.entity_ref) == ("preprocess", "api:default/a")
        assert "Placeholder $text could not read location ./a.txt" in finding.message
        assert (finding.field or "").startswith("spec.definition")
        each_world.write("a.txt", "there")
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "there"
        assert await site.all_findings() == []


async def test_an_included_file_that_goes_missing_changes_nothing(world: Any) -> None:
    """What was included stays: unknown is not gone."""
    world.write("all.yaml", api("a", definition={"$text": "./a.txt"}))
    world.write("a.txt", "kept")
    async with world.site("all.yaml") as site:
        world.remove("a.txt")
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "kept"
        world.write("a.txt", "new")
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "new"


async def test_placeholders_of_a_url_are_read_beside_it(each_world: Any) -> None:
    """The included URL is resolved against the descriptor's, and asked about with its etag."""
    url = "https://files.test/org/catalog-info.yaml"
    each_world.serve(url, api("a", definition={"$text": "./spec.txt"}))
    each_world.serve("https://files.test/org/spec.txt", "first")
    async with each_world.site({"type": "url", "target": url}) as site:
        assert (await site.get("api:default/a"))["spec"]["definition"] == "first"
        each_world.fail("https://files.test/org/spec.txt", 500)
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "first"
        each_world.serve("https://files.test/org/spec.txt", "second")
        await site.sweep()
        assert (await site.get("api:default/a"))["spec"]["definition"] == "second"


async def test_a_placeholder_cannot_leave_the_tree_of_its_location(world: Any) -> None:
    """A file outside is refused, whatever path leads there."""
    (world.folder / "repo" / ".git").mkdir(parents=True)
    world.write("secret.txt", "secret")
    world.write(
        "repo/all.yaml",
        api("a", definition={"$text": "../secret.txt"}),
        api("b", definition={"$text": "/etc/hostname"}),
    )
    async with world.site("repo/all.yaml") as site:
        assert await site.refs() == set()
        assert all("could not read location" in f.message for f in await site.all_findings())
        assert len(await site.all_findings()) == 2


async def test_an_escaped_dollar_is_a_placeholder_too(world: Any) -> None:
    """YAML lets the key be spelt with an escape; it means the same."""
    text = 'apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec:\n  type: openapi\n  lifecycle: x\n  owner: team\n  definition: {"\\x24text": ./a.txt}\n'
    world.write("all.yaml", text)
    world.write("a.txt", "there")
    async with world.site("all.yaml") as site:
        assert (await site.get("api:default/a"))["spec"]["definition"] == "there"


# ---- kinds as data, processors ----------------------------------------------------------------------------------------

DATASET = {
    "group": "example.com",
    "names": {"kind": "Dataset", "singular": "dataset", "plural": "datasets"},
    "description": "A table that others build upon.",
    "versions": [
        {
            "name": "v1",
            "schema": {
                "jsonSchema": {"type": "object", "properties": {"spec": {"type": "object", "required": ["owner"]}}}
            },
            "relationFields": [
                {"selector": {"path": "spec.owner"}, "relation": "ownedBy", "defaultKind": "Group"},
                {
                    "selector": {"path": "spec.feeds"},
                    "relation": "feeds",
                    "reverse": "fedBy",
                    "defaultKind": "Component",
                },
            ],
        }
    ],
}


def _dataset(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Dataset", "metadata": {"name": name}, "spec": spec}


async def test_a_kind_declared_in_the_settings_is_validated_and_related(each_world: Any) -> None:
    """Its schema judges documents, its relation fields give relations in both directions."""
    each_world.write(
        "all.yaml", _dataset("orders", owner="team", feeds=["a"]), _dataset("bad"), component("a"), group("team")
    )
    rules = [{"allow": ["Component", "Group", "Dataset"]}]
    async with each_world.site("all.yaml", rules=rules, model={"kinds": [DATASET]}) as site:
        assert await site.refs() == {"dataset:default/orders", A, "group:default/team"}
        assert (await site.get("dataset:default/orders"))["relations"] == [
            {"type": "feeds", "targetRef": A}, {"type": "ownedBy", "targetRef": "group:default/team"},
        ]  # fmt: skip
        assert {"type": "fedBy", "targetRef": "dataset:default/orders"} in (await site.get(A))["relations"]
        (finding,) = await site.all_findings()
        assert (finding.entity_ref, finding.stage) == ("dataset:default/bad", "kind")


async def test_a_kind_declared_in_a_file_or_by_name_of_a_layer_is_known(world: Any) -> None:
    """``catalog.model.files`` names YAML files, ``catalog.model.layers`` the layers that come with Callboard."""
    world.write("kinds/dataset.yaml", DATASET)
    skill = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "AiResource", "metadata": {"name": "review"},
        "spec": {"type": "skill", "lifecycle": "production", "owner": "team"},
    }  # fmt: skip
    world.write("all.yaml", _dataset("orders", owner="team"), skill)
    model = {"files": [str(world.path("kinds/*.yaml"))], "layers": ["ai-resource"]}
    async with world.site("all.yaml", rules=[{}], model=model) as site:
        assert await site.refs() == {"dataset:default/orders", "airesource:default/review"}


async def test_a_kind_declared_by_a_plugin_is_known(world: Any) -> None:
    """The hook takes the same form."""
    world.write("all.yaml", _dataset("orders", owner="team"))
    async with world.site("all.yaml", rules=[{"allow": ["Dataset"]}], extension=world.extend(kinds=[DATASET])) as site:
        assert await site.refs() == {"dataset:default/orders"}


async def test_a_changed_kind_has_its_entities_judged_again(each_world: Any) -> None:
    """A restart with another schema: what does not fit any more keeps its state and says so; what fits now comes in."""
    each_world.write("all.yaml", _dataset("orders", owner="team"), component("a"))
    rules = [{"allow": ["Component", "Dataset"]}]
    async with each_world.site("all.yaml", rules=rules) as site:
        assert await site.refs() == {A}
    async with each_world.site("all.yaml", rules=rules, model={"kinds": [DATASET]}) as site:
        assert await site.refs() == {A, "dataset:default/orders"}
        before = await site.revision()
    async with each_world.site("all.yaml", rules=rules, model={"kinds": [DATASET]}) as site:
        assert await site.revision() == before
    stricter = {
        **DATASET,
        "versions": [
            {**DATASET["versions"][0], "schema": {"required": ["spec"], "properties": {"spec": {"required": ["tier"]}}}}
        ],
    }  # type: ignore[dict-item, index]
    async with each_world.site("all.yaml", rules=rules, model={"kinds": [stricter]}) as site:
        (error,) = await site.errors("dataset:default/orders")
        assert "tier" in error["message"]


async def test_a_processor_of_a_plugin_sees_each_document(world: Any) -> None:
    """It may add to a document; one that breaks is an error of that document alone."""

    class Tagging:
        name = "tagging"
        priority = 10

        def process(self, entity: dict[str, Any], location: Any) -> dict[str, Any]:
            if entity["metadata"]["name"] == "b":
                raise RuntimeError("no b, please")
            return {**entity, "metadata": {**entity["metadata"], "tags": ["seen"]}}

    world.write("all.yaml", component("a"), component("b"))
    async with world.site("all.yaml", extension=world.extend(processors=[Tagging()])) as site:
        assert (await site.get(A))["metadata"]["tags"] == ["seen"]
        (finding,) = await site.all_findings()
        assert finding.entity_ref == B
        assert "Processor tagging threw an error" in finding.message
