"""From what Locations name to files: paths, nested Locations, globs, URLs, and what cannot be read."""

from __future__ import annotations

import os
import time
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


async def test_every_mark_of_a_glob_counts(world: Any) -> None:
    """``?``, ``[…]`` and ``{…}`` as well; but a file that is really called so is read by its name."""
    for name in ("a1", "a2", "b1", "b22", "c", "[c]"):
        world.write(f"{name}.yaml", component(f"x-{name.strip('[]')}" if name != "[c]" else "bracket"))
    async with world.site("a?.yaml", "{b1,nope}.yaml", "[c].yaml") as site:
        assert await site.refs() == {
            "component:default/x-a1", "component:default/x-a2", "component:default/x-b1", "component:default/bracket",
        }  # fmt: skip
        world.remove("[c].yaml")
        await site.sweep()
        assert "component:default/x-c" in await site.refs()


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
    world.fail(FILE_URL, 500)
    async with world.site("all.yaml") as site:
        (error,) = await site.errors("location:default/maybe")
        assert error["name"] == "ServiceUnavailableError"


@pytest.mark.parametrize("target", ["a.yaml", "*.yaml"])
async def test_a_file_written_twice_within_a_tick_of_the_clock_is_read_twice(world: Any, target: str) -> None:
    """Same size, same time, same inode: only its youth gives away that it may have changed once more."""
    world.write("a.yaml", component("a"))
    async with world.site(target) as site:
        now = time.time_ns()
        for description in ("one", "two"):
            path = world.write("a.yaml", component("a", metadata={"description": description}))
            os.utime(path, ns=(now, now))
            await site.sweep()
            assert await site.description("component:default/a") == description


async def test_a_url_location_is_read_and_its_relative_targets_are_urls(each_world: Any) -> None:
    """Targets of a file at a URL resolve against that URL; entities carry it as their location."""
    each_world.serve(FILE_URL, location("web", "./pay/info.yaml"), component("root"))
    each_world.serve("https://files.test/org/pay/info.yaml", component("pay"))
    async with each_world.site({"type": "url", "target": FILE_URL}) as site:
        assert await site.refs() == {"location:default/web", "component:default/root", "component:default/pay"}
        annotations = (await site.get("component:default/pay"))["metadata"]["annotations"]
        assert annotations["backstage.io/managed-by-location"] == "url:https://files.test/org/pay/info.yaml"
        assert annotations["backstage.io/managed-by-origin-location"] == f"url:{FILE_URL}"
        assert annotations["backstage.io/view-url"] == "https://files.test/org/pay/info.yaml"


async def test_an_unmodified_url_costs_a_question_and_no_write(each_world: Any) -> None:
    """The etag goes along with the next question, and the answer 304 leaves the revision as it is."""
    each_world.serve(FILE_URL, component("a"))
    async with each_world.site({"type": "url", "target": FILE_URL}) as site:
        before, asked = await site.revision(), len(each_world.http.sent)
        await site.sweep()
        await site.sweep()
        assert len(each_world.http.sent) == asked + 2
        assert each_world.http.sent[-1].headers["if-none-match"].startswith('"')
        assert await site.revision() == before


async def test_a_url_that_changed_is_taken_in(each_world: Any) -> None:
    """New documents come, changed ones change, missing ones go."""
    each_world.serve(FILE_URL, component("stays", metadata={"description": "first"}), component("goes"))
    async with each_world.site({"type": "url", "target": FILE_URL}) as site:
        each_world.serve(FILE_URL, component("stays", metadata={"description": "second"}), component("comes"))
        await site.sweep()
        assert await site.refs() == {"component:default/stays", "component:default/comes"}
        assert await site.description("component:default/stays") == "second"


@pytest.mark.parametrize(
    ("status", "name"), [(404, "NotFoundError"), (403, "NotAllowedError"), (500, "ServiceUnavailableError")]
)
async def test_a_url_that_answers_badly_keeps_what_it_gave(world: Any, status: int, name: str) -> None:
    """Whatever the host says, entities stay; the location carries the error and loses it when the host recovers."""
    world.serve(FILE_URL, component("a"))
    async with world.site({"type": "url", "target": FILE_URL}) as site:
        world.fail(FILE_URL, status)
        await site.sweep()
        assert await site.refs() == {"component:default/a"}
        (error,) = await site.location_errors()
        assert (error["name"], error["stage"]) == (name, "read")
        assert str(status) in error["message"]
        world.serve(FILE_URL, component("a"))
        await site.sweep()
        assert await site.location_errors() == []


async def test_a_recovered_url_that_did_not_change_is_told_as_read(world: Any) -> None:
    """After an outage the answer 304 is a success: nothing still says that the file could not be read."""
    world.serve(FILE_URL, component("a"))
    async with world.site({"type": "url", "target": FILE_URL}) as site:
        world.fail(FILE_URL, 500)
        await site.sweep()
        why = await site.why(FILE_URL)
        assert why.subjects[0].stopped_at == "read"
        world.serve(FILE_URL, component("a"))
        await site.sweep()
        why = await site.why(FILE_URL)
        assert [subject.stopped_at for subject in why.subjects] == [None, None]
        assert (await site.why("component:default/a")).subjects[0].stopped_at is None


