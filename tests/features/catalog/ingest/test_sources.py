"""From what Locations name to files: paths, nested Locations, globs, URLs, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.testing import component, group, location

pytestmark = pytest.mark.anyio

FILE_URL = "https://files.test/org/catalog-info.yaml"


async def test_a_configured_file_gives_its_documents(each_world: Any) -> None:
    """Every document of a configured file becomes an entity that says where it came from."""
    path = each_world.write("catalog-info.yaml", component("payments-api"), group("team"))
    async with each_world.site("catalog-info.yaml") as site:
        assert await site.refs() == {"component:default/payments-api", "group:default/team"}
        entity = await site.get("component:default/payments-api")
        annotations = entity["metadata"]["annotations"]
        assert annotations["backstage.io/managed-by-location"] == f"file:{path}"
        assert annotations["backstage.io/managed-by-origin-location"] == f"file:{path}"
        assert entity["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team"}]
        assert (await site.get("group:default/team"))["relations"] == [
            {"type": "ownerOf", "targetRef": "component:default/payments-api"}
        ]


async def test_a_nested_location_resolves_targets_beside_its_own_file(each_world: Any) -> None:
    """Relative targets start at the file that names them, at every level; the origin stays the configured file."""
    top = each_world.write("all.yaml", location("all", "./teams/all.yaml"))
    each_world.write("teams/all.yaml", location("teams", "./pay/catalog-info.yaml", "../shared.yaml"))
    deep = each_world.write("teams/pay/catalog-info.yaml", component("pay"))
    each_world.write("shared.yaml", component("shared"))
    async with each_world.site("all.yaml") as site:
        assert await site.refs() == {
            "location:default/all", "location:default/teams", "component:default/pay", "component:default/shared",
        }  # fmt: skip
        annotations = (await site.get("component:default/pay"))["metadata"]["annotations"]
        assert annotations["backstage.io/managed-by-location"] == f"file:{deep}"
        assert annotations["backstage.io/managed-by-origin-location"] == f"file:{top}"
        assert await site.location_errors() == []


async def test_a_location_reads_both_its_target_and_its_targets(world: Any) -> None:
    """``spec.target`` and ``spec.targets`` stand beside each other."""
    both = location("both", "./b.yaml")
    both["spec"]["target"] = "./a.yaml"
    world.write("all.yaml", both)
    world.write("a.yaml", component("a"))
    world.write("b.yaml", component("b"))
    async with world.site("all.yaml") as site:
        assert await site.refs() >= {"component:default/a", "component:default/b"}


async def test_a_glob_gives_every_file_that_matches(each_world: Any) -> None:
    """A pattern in the settings and one in a Location file name many files, also ones that come later."""
    each_world.write("pay/catalog-info.yaml", component("pay"))
    each_world.write("shop/deep/catalog-info.yaml", component("shop"))
    each_world.write("shop/deep/other.yaml", component("other"))
    async with each_world.site("**/catalog-info.yaml") as site:
        assert await site.refs() == {"component:default/pay", "component:default/shop"}
        each_world.write("late/catalog-info.yaml", component("late"))
        await site.sweep()
        assert "component:default/late" in await site.refs()
        each_world.remove("pay/catalog-info.yaml")
        await site.sweep()
        assert await site.refs() == {"component:default/late", "component:default/shop"}
        assert await site.location_errors() == []


async def test_a_glob_in_a_location_file_stands_beside_that_file(world: Any) -> None:
    """``./*/catalog-info.yaml`` of a nested Location begins at the folder of its file."""
    world.write("all.yaml", location("all", "./*/catalog-info.yaml"))
    world.write("a/catalog-info.yaml", component("a"))
    world.write("b/catalog-info.yaml", component("b"))
    world.write("b/c/catalog-info.yaml", component("c"))
    async with world.site("all.yaml") as site:
        assert await site.refs() == {"location:default/all", "component:default/a", "component:default/b"}


async def test_a_pattern_without_a_match_is_told(world: Any) -> None:
    """Nothing found is an error of the location, until something is there."""
    async with world.site("*.yaml") as site:
        (error,) = await site.location_errors()
        assert error["name"] == "NotFoundError"
        assert "matches no file" in error["message"]
        world.write("a.yaml", component("a"))
        await site.sweep()
        assert await site.location_errors() == []
        assert await site.refs() == {"component:default/a"}


async def test_a_missing_file_is_an_error_of_the_location_that_names_it(each_world: Any) -> None:
    """The Location entity says which target is missing and what to do; the others are read all the same."""
    each_world.write("all.yaml", location("all", "./here.yaml", "./missing.yaml"))
    each_world.write("here.yaml", component("here"))
    async with each_world.site("all.yaml") as site:
        assert "component:default/here" in await site.refs()
        (item,) = await site.status("location:default/all")
        assert (item["type"], item["level"]) == ("backstage.io/catalog-processing", "error")
        error = item["error"]
        assert error["name"] == "NotFoundError"
        assert error["stage"] == "read"
        assert error["file"] == str(each_world.path("missing.yaml"))
        assert "presence: optional" in error["fix"]
        assert item["message"] == f"NotFoundError: {error['message']}"


