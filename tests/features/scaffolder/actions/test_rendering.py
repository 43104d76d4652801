"""Fetching and rendering: names, contents, what is copied, skipped and kept, as in Backstage."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.scaffolder.actions.binary import is_binary
from callboard.features.scaffolder.actions.rendering import FileFault
from callboard.features.scaffolder.interface import TemplateFilter
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from tests.features.scaffolder.actions.conftest import Bench

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n\x00\x00${{ values.name }}"


async def test_a_skeleton_is_rendered_with_its_names_modes_dotfiles_and_links(bench: Bench):
    """Names and contents get the values; what may be run stays so; binaries and links are copied."""
    bench.put("skeleton/${{ values.name }}/README.md", "# ${{ values.name }}\n")
    bench.put("skeleton/.env", "PORT=${{ values.port }}")
    bench.put("skeleton/run.sh", "#!/bin/sh\necho {{ plain }}\n", mode=0o755)
    bench.put("skeleton/logo.png", PNG)
    (bench.template / "skeleton/latest").symlink_to("run.sh")
    await bench.do("fetch:template", url="./skeleton", values={"name": "orders", "port": 8080})
    assert bench.tree() == {
        "orders/README.md": "# orders\n",
        ".env": "PORT=8080",
        "run.sh": "#!/bin/sh\necho {{ plain }}\n",
        "logo.png": PNG.decode("utf-8", "replace"),
        "latest": "-> run.sh",
    }
    assert (bench.root / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (bench.root / "logo.png").read_bytes() == PNG


async def test_names_that_render_to_nothing_are_skipped(bench: Bench):
    """An empty file name, an empty folder in the middle or in front: none of it is written."""
    bench.put("s/${{ values.no }}${{ values.no }}", "a")
    bench.put("s/${{ values.no }}/in-front", "b")
    bench.put("s/in/${{ values.no }}/middle", "c")
    bench.put("s/${{ 'kept' if values.yes }}", "d")
    await bench.do("fetch:template", url="./s", values={"no": "", "yes": True})
    assert bench.tree() == {"kept": "d"}


async def test_copied_without_templating_is_the_content_and_not_the_name(bench: Bench):
    """A glob, a folder's name for all in it, and an exception from them."""
    for path in (
        "a/${{ values.n }}.yml",
        "a/b/c.yml",
        "docs/x.md",
        "docs/deep/y.md",
        "z.yml",
        "w/keep.txt",
        "w/not.txt",
    ):
        bench.put(f"s/{path}", "${{ values.n }}")
    globs = ["a/*.yml", "docs/", "w/*.txt", "!w/not.txt"]
    await bench.do("fetch:template", url="./s", values={"n": "1"}, copyWithoutTemplating=globs)
    raw = "${{ values.n }}"
    assert bench.tree() == {
        "a/1.yml": raw, "a/b/c.yml": "1", "docs/deep/y.md": raw, "docs/x.md": raw, "w/keep.txt": raw, "w/not.txt": "1",
        "z.yml": "1",
    }  # fmt: skip


async def test_the_old_name_for_it_means_nothing_any_more(bench: Bench):
    """Backstage dropped it; the log says so."""
    bench.put("s/a", "${{ values.n }}")
    await bench.do("fetch:template", url="./s", values={"n": "1"}, copyWithoutRender=["a"])
    assert bench.tree() == {"a": "1"} and "Use copyWithoutTemplating" in bench.step.lines[0]


@pytest.mark.parametrize(("extension", "suffix"), [(True, ".njk"), (".tpl", ".tpl"), ("tpl", ".tpl")])
async def test_an_extension_says_which_files_are_rendered(bench: Bench, extension: Any, suffix: str):
    """It goes from their names; all names are rendered."""
    bench.put(f"s/a.md{suffix}", "${{ values.n }}")
    bench.put("s/${{ values.n }}.md", "${{ values.n }}")
    bench.put(f"s/{suffix}", "${{ values.n }}")
    await bench.do("fetch:template", url="./s", values={"n": "1"}, templateFileExtension=extension)
    assert bench.tree() == {"a.md": "1", "1.md": "${{ values.n }}", suffix: "${{ values.n }}"}


async def test_an_extension_goes_with_neither_globs_nor_cookiecutter(bench: Bench):
    for more in ({"copyWithoutTemplating": ["x"]}, {"cookiecutterCompat": True}):
        with pytest.raises(InputError, match="incompatible"):
            await bench.do("fetch:template", url="./s", templateFileExtension=True, **more)


async def test_what_is_there_stays_unless_it_is_to_be_replaced(bench: Bench):
    bench.put("s/a", "${{ values.n }}")
    bench.have("a", "mine")
    await bench.do("fetch:template", url="./s", values={"n": "1"})
    assert bench.tree() == {"a": "mine"} and any("Kept 1" in line for line in bench.step.lines)
    await bench.do("fetch:template", url="./s", values={"n": "1"}, replace=True)
    assert bench.tree() == {"a": "1"}


