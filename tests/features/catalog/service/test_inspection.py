"""Looking without writing: dry runs, validation, and what happened to a ref, a file or a URL."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import Why
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError
from callboard.model.refs import LocationRef
from callboard.testing import component, group, location, user

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"
BASE = "http://127.0.0.1:7099"


def _local(world: Any) -> dict[str, Any]:
    """Settings that let the host of the recorded answers be read."""
    return {"backend": {"reading": {"allow": [{"host": "127.0.0.1:7099"}]}}, "catalog": {"watchFiles": False}}


async def _dry_run(site: Any, name: str) -> Any:
    return await site.commands.dry_run_location(LocationRef("url", f"{BASE}/{name}"), actor=SYSTEM)


# ---- dry run: messages and shapes are those of Backstage 1.55, as recorded -------------------------------------------


async def test_a_dry_run_shows_what_would_come_and_writes_nothing(world: Any) -> None:
    """The Location entity first, then what its file holds, processed; source: recorded answer of Backstage 1.55."""
    one = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "from-url", "description": "first"},
        "spec": {"type": "service", "lifecycle": "production", "owner": "group-000000"},
    }  # fmt: skip
    world.serve(f"{BASE}/one.yaml", one)
    async with world.site(settings=_local(world)) as site:
        before = await site.revision()
        found = await _dry_run(site, "one.yaml")
        assert not found.exists
        assert found.location.id == f"url:{BASE}/one.yaml"
        assert found.location.entity_ref == "location:default/generated-48b12051071c67d851ed574de6d1ad79a1abcc99"
        annotations = {
            "backstage.io/managed-by-location": f"url:{BASE}/one.yaml",
            "backstage.io/managed-by-origin-location": f"url:{BASE}/one.yaml",
            "backstage.io/view-url": f"{BASE}/one.yaml",
        }
        assert found.entities == [
            {
                "metadata": {
                    "annotations": annotations, "name": "generated-48b12051071c67d851ed574de6d1ad79a1abcc99",
                    "namespace": "default",
                },
                "apiVersion": "backstage.io/v1alpha1", "kind": "Location", "spec": {"type": "url", "target": f"{BASE}/one.yaml"},
            },
            {
                "metadata": {"namespace": "default", "annotations": annotations, "name": "from-url", "description": "first"},
                "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "spec": one["spec"],
            },
        ]  # fmt: skip
        assert await site.revision() == before
        assert await site.refs() == set()
        await site.commands.create_location(LocationRef("url", f"{BASE}/one.yaml"), on_conflict="reject", actor=SYSTEM)
        assert (await _dry_run(site, "one.yaml")).exists


async def test_a_dry_run_follows_nested_locations_and_placeholders(world: Any) -> None:
    """All that registering would bring, at every level."""
    from callboard.testing import api

    world.serve(f"{BASE}/one.yaml", location("more", "./two.yaml"))
    world.serve(f"{BASE}/two.yaml", api("a", definition={"$text": "./spec.txt"}))
    world.serve(f"{BASE}/spec.txt", "openapi: 3.1.0\n")
    async with world.site(settings=_local(world)) as site:
        found = await _dry_run(site, "one.yaml")
        assert [entity["kind"] for entity in found.entities] == ["Location", "Location", "API"]
        assert found.entities[2]["spec"]["definition"] == "openapi: 3.1.0\n"


async def test_a_dry_run_tells_why_it_fails_as_backstage_does(world: Any) -> None:
    """Missing file, host that is not allowed, bad YAML, bad entity; source: recorded answers of Backstage 1.55."""
    world.fail(f"{BASE}/missing.yaml", 404)
    world.serve(f"{BASE}/bad-yaml.yaml", "a: [1, 2\n")
    world.serve(
        f"{BASE}/bad-entity.yaml",
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "Not A Name!"}, "spec": {}},
    )
    async with world.site(settings=_local(world)) as site:
        with pytest.raises(InputError) as error:
            await _dry_run(site, "missing.yaml")
        assert (
            error.value.message == f"NotFoundError: Unable to read url, no matching files found for {BASE}/missing.yaml"
        )
        with pytest.raises(InputError) as error:
            await site.commands.dry_run_location(LocationRef("url", "http://127.0.0.1:1/x.yaml"), actor=SYSTEM)
        assert error.value.message == (
            "Error: Unable to read url, Reading from 'http://127.0.0.1:1/x.yaml' is not allowed. You may need to configure an "
            "integration for the target host, or add it to the configured list of allowed hosts at 'backend.reading.allow'"
        )
        with pytest.raises(InputError) as error:
            await _dry_run(site, "bad-yaml.yaml")
        assert error.value.message.startswith(f"Error: YAML error at url:{BASE}/bad-yaml.yaml, YAMLParseError: ")
        assert "line" in error.value.message
        with pytest.raises(InputError) as error:
            await _dry_run(site, "bad-entity.yaml")
        assert error.value.message.startswith(
            "InputError: Policy check failed for component:default/not a name!; caused by Error: "
            '"metadata.name" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], '
            'at most 63 characters in total but found "Not A Name!"'
        )


async def test_a_dry_run_refuses_one_entity_twice(world: Any) -> None:
    """As registering would keep one of the two out."""
    world.serve(f"{BASE}/one.yaml", component("a"), component("a"))
    async with world.site(settings=_local(world)) as site:
        with pytest.raises(InputError, match="Duplicate nested entity: component:default/a"):
            await _dry_run(site, "one.yaml")


async def test_a_dry_run_of_a_cycle_ends(world: Any) -> None:
    """Locations that name each other are told, not followed for ever."""
    world.serve(f"{BASE}/one.yaml", location("one", "./two.yaml"))
    world.serve(f"{BASE}/two.yaml", location("two", "./one.yaml"))
    async with world.site(settings=_local(world)) as site:
        with pytest.raises(InputError, match="Duplicate nested entity: location:default/one"):
            await _dry_run(site, "one.yaml")


async def test_validation_finds_what_would_keep_a_document_out(world: Any) -> None:
    """Good documents give nothing, bad ones their errors; rules are not asked."""
    here = LocationRef("url", "https://files.test/x.yaml")
    async with world.site(rules=[{"allow": ["API"]}]) as site:
        assert await site.commands.validate_entity(component("a"), here, actor=SYSTEM) == []
        bad = component("a", metadata={"tags": ["Not A Tag"]})
        (finding,) = await site.commands.validate_entity(bad, here, actor=SYSTEM)
        assert (finding.stage, finding.field) == ("policy", "metadata.tags[0]") or "tags" in finding.message
        assert await site.commands.validate_entity("text", here, actor=SYSTEM) != []


# ---- why --------------------------------------------------------------------------------------------------------------


def _states(why: Why, at: int = 0) -> dict[str, str]:
    return {step.name: step.state for step in why.subjects[at].steps}


GOOD = dict.fromkeys(("named", "read", "parsed", "validated", "placed", "stitched"), "ok")


async def test_why_follows_a_good_entity_through_every_step(each_world: Any) -> None:
    """Named where, read when, and in the catalog since."""
    path = each_world.write("all.yaml", group("team"), component("a"))
    async with each_world.site("all.yaml") as site:
        why = await site.why("Component:a")
        assert (why.kind, len(why.subjects)) == ("ref", 1)
        assert _states(why) == GOOD
        subject = why.subjects[0]
        assert (subject.ref, subject.location, subject.stopped_at) == (A, f"file:{path}", None)
        line = 1 + path.read_text()[: path.read_text().index("---\n")].count("\n")
        assert f"file:{path}, line {line}" in subject.steps[0].detail
        assert all(step.at is not None for step in subject.steps[1:])


async def test_why_says_where_a_document_stopped(each_world: Any) -> None:
    """Refused by its kind, never read, kept out by another: each names the step and the reason."""
    bad = component("b")
    del bad["spec"]["owner"]
    each_world.write("one.yaml", component("a"), bad)
    each_world.write("two.yaml", component("a"), location("more", "./missing.yaml"))
    async with each_world.site("one.yaml") as site:
        pass
    async with each_world.site("one.yaml", "two.yaml") as site:
        why = await site.why(B)
        assert why.subjects[0].stopped_at == "validated"
        assert _states(why) == {**GOOD, "validated": "failed", "placed": "skipped", "stitched": "skipped"}
        assert "owner" in why.subjects[0].steps[3].detail
        assert why.subjects[0].steps[3].findings[0].line is not None
        why = await site.why(A)
        assert sorted((s.location.rpartition("/")[2], s.stopped_at) for s in why.subjects) == [
            ("one.yaml", None), ("two.yaml", "placed"),
        ]  # fmt: skip
        kept_out = next(s for s in why.subjects if s.stopped_at == "placed")
        assert "already described by" in kept_out.steps[4].detail
        why = await site.why(str(each_world.path("missing.yaml")))
        assert why.kind == "location"
        assert why.subjects[0].stopped_at == "read"
        assert "does not exist" in why.subjects[0].steps[1].detail


async def test_why_of_an_entity_that_went_bad_says_that_it_stays(world: Any) -> None:
    """It stopped at its step, and yet the last good version is in the catalog."""
    world.write("all.yaml", component("a"), component("b"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", component("a"), "kind: [\n")
        await site.sweep()
        why = await site.why(B)
        assert why.subjects[0].stopped_at == "parsed"
        assert why.subjects[0].steps[-1].state == "ok"
        assert why.subjects[0].steps[-1].detail == "The last good version stays in the catalog"
        why = await site.why(str(world.path("all.yaml")))
        file = why.subjects[0]
        assert file.stopped_at == "parsed"
        assert file.steps[2].detail == "2 documents, 1 of them accepted"
        assert {s.ref for s in why.subjects[1:]} == {A, B}


async def test_why_of_a_file_tells_of_all_its_documents(world: Any) -> None:
    """By path, by location ref, or by file URL."""
    path = world.write("all.yaml", component("a"), component("b"))
    async with world.site("all.yaml") as site:
        for asked in (str(path), f"file:{path}", f"file://{path}"):
            why = await site.why(asked)
            assert [s.ref for s in why.subjects] == [None, A, B]
            assert all(s.stopped_at is None for s in why.subjects)


async def test_why_of_a_url_takes_the_spellings_that_people_paste(world: Any) -> None:
    """A blob page of GitHub is the tree page that the settings name."""
    target = "https://github.com/acme/shop/tree/main/catalog-info.yaml"
    async with world.site({"type": "url", "target": target}) as site:
        why = await site.why("https://github.com/acme/shop/blob/main/catalog-info.yaml")
        assert [s.location for s in why.subjects] == [f"url:{target}"]


async def test_why_of_an_unreadable_url_tells_the_error_of_the_host(world: Any) -> None:
    """Before anything could be read, and after something was."""
    url = "https://files.test/a.yaml"
    world.fail(url, 503)
    async with world.site({"type": "url", "target": url}) as site:
        assert "503" in (await site.why(url)).subjects[0].steps[1].detail
        world.serve(url, component("a"))
        await site.sweep()
        assert (await site.why(url)).subjects[0].stopped_at is None
        world.fail(url, 503)
        await site.sweep()
        why = await site.why(A)
        assert why.subjects[0].stopped_at == "read"
        assert "503" in why.subjects[0].steps[1].detail
        assert why.subjects[0].steps[-1].state == "ok"


async def test_why_of_what_nobody_named_suggests_what_was_meant(world: Any) -> None:
    """A slip of the pen finds the entity; nonsense finds nothing."""
    world.write("all.yaml", component("payments-api"))
    async with world.site("all.yaml") as site:
        why = await site.why("component:default/payment-api")
        assert why.subjects == [] and list(why.suggestions) == ["component:default/payments-api"]
        why = await site.why("https://files.test/never.yaml")
        assert why.subjects == [] and why.suggestions == []


async def test_why_of_a_provider_names_it(world: Any) -> None:
    """An entity without a file says which source gives it."""
    from callboard.features.catalog.interface import DeferredEntity, FullMutation

    class Staff:
        name, every_s = "staff", 3_600.0

        async def run(self, connection: Any) -> None:
            await connection.apply(FullMutation([DeferredEntity(group("team"), "staff")]))

    async with world.site(extension=world.extend(providers=[Staff()])) as site:
        why = await site.why("group:default/team")
        assert why.subjects[0].steps[0].detail == "Given by staff"
        assert _states(why) == GOOD


async def test_why_says_nothing_of_what_the_actor_may_not_see(world: Any) -> None:
    """Hidden and never named look alike: no subject, no suggestion, for refs and for files."""
    world.write("all.yaml", component("secret"), component("open"))
    secret = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": "secret"}}
    rules = [{"permission": "catalog.entity.*", "effect": "deny", "when": secret}]
    policy = {"roles": {"hidden": {"members": ["$users"], "rules": rules}}}
    async with world.site("all.yaml", more={"permission": {"policy": policy}}) as site:
        actor = user("ada")
        assert (await site.why("component:default/secret", actor)).subjects == []
        assert "component:default/secret" not in (await site.why("component:default/secre", actor)).suggestions
        why = await site.why(str(world.path("all.yaml")), actor)
        assert [s.ref for s in why.subjects if s.ref] == ["component:default/open"]
        assert [s.ref for s in (await site.why(str(world.path("all.yaml")))).subjects if s.ref] != [
            "component:default/open"
        ]