async def test_a_file_that_goes_missing_keeps_what_it_gave(each_world: Any) -> None:
    """Unknown is not gone: the entities of a file that cannot be found stay, and the Location says so until it is back."""
    each_world.write("a.yaml", component("a", metadata={"description": "first"}))
    async with each_world.site("a.yaml") as site:
        each_world.remove("a.yaml")
        await site.sweep()
        assert await site.description("component:default/a") == "first"
        (error,) = await site.location_errors()
        assert error["name"] == "NotFoundError"
        assert "What it gave before is kept" in error["message"]
        each_world.write("a.yaml", component("a", metadata={"description": "second"}))
        await site.sweep()
        assert await site.description("component:default/a") == "second"
        assert await site.location_errors() == []


async def test_an_unreadable_file_keeps_what_it_gave(world: Any) -> None:
    """A directory in the place of the file is not the end of its entities."""
    world.write("a.yaml", component("a"))
    async with world.site("a.yaml") as site:
        world.remove("a.yaml")
        world.path("a.yaml").mkdir()
        await site.sweep()
        assert await site.refs() == {"component:default/a"}
        (error,) = await site.location_errors()
        assert "is a directory" in error["message"]


async def test_a_file_that_grew_beyond_the_limit_keeps_what_it_gave(world: Any) -> None:
    """The limit of the settings holds for files that were fine before."""
    world.write("a.yaml", component("a"))
    async with world.site("a.yaml", maxFileSizeBytes=2_000) as site:
        world.write("a.yaml", component("a", metadata={"description": "x" * 3_000}))
        await site.sweep()
        assert await site.description("component:default/a") is None
        (error,) = await site.location_errors()
        assert error["name"] == "LimitError"
        assert "2000 bytes" in error["message"]


async def test_an_optional_target_may_be_missing(world: Any) -> None:
    """``presence: optional`` says nothing about a file that is not there, and reads it once it is."""
    maybe = location("maybe", "./maybe.yaml", "./maybe/*.yaml")
    maybe["spec"]["presence"] = "optional"
    world.write("all.yaml", maybe)
    async with world.site("all.yaml") as site:
        assert await site.status("location:default/maybe") == []
        world.write("maybe.yaml", component("a"))
        await site.sweep()
        assert "component:default/a" in await site.refs()


async def test_an_optional_target_that_was_there_keeps_what_it_gave(world: Any) -> None:
    """Optional says that absence is no error; what was read before stays as with any other file."""
    maybe = location("maybe", "./maybe.yaml")
    maybe["spec"]["presence"] = "optional"
    world.write("all.yaml", maybe)
    world.write("maybe.yaml", component("a"))
    async with world.site("all.yaml") as site:
        world.remove("maybe.yaml")
        await site.sweep()
        assert "component:default/a" in await site.refs()
        assert await site.status("location:default/maybe") == []


async def test_an_optional_target_that_cannot_be_read_is_told_all_the_same(world: Any) -> None:
    """Optional forgives absence only: a host that refuses is an error."""
    maybe = location("maybe", FILE_URL, type="url")
    maybe["spec"]["presence"] = "optional"
    world.write("all.yaml", maybe)
    world.http.add(FILE_URL, status=500)
    async with world.site("all.yaml") as site:
        (error,) = await site.errors("location:default/maybe")
        assert error["name"] == "ServiceUnavailableError"


async def test_a_url_location_is_read_and_its_relative_targets_are_urls(each_world: Any) -> None:
    """Targets of a file at a URL resolve against that URL; entities carry it as their location."""
    from tests_yaml import yaml_of

    each_world.http.add(FILE_URL, yaml_of(location("web", "./pay/info.yaml"), component("root")))
    each_world.http.add("https://files.test/org/pay/info.yaml", yaml_of(component("pay")))
    async with each_world.site({"type": "url", "target": FILE_URL}) as site:
        assert await site.refs() == {"location:default/web", "component:default/root", "component:default/pay"}
        annotations = (await site.get("component:default/pay"))["metadata"]["annotations"]
        assert annotations["backstage.io/managed-by-location"] == "url:https://files.test/org/pay/info.yaml"
        assert annotations["backstage.io/managed-by-origin-location"] == f"url:{FILE_URL}"
        assert annotations["backstage.io/view-url"] == "https://files.test/org/pay/info.yaml"


async def test_an_unmodified_url_is_asked_about_and_not_read(world: Any) -> None:
    """The etag goes along with the next question, and the answer 304 changes nothing."""
