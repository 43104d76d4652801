"""Entities of the portal's own store: what is written comes back as written, and nobody overwrites what they have not seen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.editing.interface import SOURCE, EditConflict, GivenElsewhere, TextRefused
from callboard.kernel.auth.actor import ANONYMOUS, SYSTEM
from callboard.kernel.errors import AuthenticationError, InputError, LimitError, NotAllowedError
from callboard.testing import component, group, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import CREATE, READ, owned, policy

pytestmark = pytest.mark.anyio

TILL = "component:default/till"
ADA, EVE = user("ada", "group:default/team"), user("eve")
VALIDATE = {"permission": "catalog.entity.validate"}
UPDATE, DELETE = {"permission": "catalog.entity.update"}, {"permission": "catalog.entity.delete"}


async def test_an_entity_is_created_changed_and_deleted(each_desk: Any):
    """Each step shows in the catalog at once, and in its history with who made it."""
    async with each_desk() as d:
        made = await d.create(text_of(note="First"))
        assert (made.ref, made.outcome) == (TILL, "created")
        assert await d.site.description(TILL) == "First"
        changed = await d.change(TILL, text_of(note="Second"), made.mark)
        assert changed.outcome == "changed" and changed.mark != made.mark
        assert await d.site.description(TILL) == "Second"
        await d.delete(TILL, changed.mark)
        assert await d.site.find(TILL) is None and await d.find(TILL) is None
        assert await d.site.changes(TILL) == ["created", "updated", "deleted"]


async def test_what_is_written_shows_without_waiting_for_a_job(each_desk: Any):
    """Who saves is led to the entity, which must be there by then."""
    async with each_desk() as d:
        saved = await d.editing.save(text_of(), actor=SYSTEM)
        assert await d.site.find(TILL) is not None
        await d.editing.delete(_ref(), base_mark=saved.mark, actor=SYSTEM)
        assert await d.site.find(TILL) is None


async def test_the_text_comes_back_as_it_was_written(each_desk: Any):
    """Comments, order and quotes: the catalog keeps none of them. Lines end with a line feed, whatever the browser sent."""
    text = "# why it is here\nkind: Component\napiVersion: 'backstage.io/v1alpha1'\nmetadata: {name: till} # short\nspec:\n  owner: team\n  type: service\n  lifecycle: production\n"
    async with each_desk() as d:
        await d.create(text.replace("\n", "\r\n"))
        assert (await d.get(TILL)).text == text
        assert (await d.get(TILL)).giver.is_own


async def test_saving_the_same_text_again_changes_nothing(each_desk: Any):
    """Neither the mark nor the history nor the audit log, by creating or by changing."""
    async with each_desk() as d:
        made = await d.create(text_of())
        revision = await d.site.revision()
        assert await d.create(text_of()) == type(made)(TILL, made.mark, "unchanged")
        assert (await d.change(TILL, text_of(), made.mark)).outcome == "unchanged"
        assert await d.site.revision() == revision and await d.site.changes(TILL) == ["created"]


async def test_a_change_of_a_comment_is_kept_and_is_no_change_of_the_entity(each_desk: Any):
    """The text has a new mark, so that another editor hears of it; the entity's history has nothing to tell."""
    async with each_desk() as d:
        made = await d.create(text_of())
        other = text_of().replace("kept by hand", "kept by the till team")
        changed = await d.change(TILL, other, made.mark)
        assert changed.mark != made.mark and (await d.get(TILL)).text == other
        assert await d.site.changes(TILL) == ["created"]
        with pytest.raises(EditConflict):
            await d.change(TILL, text_of().replace("kept by hand", "mine"), made.mark)


async def test_the_second_of_two_editors_is_told_and_shown_both_versions(each_desk: Any):
    """The first change stands; the second has what it wrote and what stands, and can save from there."""
    async with each_desk() as d:
        base = (await d.create(text_of(note="Base"))).mark
        await d.change(TILL, text_of(note="Ada"), base)
        with pytest.raises(EditConflict) as caught:
            await d.change(TILL, text_of(note="Bob"), base)
        assert "Bob" in caught.value.mine and caught.value.theirs is not None and "Ada" in caught.value.theirs.text
        assert await d.site.description(TILL) == "Ada"
        assert (await d.change(TILL, text_of(note="Both"), caught.value.theirs.mark)).outcome == "changed"


async def test_of_many_editors_at_once_one_wins(each_desk: Any):
    """No update is lost, however the transactions fall: each of the others is told, for changing and for creating."""

    async def attempt(call: Any) -> str:
        try:
            return str((await call).outcome)
        except EditConflict:
            return "told"

    async with each_desk() as d:
        ref = (await d.create(text_of())).ref
        mark = (await d.get(ref)).mark
        found = await asyncio.gather(*(attempt(d.change(ref, text_of(note=f"n{n}"), mark)) for n in range(5)))
        assert sorted(found) == ["changed", "told", "told", "told", "told"]
        found = await asyncio.gather(*(attempt(d.create(text_of("new", note=f"n{n}"))) for n in range(5)))
        assert sorted(found) == ["created", "told", "told", "told", "told"]
        winner = await d.get("component:default/new")
        assert winner.document["metadata"]["description"] in winner.text