async def test_a_host_that_no_setting_names_is_refused_with_the_setting_to_change(world: Any) -> None:
    """The error of a foreign host says where it may be allowed."""
    async with world.site({"type": "url", "target": "https://elsewhere.test/a.yaml"}) as site:
        (error,) = await site.location_errors()
        assert error["name"] == "NotAllowedError"
        assert "backend.reading.allow" in error["message"]
        assert world.http.sent == []


async def test_an_unknown_location_type_is_refused(world: Any) -> None:
    """A type that no reader knows is an error of the location."""
    async with world.site({"type": "ftp", "target": "ftp://files.test/a.yaml"}) as site:
        (error,) = await site.location_errors()
        assert "No reader knows locations of type 'ftp'" in error["message"]


async def test_a_reader_of_a_plugin_that_breaks_holds_nothing_else_back(world: Any) -> None:
    """An unexpected exception in a plugin's reader is an error of its target; other targets are read."""

    class Broken:
        def handles(self, url: str) -> bool:
            return "broken" in url

        async def read(self, url: str, *, etag: str | None = None) -> Any:
            raise KeyError("surprise")

        async def search(self, url: str, *, etag: str | None = None) -> Any:
            raise KeyError("surprise")

        def resolve(self, target: str, base: str) -> str:
            return target

    world.write("all.yaml", location("all", "https://broken.test/x.yaml", FILE_URL, type="url"))
    world.serve(FILE_URL, component("a"))
    async with world.site("all.yaml", extension=world.extend(readers=[Broken()])) as site:
        assert "component:default/a" in await site.refs()
        (error,) = await site.errors("location:default/all")
        assert "surprise" in error["message"]


async def test_cyclic_locations_are_read_once_and_go_together(each_world: Any) -> None:
    """Two Location files that name each other end; when nothing else names them, both go."""
    each_world.write("root.yaml", location("root", "./a.yaml"))
    each_world.write("a.yaml", location("a", "./b.yaml"), component("in-a"))
    each_world.write("b.yaml", location("b", "./a.yaml"), component("in-b"))
    async with each_world.site("root.yaml") as site:
        everything = {"location:default/a", "location:default/b", "component:default/in-a", "component:default/in-b"}
        assert await site.refs() == {"location:default/root", *everything}
        before = await site.revision()
        await site.sweep()
        assert await site.revision() == before
        assert await site.all_findings() == []
        each_world.write("root.yaml", location("root"))
        await site.sweep()
        assert await site.refs() == {"location:default/root"}


async def test_a_location_file_that_names_itself_ends(world: Any) -> None:
    """The shortest cycle: a Location whose target is its own file."""
    world.write("self.yaml", location("self", "./self.yaml"), component("a"))
    async with world.site("self.yaml") as site:
        assert await site.refs() == {"location:default/self", "component:default/a"}
        before = await site.revision()
        await site.sweep()
        assert await site.revision() == before
    async with world.site() as site:
        assert await site.refs() == set()


async def test_a_file_named_twice_gives_its_entities_once(each_world: Any) -> None:
    """By one Location, by a pattern beside its name, or by two Locations: no conflict, and all must let go."""
    each_world.write(
        "all.yaml", location("one", "./a.yaml", "./a.yaml", "./*/../a.yaml", "./[a].yaml"), location("two", "./a.yaml")
    )
    each_world.write("a.yaml", component("a"))
    async with each_world.site("all.yaml", "a.yaml") as site:
        assert "component:default/a" in await site.refs()
        assert [f for f in await site.all_findings() if f.stage == "conflict"] == []
        before = await site.revision()
        await site.sweep()
        assert await site.revision() == before
        each_world.write("all.yaml", location("one"), location("two", "./a.yaml"))
        await site.sweep()
        assert "component:default/a" in await site.refs()
    async with each_world.site("all.yaml") as site:
        assert "component:default/a" in await site.refs()
        each_world.write("all.yaml", location("one"), location("two"))
        await site.sweep()
        assert await site.refs() == {"location:default/one", "location:default/two"}


async def test_a_target_outside_the_tree_is_refused(world: Any) -> None:
    """A Location in a repository cannot read the rest of the machine."""
    (world.folder / "repo" / ".git").mkdir(parents=True)
    world.write("repo/all.yaml", location("all", "../secret.yaml", "/etc/passwd", "./ok.yaml"))
    world.write("repo/ok.yaml", component("ok"))
    world.write("secret.yaml", component("secret"))
    async with world.site("repo/all.yaml") as site:
        assert await site.refs() == {"location:default/all", "component:default/ok"}
        errors = await site.errors("location:default/all")
        assert [error["name"] for error in errors] == ["NotAllowedError", "NotAllowedError"]
        assert "catalog.fileRoots" in errors[0]["message"]


async def test_a_bad_target_is_told_once_and_the_others_are_read(world: Any) -> None:
    """A target that ends with a slash is an error with its place; the Location stands and its other targets are read."""
    world.write("all.yaml", location("all", "./folder/", "./a.yaml"))
    world.write("a.yaml", component("a"))
    async with world.site("all.yaml") as site:
        assert "component:default/a" in await site.refs()
        (error,) = await site.errors("location:default/all")
        assert error["stage"] == "location"
        assert error["field"] == "spec.targets[0]"
        assert error["line"] is not None