async def test_cookiecutter_mode_and_block_settings(bench: Bench):
    """Another delimiter and another root; line ends of blocks go when they are asked to."""
    bench.put("s/{{ cookiecutter.n }}.txt", "{{ cookiecutter.n | jsonify }} {{ True }}")
    bench.put("t.txt", "a\n  {% if true %}\nb\n  {% endif %}\n")
    await bench.do("fetch:template", url="./s", values={"n": "1"}, cookiecutterCompat=True)
    await bench.do("fetch:template:file", url="./t.txt", targetPath="t", trimBlocks=True, lstripBlocks=True)
    assert bench.tree() == {"1.txt": '"1" true', "t": "a\nb\n"}


async def test_a_fault_names_the_file_and_its_place_and_what_came_before_stays(bench: Bench):
    """Files nearer to the top are rendered first, in the order of their names."""
    bench.put("s/.first", "x")
    bench.put("s/b.yaml", "ok\n  ${{ values.n | nope }}")
    bench.put("s/c.yaml", "never")
    bench.put("s/a/deep.yaml", "never")
    with pytest.raises(FileFault) as told:
        await bench.do("fetch:template", url="./s", values={"n": "1"})
    assert told.value.file == "b.yaml" and "line 2, column 18" in told.value.message and bench.tree() == {".first": "x"}


async def test_files_are_fetched_as_they_are(bench: Bench):
    """fetch:plain and fetch:plain:file render nothing and write over what is there."""
    bench.put("s/a/${{ x }}", "${{ y }}")
    bench.put("one.bin", b"\x00\xff")
    bench.have("to/a/${{ x }}", "old")
    await bench.do("fetch:plain", url="./s", targetPath="to")
    await bench.do("fetch:plain:file", url="one.bin", targetPath="deep/er/two.bin")
    assert (bench.root / "to/a/${{ x }}").read_text() == "${{ y }}"
    assert (bench.root / "deep/er/two.bin").read_bytes() == b"\x00\xff"


async def test_files_of_the_workspace_are_rendered_beside(bench: Bench):
    """workspace:template never writes into what it reads, workspace:template:file keeps what is there."""
    bench.have("t/${{ values.n }}.md", "${{ values.n }}")
    await bench.do("workspace:template", sourcePath="t", targetPath="out", values={"n": "1"})
    await bench.do("workspace:template:file", sourcePath="t/${{ values.n }}.md", targetPath="one", values={"n": "2"})
    await bench.do("workspace:template:file", sourcePath="t/${{ values.n }}.md", targetPath="one", values={"n": "3"})
    assert bench.tree()["out/1.md"] == "1" and bench.tree()["one"] == "2"
    for target in ("t", "t/inner", "./t/../t/x"):
        with pytest.raises(InputError, match="must not be within"):
            await bench.do("workspace:template", sourcePath="t", targetPath=target, values={})


async def test_relative_addresses_of_a_template_on_the_disk_stay_below_its_folder(bench: Bench, tmp_path: Any):
    """Neither up, nor by a link, nor by an address of a file; what is missing is told."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "secret").write_text("s")
    (bench.template / "out").symlink_to(tmp_path / "beside")
    for url in ("../beside", "out", "./x/../../beside"):
        with pytest.raises(NotAllowedError):
            await bench.do("fetch:plain", url=url)
    for url in ("file:///etc", f"file://{tmp_path}/beside", "FILE:///etc/passwd"):
        with pytest.raises(NotAllowedError):
            await bench.do("fetch:plain:file", url=url, targetPath="x")
    with pytest.raises(NotFoundError):
        await bench.do("fetch:plain", url="./nothing")
    assert bench.tree() == {}


async def test_rendering_leaves_the_loop_free_and_ends_when_it_is_cancelled(bench: Bench):
    """Others go on while files are rendered; after a cancel nothing more is written."""
    for number in range(400):
        bench.put(f"s/{number:03}", "{% for i in range(300) %}${{ i }}{% endfor %}")
    task = asyncio.ensure_future(bench.do("fetch:template", url="./s", values={}))
    turns = 0
    while not any(bench.root.iterdir()):
        await asyncio.sleep(0.001)
        turns += 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    count = len(list(bench.root.iterdir()))
    await asyncio.sleep(0.05)
    assert turns > 0 and 0 < count < 400 and len(list(bench.root.iterdir())) == count


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", False), (b"text\n", False), ("h\u00e4\u20ac\U0001f600".encode(), False), (b"a\x00", True), (b"%PDF-1", True),
        (b"\xef\xbb\xbf\x00", False), (b"\xff\xfea\x00", False), (bytes(range(128, 192)), True), (b"caf\xe9 " * 3, True),
        (b"one odd byte \xe9 in a long line of text, that is none", False), (b"x" * 600 + b"\x00", False),
    ],
)  # fmt: skip
def test_binary_is_what_the_library_of_backstage_calls_so(content: bytes, expected: bool):
    assert is_binary(content) is expected


async def test_filters_of_plugins_reach_files(bench: Bench):
    """The language is asked for when a step runs."""
    from callboard.features.scaffolder.actions import local_actions
    from callboard.features.scaffolder.languages import Extensions
    from callboard.kernel.actions import ActionRegistry

    extensions = Extensions.of({}, [TemplateFilter("shout", lambda text: f"{text}!")])
    bench.registry = ActionRegistry(None, None)
    bench.registry.register(local_actions(bench.source, lambda: extensions.language))
    bench.put("f", "${{ 'hi' | shout }}")
    await bench.do("fetch:template:file", url="f", targetPath="f")
    assert bench.tree() == {"f": "hi!"}