async def test_changing_what_was_deleted_meanwhile_is_a_conflict_without_their_version(each_desk: Any):
    """What was typed is not lost: it can be created anew."""
    async with each_desk() as d:
        made = await d.create(text_of())
        await d.delete(TILL)
        with pytest.raises(EditConflict, match="deleted") as caught:
            await d.change(TILL, text_of(note="More"), made.mark)
        assert caught.value.theirs is None and "More" in caught.value.mine
        assert (await d.create(caught.value.mine)).outcome == "created"


async def test_deleting_an_older_version_is_refused(each_desk: Any):
    """Somebody who looked at another version did not decide about this one."""
    async with each_desk() as d:
        made = await d.create(text_of())
        await d.change(TILL, text_of(note="New"), made.mark)
        with pytest.raises(EditConflict):
            await d.delete(TILL, made.mark)
        assert await d.site.find(TILL) is not None


async def test_kind_namespace_and_name_stay(open_desk: Any):
    """They make the ref by which everything else knows the entity."""
    async with open_desk() as d:
        made = await d.create(text_of())
        for other in (text_of("other"), text_of().replace("name: till", "name: till\n  namespace: shop")):
            with pytest.raises(InputError, match="stay"):
                await d.change(TILL, other, made.mark)
        with pytest.raises(InputError, match="mark"):
            await d.editing.save(text_of(), ref=_ref(), actor=SYSTEM)


async def test_an_entity_of_another_source_names_it_and_is_not_the_portal_s_to_create_or_delete(
    open_desk: Any, world: Any
):
    """The page can lead to the file. Creating over it and deleting are refused; a change needs the version it began from."""
    world.write("org.yaml", component("till"), group("team"))
    async with open_desk("org.yaml") as d:
        found = await d.get(TILL)
        assert not found.giver.is_own and found.mark and found.giver.location.endswith("org.yaml") and found.giver.names
        for call in (d.create(text_of()), d.delete(TILL)):
            with pytest.raises(GivenElsewhere):
                await call
        with pytest.raises(EditConflict, match="by its source"):
            await d.change(TILL, text_of(), "x")


async def test_a_source_that_comes_later_does_not_take_the_entity(open_desk: Any, world: Any):
    """A refresh of another source between two saves neither overwrites the store nor is overwritten by it."""
    world.write("org.yaml", group("team"))
    async with open_desk("org.yaml") as d:
        made = await d.create(text_of(note="Mine"))
        world.write("org.yaml", group("team"), component("till", metadata={"description": "Theirs"}))
        await d.site.sweep()
        assert await d.site.description(TILL) == "Mine"
        assert (await d.change(TILL, text_of(note="Mine too"), made.mark)).outcome == "changed"
        assert await d.site.description(TILL) == "Mine too"


async def test_a_read_only_catalog_is_not_written(open_desk: Any):
    """``catalog.readonly`` holds for the portal's own store, too."""
    async with open_desk(readonly=True) as d:
        for call in (d.create(text_of()), d.delete(TILL)):
            with pytest.raises(NotAllowedError, match="readonly"):
                await call


async def test_each_write_asks_for_its_own_permission(open_desk: Any):
    """Creating, changing (of one's own), deleting; what is not visible is not there."""
    rules = policy(ada=[READ, CREATE, VALIDATE, owned("catalog.entity.update")], eve=[READ, VALIDATE])
    async with open_desk(more=rules) as d:
        ada, eve = d.as_(ADA), d.as_(EVE)
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.create"):
            await eve.create(text_of())
        with pytest.raises(AuthenticationError):
            await d.as_(ANONYMOUS).create(text_of())
        made = await ada.create(text_of())
        changed = await ada.change(TILL, text_of(note="Ours"), made.mark)
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.update"):
            await eve.change(TILL, text_of(note="Hers"), changed.mark)
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.delete"):
            await ada.delete(TILL)
        other = await ada.create(text_of("basket", owner="others"))
        with pytest.raises(NotAllowedError, match="Its owner may"):
            await ada.change("component:default/basket", text_of("basket", owner="team"), other.mark)
        seen = await eve.get(TILL)
        assert not seen.may_update and not seen.may_delete
        with pytest.raises(NotAllowedError, match=r"catalog\.location\.create"):
            await ada.create(_location())


async def test_who_may_see_nothing_learns_nothing(open_desk: Any):
    """Neither by asking nor by creating: the taken name is all there is to know."""
    async with open_desk(more=policy(ada=[READ, CREATE, VALIDATE], eve=[CREATE, VALIDATE])) as d:
        await d.as_(ADA).create(text_of(note="Secret"))
        assert await d.as_(EVE).find(TILL) is None
        with pytest.raises(GivenElsewhere, match="may not see") as caught:
            await d.as_(EVE).create(text_of())
        assert caught.value.giver is None and "Secret" not in str(vars(caught.value))


