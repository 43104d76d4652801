"""fs:*, debug:*, catalog:write, regex:replace and Roadie's utilities."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from typing import Any

import pytest

from callboard.features.scaffolder.actions import local_actions, working
from callboard.kernel.errors import ConflictError, InputError, LimitError, NotFoundError
from callboard.kernel.workspace import WorkspaceLimits
from tests.features.scaffolder.actions.conftest import Bench

pytestmark = pytest.mark.anyio
UTILS = "roadiehq:utils"


async def test_delete_takes_files_folders_links_and_globs(bench: Bench):
    """A link goes, not what it leads to; a folder goes with dotfiles and all; what is not there is no error."""
    for path in ("a.tmp", "deep/b.tmp", "deep/c", "folder/.hidden", "folder/x", "literal[1].txt", "stay"):
        bench.have(path, "x")
    (bench.root / "link").symlink_to("stay")
    await bench.do("fs:delete", files=["**/*.tmp", "folder", "link", "missing", "literal[1].txt"])
    assert sorted(bench.tree()) == ["deep/c", "stay"]
    await bench.do("fs:delete", files=["."])
    assert bench.tree() == {} and bench.root.is_dir()


async def test_rename_moves_files_and_folders(bench: Bench):
    """It makes folders, and replaces only when told to."""
    bench.have("a", "1")
    bench.have("b", "2")
    bench.have("dir/c", "3")
    (bench.root / "dir/up").symlink_to("c")
    await bench.do("fs:rename", files=[{"from": "a", "to": "x/y/a"}, {"from": "dir", "to": "moved"}])
    assert bench.tree() == {"x/y/a": "1", "b": "2", "moved/c": "3", "moved/up": "-> c"}
    with pytest.raises(ConflictError, match="already exists"):
        await bench.do("fs:rename", files=[{"from": "b", "to": "moved/c"}])
    await bench.do("fs:rename", files=[{"from": "b", "to": "moved/c", "overwrite": True}])
    assert bench.tree()["moved/c"] == "2"
    with pytest.raises(NotFoundError):
        await bench.do("fs:rename", files=[{"from": "gone", "to": "z"}])
    with pytest.raises(InputError, match="into itself"):
        await bench.do("fs:rename", files=[{"from": "moved", "to": "moved/in/it"}])


async def test_readdir_lists_one_level_or_all(bench: Bench):
    bench.have("b/c/d", "")
    bench.have("a", "")
    flat = await bench.do("fs:readdir", paths=["."])
    assert flat == {
        "files": [{"name": "a", "path": "a", "fullPath": f"{bench.workspace.root}/a"}],
        "folders": [{"name": "b", "path": "b", "fullPath": f"{bench.workspace.root}/b"}],
    }
    deep = await bench.do("fs:readdir", paths=["b"], recursive=True)
    assert [one["path"] for one in (*deep["folders"], *deep["files"])] == ["b/c", "b/c/d"]
    # A full path that a step was given is one of the workspace again.
    await bench.do("fs:delete", files=[flat["files"][0]["fullPath"]])
    assert "a" not in bench.tree()
    with pytest.raises(NotFoundError):
        await bench.do("fs:readdir", paths=["nowhere"])


async def test_debug_log_tells_input_message_and_workspace(bench: Bench):
    bench.have("src/a.txt", "inside")
    await bench.do("debug:log", message="Hello", listWorkspace=True)
    assert bench.step.lines == [
        '{\n  "message": "Hello",\n  "listWorkspace": true\n}', "Hello", "Workspace:\n  - src/a.txt",
    ]  # fmt: skip
    await bench.do("debug:log", listWorkspace="with-contents")
    assert bench.step.lines[-1] == "Workspace:\n  - src/a.txt:\ninside"
    await bench.do("debug:log", message="x" * 5_000_000)
    assert max(map(len, bench.step.lines)) < 101_000 and "4900000 characters more" in bench.step.lines[-1]
    with pytest.raises(InputError, match="debug:log"):
        await bench.do("debug:log", message=["no", "list"])


async def test_waiting_ends_in_time_and_when_it_is_cancelled(bench: Bench):
    started = time.monotonic()
    await bench.do("debug:wait", milliseconds=20)
    await bench.do(f"{UTILS}:sleep", amount=0.02)
    assert 0.03 < time.monotonic() - started < 2
    task = asyncio.ensure_future(bench.do("debug:wait", minutes=5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(InputError, match="10 minutes"):
        await bench.do("debug:wait", minutes=10, seconds=1)


async def test_catalog_write_adds_where_the_entity_came_from(bench: Bench):
    entity = {
        "kind": "Component",
        "metadata": {"name": "orders", "annotations": {"a": "b"}},
        "spec": {"tags": ["1", "x"]},
    }
    await bench.do("catalog:write", entity=entity)
    assert bench.tree() == {
        "catalog-info.yaml": "kind: Component\nmetadata:\n  name: orders\n  annotations:\n    a: b\n"
        "    backstage.io/source-template: template:default/test\nspec:\n  tags:\n    - \"1\"\n    - x\n"
    }  # fmt: skip
    await bench.do("catalog:write", entity={"kind": "API"}, filePath="deep/api.yaml")
    assert "source-template" in bench.tree()["deep/api.yaml"]


async def test_regex_replace_gives_a_value_for_each_key_and_cannot_run_away(bench: Bench):
    values = [{"key": "slug", "value": "My new  Service"}]
    expressions = [{"pattern": r"(\s)+", "flags": ["g"], "replacement": "-", "values": values}]
    assert await bench.do("regex:replace", regExps=expressions) == {"values": {"slug": "My-new-Service"}}
    for pattern in ("/x", "(", "[z-a]"):
        with pytest.raises(InputError):
            await bench.do("regex:replace", regExps=[{**expressions[0], "pattern": pattern}])
    with pytest.raises(InputError, match="twice"):
        await bench.do("regex:replace", regExps=expressions * 2)
    hostile = {"pattern": "(a+)+$", "replacement": "", "values": [{"key": "k", "value": "a" * 40 + "!"}]}
    with pytest.raises(InputError, match="units of work"):
        await bench.do("regex:replace", regExps=[hostile])


async def test_files_are_written_appended_to_and_parsed(bench: Bench):
    assert await bench.do(f"{UTILS}:fs:write", path="a/b.json", content='{"a":1}', preserveFormatting=True) == {
        "path": "a/b.json"
    }
    assert bench.tree()["a/b.json"] == '{\n  "a": 1\n}'
    await bench.do(f"{UTILS}:fs:append", path="new.yaml", content="a: 1\n")
    await bench.do(f"{UTILS}:fs:append", path="new.yaml", content="---\nb: 2\n")
    parse = f"{UTILS}:fs:parse"
    assert (await bench.do(parse, path="new.yaml"))["content"] == "a: 1\n---\nb: 2\n"
    assert (await bench.do(parse, path="new.yaml", parser="multiyaml"))["content"] == [{"a": 1}, {"b": 2}]
    assert (await bench.do(parse, path="a/b.json", parser="json"))["content"] == {"a": 1}
    assert (await bench.do(parse, path="a/b.json", parser="yaml"))["content"] == {"a": 1}
    bench.have("bad.json", '{\n "a": }')
    with pytest.raises(InputError) as told:
        await bench.do(parse, path="bad.json", parser="json")
    assert (told.value.file, told.value.line) == ("bad.json", 2)


async def test_texts_and_patterns_are_replaced_in_files(bench: Bench):
    for path in ("a.txt", "b.txt", ".hidden.txt"):
        bench.have(path, "v1.0 v1.1", mode=0o755)
    await bench.do(
        f"{UTILS}:fs:replace",
        files=[{"file": "*.txt", "find": r"v1\.(\d)", "matchRegex": True, "replaceWith": "v2.$1"}],
    )
    await bench.do(f"{UTILS}:fs:replace", files=[{"file": "a.txt", "find": "v2.0", "replaceWith": "$1"}])
    assert bench.tree() == {"a.txt": "$1 v2.1", "b.txt": "v2.0 v2.1", ".hidden.txt": "v1.0 v1.1"}
    assert (bench.root / "a.txt").stat().st_mode & 0o777 == 0o755
    with pytest.raises(InputError):
        await bench.do(f"{UTILS}:fs:replace", files=[{"file": "a.txt", "find": "x"}])


async def test_data_is_merged_into_json_and_yaml(bench: Bench):
    """Objects field by field, lists replaced or put together without what is there already."""
    bench.have("p.json", '{\n    "a": {"x": 1},\n    "l": [1, 2]\n}')
    merge = f"{UTILS}:json:merge"
    await bench.do(merge, path="p.json", content={"a": {"y": 2}, "l": [2, 3]}, mergeArrays=True, matchFileIndent=True)
    assert bench.tree()["p.json"] == json.dumps({"a": {"x": 1, "y": 2}, "l": [1, 2, 3]}, indent=4)
    await bench.do(merge, path="new.json", content='{"l": [9]}')
    assert json.loads(bench.tree()["new.json"]) == {"l": [9]}
    bench.have("d.yaml", "kind: A\nl: [1]\n---\nkind: B\nl: [1]\n")
    chosen: Any = {"key": "kind", "value": "B"}
    with pytest.raises(InputError, match="Multiple documents"):
        await bench.do(f"{UTILS}:merge", path="d.yaml", content={"l": [2]})
    await bench.do(f"{UTILS}:yaml:merge", path="d.yaml", content="l: [2]", useDocumentIncludingField=chosen)
    assert bench.tree()["d.yaml"] == "kind: A\nl:\n  - 1\n---\nkind: B\nl:\n  - 2\n"
    with pytest.raises(NotFoundError):
        await bench.do(f"{UTILS}:merge", path="gone.yaml", content={})
    with pytest.raises(InputError, match="neither"):
        await bench.do(f"{UTILS}:merge", path="a.toml", content={})


async def test_values_are_serialized(bench: Bench):
    data = {"b": {"a": 1, "c": 2}, "a": "x: y"}
    assert await bench.do(f"{UTILS}:serialize:json", data=data) == {"serialized": '{"b":{"a":1,"c":2},"a":"x: y"}'}
    kept = await bench.do(f"{UTILS}:serialize:json", data=data, replacer=["b", "a"], space="\t")
    assert kept == {"serialized": '{\n\t"b": {\n\t\t"a": 1\n\t},\n\t"a": "x: y"\n}'}
    text = await bench.do(f"{UTILS}:serialize:yaml", data=data, options={"indent": 4})
    assert text == {"serialized": 'b:\n    a: 1\n    c: 2\na: "x: y"\n'}


async def test_a_zip_holds_the_folder_and_never_itself(bench: Bench):
    bench.have("src/a/b.sh", "x", mode=0o755)
    (bench.root / "src/link").symlink_to("a/b.sh")
    for _ in range(2):
        assert await bench.do(f"{UTILS}:zip", path="src", outputPath="src/out.zip") == {"outputPath": "src/out.zip"}
    with zipfile.ZipFile(bench.root / "src/out.zip") as archive:
        assert archive.namelist() == ["a/b.sh", "link"] and archive.read("link") == b"a/b.sh"
        assert archive.getinfo("a/b.sh").external_attr >> 16 & 0o777 == 0o755
    with pytest.raises(NotFoundError):
        await bench.do(f"{UTILS}:zip", path="none", outputPath="z.zip")


async def test_no_step_fills_the_disk_before_its_end(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """The limits of the workspace are looked at while files are written."""
    monkeypatch.setattr(working, "CHECK_FILES", 50)
    monkeypatch.setattr(working, "CHECK_BYTES", 1_000_000)
    bench.workspace.limits = WorkspaceLimits(total_bytes=2_000_000, file_bytes=2_000_000, entries=120)
    for number in range(300):
        bench.put(f"many/{number}", "")
    with pytest.raises(LimitError):
        await bench.do("fetch:plain", url="many")
    assert len(list(bench.root.iterdir())) < 200
    await bench.do("fs:delete", files=["."])
    for number in range(20):
        bench.put(f"big/{number}", "{% for i in range(40) %}${{ values.x }}{% endfor %}")
    with pytest.raises(LimitError):
        await bench.do("fetch:template", url="big", values={"x": "y" * 100_000})


def test_every_action_has_schemas_and_examples_that_fit(bench: Bench):
    """What the reference shows is true: each example's input passes its own schema. Dry runs are by Backstage's rules."""
    import jsonschema_rs
    import yaml

    dry = {}
    for action in local_actions(bench.source, lambda: None):  # type: ignore[arg-type, return-value]
        assert action.examples and action.description, action.id
        validator = jsonschema_rs.validator_for(dict(action.input_schema))
        jsonschema_rs.validator_for(dict(action.output_schema))
        for shown in action.examples:
            step = yaml.safe_load(shown["example"])["steps"][0]
            assert step["action"] == action.id and validator.is_valid(step["input"]), (action.id, step)
        dry[action.id] = action.supports_dry_run
    assert [id for id, really in dry.items() if not really] == ["debug:wait"]


async def test_jsonata_transforms_values_and_files(bench: Bench):
    """Over what is given, a JSON file and a YAML file; as text or as the value."""
    data = {"items": [{"n": "a", "v": 1}, {"n": "b", "v": 3}]}
    made = await bench.do(f"{UTILS}:jsonata", data=data, expression="items[v > 1].{'name': n, 'sum': $sum(v)}")
    assert made == {"result": {"name": "b", "sum": 3}}
    bench.have("a.json", json.dumps(data))
    bench.have("a.yaml", "a: 1\n---\na: 2\n")
    read, yaml = f"{UTILS}:jsonata:json:transform", f"{UTILS}:jsonata:yaml:transform"
    assert await bench.do(read, path="a.json", expression="items.n", space=" ") == {"result": '[\n "a",\n "b"\n]'}
    assert await bench.do(yaml, path="a.yaml", expression="$sum(a)", loadAll=True, **{"as": "object"}) == {"result": 3}
    assert await bench.do(yaml, path="a.yaml", expression="{'all': a}", loadAll=True) == {
        "result": "all:\n  - 1\n  - 2\n"
    }
    with pytest.raises(InputError, match="JSONata failed"):
        await bench.do(f"{UTILS}:jsonata", data={}, expression="(((")


@pytest.mark.slow
async def test_jsonata_that_runs_away_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """By time, depth, memory or output; and with its step."""
    monkeypatch.setattr("callboard.features.scaffolder.actions.roadie.jsonata.TIMEOUT_S", 0.6)
    for expression in ("($f := function($x){$f($x + 1)}; $f(0))", "$join([1..9999999].('x' & $))"):
        with pytest.raises((InputError, LimitError)):
            await bench.do(f"{UTILS}:jsonata", data={}, expression=expression)
    task = asyncio.ensure_future(
        bench.do(f"{UTILS}:jsonata", data={}, expression="$map([1..999999], function($x){$x * 2})")
    )
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