async def test_writes_are_audited(open_desk: Any):
    """Who did what to which entity, once each."""
    async with open_desk() as d:
        made = await d.as_(ADA).create(text_of())
        await d.as_(ADA).create(text_of())
        await d.delete(TILL, made.mark)
        rows = await d.site.rows("SELECT actor, meta FROM kernel_audit_event WHERE plugin = 'editing' ORDER BY seq")
        assert [("create" in str(row[1]), "delete" in str(row[1])) for row in rows] == [(True, False), (False, True)]


async def test_the_store_holds_across_restarts_and_beside_other_sources(open_desk: Any, world: Any):
    """Nobody runs it, and its entities stay."""
    async with open_desk() as d:
        await d.create(text_of())
    async with open_desk() as d:
        await d.site.pass_time(3600, step=600)
        assert (await d.get(TILL)).text == text_of()
        sources: CatalogSources = d.site.portal.service(CatalogSources)
        async with d.site.portal.db.read() as tx:
            assert dict(await sources.list_names(tx, "portal:")) == {SOURCE: 1}


def _ref() -> Any:
    from callboard.model.refs import EntityRef

    return EntityRef.parse(TILL)


def _location() -> str:
    return "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: more\nspec:\n  target: https://files.test/a.yaml\n"


BAD = (
    ("", "Nothing is written", 1, 1, None),
    ("a: [", "did not find", 2, 1, None),
    ("just text", "Expected object", 1, 1, None),
    (text_of() + "---\n" + text_of("two"), "One entity at a time", 10, 1, None),
    (text_of().replace("kind: Component\n", ""), "kind", 2, 1, None),
    (text_of().replace("name: till", "name: not a name"), "metadata.name", 5, 3, "metadata.name"),
    (text_of().replace("  owner: team\n", ""), "'owner'", 6, 1, "spec.owner"),
    (text_of().replace("owner: team", "owner: [a]"), "Must be string", 9, 3, "spec.owner"),
    (text_of().replace("kind: Component", "kind: Gadget"), "foreign kind", 3, 1, None),
)


@pytest.mark.parametrize(("text", "words", "line", "column", "field"), BAD)
async def test_what_is_wrong_is_told_with_its_place(
    open_desk: Any, text: str, words: str, line: int, column: Any, field: Any
):
    """Line and column of what to change, in words of the writer."""
    async with open_desk() as d:
        judged = await d.editing.judge(text, actor=SYSTEM)
        first = judged.findings[0]
        assert words in first.message, first
        assert first.line == line and (column is None or first.column == column), first
        assert field is None or first.field == field, first
        with pytest.raises(TextRefused) as caught:
            await d.create(text)
        assert caught.value.findings == tuple(judged.findings)


async def test_hostile_texts_are_refused_quickly(open_desk: Any):
    """Bombs of aliases and nesting, NUL, too much text: a finding or an error, within seconds and without much memory."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    deep = "a: " + "[" * 5000 + "]" * 5000
    async with open_desk() as d:
        async with asyncio.timeout(10):
            for text in (bomb, deep, text_of(note='"\\0"'), "a: \x00", "!!python/object:os.system {}"):
                assert await d.messages(text), text[:40]
            with pytest.raises(LimitError):
                await d.create(text_of() + "# " + "x" * 600_000)


async def test_the_text_cannot_say_that_it_came_from_elsewhere(open_desk: Any):
    """Annotations of origin, uid, etag, relations and status are the catalog's; files beside a foreign location are not read."""
    text = text_of().replace(
        "  name: till\n",
        "  name: till\n  uid: 00000000-0000-0000-0000-000000000000\n  annotations:\n    backstage.io/managed-by-location: file:/etc/passwd\n"
        "    backstage.io/managed-by-origin-location: url:https://files.test/x\n    acme.example/floor: '2'\n",
    )
    async with open_desk() as d:
        await d.create(text + "relations: []\nstatus: {items: []}\n")
        entity = await d.site.get(TILL)
        annotations = entity["metadata"]["annotations"]
        assert (
            annotations["backstage.io/managed-by-location"]
            == annotations["backstage.io/managed-by-origin-location"]
            == SOURCE
        )
        assert annotations["acme.example/floor"] == "2" and not entity["metadata"]["uid"].startswith("00000000")
        assert await d.messages(
            text_of(kind="API").replace("  owner: team", "  owner: team\n  definition:\n    $text: /etc/passwd")
        )


async def test_every_finding_has_a_place_in_the_text(open_desk: Any):
    """Also those of lists within the text, and of keys that need quotes."""
    text = text_of().replace(
        "  name: till\n", "  name: till\n  tags:\n    - good\n    - NOT GOOD\n  labels:\n    'not a key!': x\n"
    )
    async with open_desk() as d:
        found = (await d.editing.judge(text, actor=SYSTEM)).findings
        assert {(f.field, f.line) for f in found} >= {("metadata.tags[1]", 8)}, found


async def test_the_store_of_one_portal_is_not_that_of_another(open_desk: Any, world: Any):
    """Two portals in one process do not see each other."""
    async with open_desk() as d, world.beside().site() as other:
        await d.create(text_of())
        assert await Desk(other).find(TILL) is None
